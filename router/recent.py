"""Which arm the latest questions were given, so that the same question in other words is not given another.

An arm that was best for a question stays so for a rewording of it, unless another is clearly better there. A rewording
lies near it and has its rare words and numbers in common; what half of the latest questions share, as the phrases of a
template, says nothing. What was decided before something was learned of such questions does not count any more.
"""

import math
import re
from collections import Counter
from collections.abc import Set
from dataclasses import dataclass

import numpy as np

from router.types import Arm
from strategies.core.query import Vector

KEPT = 1024
FROM, UP_TO = 0.6, 0.75
"""Cosines from which on a question is near, and as near as rewordings are."""
MOST = 0.2
"""By how much, in reward, another arm must be better for a rewording to change its arm."""
LEAST, ENOUGH = 0.1, 0.6
"""The shares in common of what two questions are about from which on they may be, and surely are, one question."""
ALIKE = 0.6
"""The share of its numbers, of the longer list, that two wordings have in common at least."""
COMMON = 3.0
"""The logarithm of how rare a word must be among the latest questions, one in twenty, to say anything."""
LOOKED_AT = 4000
WORD, NUMBER = re.compile(r"[^\W\d_]{3,}"), re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class About:
    """The words of a text, and its numbers."""

    words: frozenset[str]
    numbers: frozenset[str]

    @classmethod
    def of(cls, text: str) -> "About":
        """Of the first few thousand characters."""
        small = text[:LOOKED_AT].lower()
        return cls(frozenset(WORD.findall(small)), frozenset(NUMBER.findall(small)))

    @property
    def all(self) -> frozenset[str]:
        """Words and numbers."""
        return self.words | self.numbers

    def may_be(self, other: "About") -> bool:
        """Whether the numbers allow both to be one question."""
        longer = max(len(self.numbers), len(other.numbers))
        return len(self.numbers & other.numbers) >= ALIKE * longer


@dataclass(frozen=True, slots=True)
class Kept:
    """The arm that the nearest of the latest questions was given, and how much worse it may be here and still stay."""

    arm: Arm
    allowed: float


@dataclass(frozen=True, slots=True)
class Given:
    """What a question was about, the arm that was best for it, and the number of the circumstances of the choice."""

    about: About
    arm: Arm
    frame: int


class Recent:
    """The latest KEPT questions, by their unit embeddings of `size`, and the arms that were best for them."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._embeddings = np.zeros((KEPT, size), dtype=np.float32)
        self._given: list[Given | None] = [None] * KEPT
        self._said: Counter[str] = Counter()
        self._count = self._next = 0

    def near(self, embedding: Vector, about: About, frame: int) -> Kept | None:
        """What the nearest question was given, if this may be a rewording of it in the same frame; None if not."""
        if len(embedding) != self._size or not self._count or not np.isfinite(embedding).all():
            return None
        cosines = self._embeddings @ embedding
        i = int(cosines.argmax())
        given, near = self._given[i], min(1.0, (float(cosines[i]) - FROM) / (UP_TO - FROM))
        if given is None or near <= 0.0 or given.frame != frame or not about.may_be(given.about):
            return None
        same = min(1.0, (self._shared(about.all, given.about.all) - LEAST) / (ENOUGH - LEAST))
        return Kept(given.arm, MOST * near * same) if same > 0.0 else None

    def remember(self, embedding: Vector, about: About, arm: Arm, frame: int) -> None:
        """Keep what a question was given, in the place of the oldest."""
        if len(embedding) == self._size and np.isfinite(embedding).all():
            self._drop(self._next)
            self._embeddings[self._next], self._given[self._next] = embedding, Given(about, arm, frame)
            self._said.update(about.all)
            self._count += 1
            self._next = (self._next + 1) % KEPT

    def forget(self, embedding: Vector) -> None:
        """Something was learned of such questions: what near ones were given does not count any more."""
        if len(embedding) == self._size and self._count:
            for i in np.flatnonzero(self._embeddings @ embedding >= FROM).tolist():
                self._drop(i)

    def _drop(self, i: int) -> None:
        given = self._given[i]
        if given is not None:
            self._said.subtract(given.about.all)
            self._embeddings[i], self._given[i] = 0.0, None
            self._count -= 1

    def _shared(self, left: Set[str], right: Set[str]) -> float:
        """What both have in common, as a share of the lesser of them: by how rare the words are, if any is."""
        least = min(self._rare(left), self._rare(right))
        if least > 0.0:
            return self._rare(left & right) / least
        shorter = min(len(left), len(right))
        return len(left & right) / shorter if shorter else 0.0

    def _rare(self, words: Set[str]) -> float:
        common = min(COMMON, 0.5 * math.log(self._count + 2.0))
        return sum(max(0.0, math.log((self._count + 2.0) / (self._said[word] + 1.0)) - common) for word in words)
