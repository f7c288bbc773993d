"""Which arm the latest questions were given, so that the same question in other words is not given another.

An arm that was best for a question stays so for a near one, unless another is clearly better there: the nearer, the
more it takes. What was decided before something was learned of such questions does not count any more.
"""

from dataclasses import dataclass

import numpy as np

from router.types import Arm
from strategies.core.query import Vector

KEPT = 1024
FROM, UP_TO = 0.65, 0.75
"""Cosines from which on a question is near, and as near as rewordings are."""
MOST = 0.3
"""By how much, in reward, another arm must be better for a rewording to change its arm."""


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
        self._frames = [0] * KEPT
        self._next = 0

    def near(self, embedding: Vector, frame: int) -> Kept | None:
        """What the nearest question was given; None where none is near, or it was chosen in another frame."""
        if len(embedding) != self._size:
            return None
        cosines = self._embeddings @ embedding
        i = int(cosines.argmax())
        arm, allowed = self._arms[i], MOST * min(1.0, (float(cosines[i]) - FROM) / (UP_TO - FROM))
        return Kept(arm, allowed) if arm is not None and self._frames[i] == frame and allowed > 0.0 else None

    def remember(self, embedding: Vector, arm: Arm, frame: int) -> None:
        """Keep what a question was given, in the place of the oldest."""
        if len(embedding) == self._size and np.isfinite(embedding).all():
            self._embeddings[self._next], self._arms[self._next], self._frames[self._next] = embedding, arm, frame
            self._next = (self._next + 1) % KEPT

    def forget(self, embedding: Vector) -> None:
        """Something was learned of such questions: what near ones were given does not count any more."""
        if len(embedding) == self._size:
            for i in np.flatnonzero(self._embeddings @ embedding >= FROM).tolist():
                self._embeddings[i], self._arms[i] = 0.0, None
