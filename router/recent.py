"""Which arm the latest questions were given, so that the same question in other words is not given another.

An arm that was best for a question stays so for a rewording of it, unless another is clearly better there. A rewording
lies near it and is about the same things: it shares most of the other's words and numbers, those of grammar left out.
What was decided before something was learned of such questions does not count any more.
"""

import re
from dataclasses import dataclass

import numpy as np

from router.types import Arm
from strategies.core.query import Vector

KEPT = 1024
FROM, UP_TO = 0.65, 0.75
"""Cosines from which on a question is near, and as near as rewordings are."""
MOST = 0.3
"""By how much, in reward, another arm must be better for a rewording to change its arm."""
SHARED = 0.6
"""The share of its words, and of its numbers, that the shorter of two wordings has in common with the other."""
LOOKED_AT = 4000
WORD, NUMBER = re.compile(r"[^\W\d_]{3,}"), re.compile(r"\d+")
GRAMMAR = frozenset(
    "the and for are was were what which who whom whose when where why how does did has have had can could will would"
    " shall should may might this that these those with from into than then you your please tell know answer question"
    " its his her their our not one give".split()
)


@dataclass(frozen=True, slots=True)
class About:
    """What a text is about: its words without those of grammar, and its numbers."""

    words: frozenset[str]
    numbers: frozenset[str]

    @classmethod
    def of(cls, text: str) -> "About":
        """Of the first few thousand characters."""
        small = text[:LOOKED_AT].lower()
        return cls(frozenset(WORD.findall(small)) - GRAMMAR, frozenset(NUMBER.findall(small)))

    def same(self, other: "About") -> bool:
        """Whether both are about the same things."""
        if not (self.words or self.numbers) or not (other.words or other.numbers):
            return False
        everything = _shared(self.words | self.numbers, other.words | other.numbers)
        return everything >= SHARED and (
            self.numbers == other.numbers or _shared(self.numbers, other.numbers) >= SHARED
        )


def _shared(left: frozenset[str], right: frozenset[str]) -> float:
    shorter = min(len(left), len(right))
    return len(left & right) / shorter if shorter else 0.0


NOTHING = About(frozenset(), frozenset())


@dataclass(frozen=True, slots=True)
class Kept:
    """The arm that the nearest of the latest questions was given, and how much worse it may be here and still stay."""

    arm: Arm
    allowed: float


class Recent:
    """The latest KEPT questions, by their unit embeddings of `size`, and the arms that were best for them.

    A `frame` is the number of the circumstances of a choice: only what was chosen in the same ones is kept.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._embeddings = np.zeros((KEPT, size), dtype=np.float32)
        self._arms: list[Arm | None] = [None] * KEPT
        self._frames, self._about = [0] * KEPT, [NOTHING] * KEPT
        self._next = 0

    def near(self, embedding: Vector, about: About, frame: int) -> Kept | None:
        """What the nearest question was given, if this is a rewording of it in the same frame; None if not."""
        if len(embedding) != self._size:
            return None
        cosines = self._embeddings @ embedding
        i = int(cosines.argmax())
        arm, allowed = self._arms[i], MOST * min(1.0, (float(cosines[i]) - FROM) / (UP_TO - FROM))
        if arm is None or allowed <= 0.0 or self._frames[i] != frame or not about.same(self._about[i]):
            return None
        return Kept(arm, allowed)

    def remember(self, embedding: Vector, about: About, arm: Arm, frame: int) -> None:
        """Keep what a question was given, in the place of the oldest."""
        if len(embedding) == self._size and np.isfinite(embedding).all():
            i = self._next
            self._embeddings[i], self._about[i], self._arms[i], self._frames[i] = embedding, about, arm, frame
            self._next = (self._next + 1) % KEPT

    def forget(self, embedding: Vector) -> None:
        """Something was learned of such questions: what near ones were given does not count any more."""
        if len(embedding) == self._size:
            for i in np.flatnonzero(self._embeddings @ embedding >= FROM).tolist():
                self._embeddings[i], self._arms[i] = 0.0, None
