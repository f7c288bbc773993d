"""The embedded default: small models of a synthetic world, trained from scratch, with their questions and checkers."""

import random
from collections.abc import Iterator
from pathlib import Path

from .check import check
from .documents import FOLDER as DOCUMENTS
from .families import FAMILIES
from .question import Question, Reworded

ZOO = ("generalist", "polymath", "abacus", "speller", "reader", "scholar", "follower")
BASE, LARGE = "generalist", "polymath"
EXPERTS = tuple(name for name in ZOO if name not in (BASE, LARGE))
"""Adapters over the base."""


def questions(family: str, n: int, seed: int, split: str = "test") -> Iterator[Question]:
    """n questions of a family, its tasks in turn; the same for the same seed. Raises KeyError for an unknown family.

    Wordings and contents of the "test" split never occur in the "train" split.
    """
    tasks = list(FAMILIES[family].values())
    rng = random.Random(f"{family}-{seed}-{split}")
    for i in range(n):
        yield tasks[i % len(tasks)](rng, split)


def paraphrases(family: str, n: int, seed: int, wordings: int, split: str = "test") -> Iterator[tuple[Question, ...]]:
    """n questions of a family, each in so many wordings that are drawn anew; the same for the same seed.

    Two of a question's wordings may be the same by chance. Raises KeyError for an unknown family.
    """
    tasks = list(FAMILIES[family].values())
    for i in range(n):
        seeds = [f"{family}-{seed}-{split}-{i}"] * wordings
        yield tuple(tasks[i % len(tasks)](Reworded(one, j), split) for j, one in enumerate(seeds))


def weights(name: str) -> Path:
    """Where a model's weights lie."""
    return Path(__file__).resolve().parent / "weights" / name


__all__ = [
    "BASE",
    "DOCUMENTS",
    "EXPERTS",
    "FAMILIES",
    "LARGE",
    "ZOO",
    "Question",
    "check",
    "paraphrases",
    "questions",
    "weights",
]
