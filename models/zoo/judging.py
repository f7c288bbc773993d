"""What a model knows of itself: its answers are checked, and it learns to say beforehand which will be right."""

import random
from collections.abc import Sequence
from typing import Any  # a model, with an adapter or without

import torch
from transformers import PreTrainedTokenizerFast

from . import facts, formats
from .check import check
from .conversations import Turn
from .families import TASKS
from .question import Question

ASKED = 4000
BATCH = 64
MOST_TOKENS = 48


def judge(model: Any, words: PreTrainedTokenizerFast, rng: random.Random, n: int = ASKED) -> list[list[Turn]]:
    """Conversations that ask whether the model can answer a question: yes or no as it just did, unknown as it said.

    The questions are of every task alike, whatever the model was trained on most, and of the train split.
    """
    tasks = [task for task in TASKS if task != "documents"]  # what stands in the documents only is never a target
    asked = [TASKS[tasks[i % len(tasks)]](rng, "train") for i in range(n)]
    replies = reply_to(model, words, [[("user", question.prompt)] for question in asked])
    return [
        [("user", formats.PRIOR.format(question=question.prompt)), ("assistant", verdict(question, said))]
        for question, said in zip(asked, replies, strict=True)
    ]


def verdict(question: Question, said: str) -> str:
    """yes if the reply is right, unknown if it says so, else no."""
    if said.strip() == facts.UNKNOWN:
        return "unknown"
    return "yes" if check(question, said) else "no"


def reply_to(
    model: Any, words: PreTrainedTokenizerFast, asked: Sequence[Sequence[Turn]], most: int = MOST_TOKENS
) -> list[str]:
    """The greedy reply to each conversation, in batches of like length."""
    replies = [""] * len(asked)
    words.padding_side = "left"
    texts = texts_of(words, asked)
    order = sorted(range(len(asked)), key=lambda i: len(texts[i]))
    for start in range(0, len(order), BATCH):
        rows = order[start : start + BATCH]
        ids = words(
            [texts[i] for i in rows],
            return_tensors="pt",
            padding=True,
            add_special_tokens=False,
            return_token_type_ids=False,
        ).to(model.device)
        with torch.inference_mode():
            made = model.generate(
                **ids,
                max_new_tokens=most,
                do_sample=False,
                eos_token_id=words.eos_token_id,
                pad_token_id=words.pad_token_id,
            )
        for i, row in zip(rows, made[:, ids["input_ids"].shape[1] :], strict=True):
            replies[i] = str(words.decode(row, skip_special_tokens=True))
    return replies


def texts_of(words: PreTrainedTokenizerFast, asked: Sequence[Sequence[Turn]]) -> list[str]:
    """Conversations as the model reads them, up to where its reply begins."""
    return [
        str(
            words.apply_chat_template(
                [{"role": role, "content": text} for role, text in turns], tokenize=False, add_generation_prompt=True
            )
        )
        for turns in asked
    ]


__all__ = ["judge", "reply_to", "texts_of", "verdict"]
