"""From conversations to rows of tokens: packed one after another, with labels on what the assistant says."""

import random
from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.utils.data import IterableDataset
from transformers import PreTrainedTokenizerFast

from . import tokenizer as tokens
from .conversations import Turn
from .recipes import LOOKUP_LENGTH, REPEATED, Recipe

IGNORE = -100
Talk = Callable[[random.Random], list[Turn]]
"""Makes one conversation. What has the role "told" is said by the assistant, but not learned."""


class Batches(IterableDataset[tuple[Tensor, Tensor]]):
    """The batches of a training from step `begun` to `end`: ids and labels [rows, length], the same for a seed.

    The first `lookups` steps hold random tokens said again and again, the others conversations.
    """

    def __init__(self, talk: Talk, recipe: Recipe, begun: int, end: int, lookups: int, label: str = "") -> None:
        self._talk, self._recipe = talk, recipe
        self._begun, self._end, self._lookups, self._label = begun, end, lookups, label

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        words, recipe = tokens.build(), self._recipe
        for step in range(self._begun, self._end):
            rng = random.Random(f"{recipe.seed}-{self._label}{step}")
            if step < self._lookups:
                rows = [again(words, LOOKUP_LENGTH, rng) for _ in range(recipe.batch)]
            else:
                rows = [
                    again(words, recipe.length, rng)
                    if rng.random() < REPEATED
                    else packed(self._talk, words, recipe.length, rng)
                    for _ in range(recipe.batch)
                ]
            yield torch.tensor([row[0] for row in rows]), torch.tensor([row[1] for row in rows])


def packed(talk: Talk, words: PreTrainedTokenizerFast, length: int, rng: random.Random) -> tuple[list[int], list[int]]:
    """Conversations up to `length` tokens; those that are longer by themselves are left out."""
    ids: list[int] = []
    labels: list[int] = []
    marks = {role: words.convert_tokens_to_ids(f"<|{role}|>") for role in ("system", "user", "assistant")}
    while len(ids) < length:
        own, told = [words.bos_token_id], [IGNORE]
        for role, said in talk(rng):
            text = words.backend_tokenizer.encode(said, add_special_tokens=False).ids
            own += [marks["assistant" if role == "told" else role], *text, words.eos_token_id]
            told += [IGNORE, *(text if role == "assistant" else [IGNORE] * len(text))]
            told.append(words.eos_token_id if role == "assistant" else IGNORE)
        if len(own) <= length:
            ids += own
            labels += told
    return ids[:length], labels[:length]


def again(words: PreTrainedTokenizerFast, length: int, rng: random.Random) -> tuple[list[int], list[int]]:
    """Random tokens, a short row of them said again and again; all but its first time has labels.

    This is what teaches looking up, which reading and copying stand on.
    """
    ids: list[int] = []
    labels: list[int] = []
    while len(ids) < length:
        row = [rng.randrange(len(tokens.SPECIAL), len(words)) for _ in range(rng.randint(3, 25))]
        times = rng.randint(1, 4)
        ids += [words.bos_token_id, *row, *row * times]
        labels += [IGNORE] * (len(row) + 2) + row[1:] + row * (times - 1)
    return ids[:length], labels[:length]
