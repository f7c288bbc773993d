"""The space in which questions lie: which embedder's vectors count, and what stands for one that cannot be used."""

from dataclasses import dataclass

import numpy as np

from models.embedding import Embedder
from store.lines import to_vector
from store.tables import QueryRow
from strategies.core.query import Vector

UNPLACED = ""
"""The embedder of a question that none has placed yet (router.unplaced)."""
UNIT = 0.1
"""By how much the length of a kept embedding may differ from 1; damaged bytes are almost never so near."""


@dataclass(frozen=True, slots=True)
class Space:
    """The embedder's name, and how many numbers each of its vectors has."""

    name: str
    size: int

    @classmethod
    def of(cls, embedder: Embedder) -> "Space":
        """The space of this embedder."""
        return cls(embedder.name, embedder.size)

    def vector(self, query: QueryRow) -> Vector:
        """Where the question lies, float32 [size]: NaN throughout if another embedder placed it, or it is damaged.

        A policy counts a judgement of such a question for its arm, and for no kind of question.
        """
        own = query.embedder == self.name and len(query.embedding) == 4 * self.size
        vector = to_vector(query.embedding) if own else self.nowhere
        return vector if is_placed(vector) else self.nowhere

    @property
    def nowhere(self) -> Vector:
        """What stands for a place that is not known."""
        return np.full(self.size, np.nan, dtype=np.float32)


def is_placed(vector: Vector) -> bool:
    """Whether it is the embedding of a question: numbers throughout, of length 1."""
    return bool(np.isfinite(vector).all() and abs(float(np.linalg.norm(vector.astype(np.float64))) - 1.0) <= UNIT)
