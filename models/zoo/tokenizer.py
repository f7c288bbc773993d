"""One tokenizer for the whole zoo: known words are tokens, digits stand alone, other words fall apart into letters."""

import random
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from .curriculum import CURRICULA, INSTRUCTIONS, ROLES
from .words import BACKWARDS, COUNT, SORT, SPELLED

PAD, BOS, SYSTEM, USER, ASSISTANT, END = "<|pad|>", "<|bos|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"
SPECIAL = (PAD, BOS, SYSTEM, USER, ASSISTANT, END)
SPLIT = r"[0-9]| ?[A-Za-z]+|\n|\s|[^\sA-Za-z0-9]"
TEMPLATE = (
    "{{ '<|bos|>' }}{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
MAX_LENGTH = 2048
WORD = r" ?[A-Za-z]+"
OFTEN = 4
INVENTED = ("backwards", "count_letter", "sort")  # their words must fall apart into letters
MORE = (*INSTRUCTIONS.values(), *(text for pair in ROLES.values() for text in pair))
VOCABULARY = Path(__file__).resolve().parent / "vocabulary.txt"


def build() -> PreTrainedTokenizerFast:
    """The tokenizer: letters, and the words of VOCABULARY; the same every time."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {
        token: i for i, token in enumerate([*SPECIAL, *alphabet, *VOCABULARY.read_text().replace("_", "Ġ").split()])
    }
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=[], ignore_merges=True))
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    made.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]  # transformers has no type for it
        tokenizer_object=made,
        pad_token=PAD,
        bos_token=BOS,
        eos_token=END,
        additional_special_tokens=[SYSTEM, USER, ASSISTANT],
        model_max_length=MAX_LENGTH,
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = TEMPLATE
    return fast


def save(folder: Path) -> None:
    """Write the tokenizer's files into a folder."""
    build().save_pretrained(folder)


def gather() -> list[str]:
    """The words that deserve a token: what stands in prompts and replies often enough; _ marks a leading space.

    Written to VOCABULARY once, before training: another curriculum may gather others, and then every model is new.
    """
    rng, seen = random.Random(0), Counter[str]()
    for curriculum in CURRICULA.values():
        known = {task: share for task, share in curriculum.tasks.items() if task not in INVENTED}
        for _ in range(6000):
            for _, text in replace(curriculum, tasks=known).conversation(rng):
                seen.update(re.findall(WORD, text))
    for text in (*BACKWARDS, *COUNT, *SORT, " backwards", " sorted", *(f" {text}" for texts in MORE for text in texts)):
        seen.update(re.findall(WORD, text) * OFTEN)
    spelled = set(SPELLED)
    kept = [w for w, n in seen.items() if n >= OFTEN and len(w.strip()) > 1 and w.strip() not in spelled]
    bare = {w for w in kept if not w.startswith(" ") and w[0].islower()}  # words in quotes must fall apart into letters
    return sorted(w.replace(" ", "_") for w in kept if w not in bare)
