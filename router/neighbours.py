"""The nearest past questions: a graph that grows as questions come (faiss HNSW over 16-bit vectors)."""

from dataclasses import dataclass

import faiss
import numpy as np
from numpy.typing import NDArray

from strategies.core.query import Vector

LINKS = 16
"""Links of a node of the graph; with 16-bit vectors of 384 a question takes about 900 bytes."""
BREADTH_ADDING = 40
BREADTH_ASKING = 40


@dataclass(frozen=True, slots=True, eq=False)
class Near:
    """Rows in the order in which they were added, nearest first, and their cosines; both [k] or fewer."""

    rows: NDArray[np.int64]
    cosines: NDArray[np.float32]


class Neighbours:
    """Unit vectors by nearness; adding and asking take time with the logarithm of how many there are.

    Malkov and Yashunin (2020), Efficient and robust approximate nearest neighbor search using hierarchical navigable
    small world graphs, IEEE TPAMI 42. Nothing has to be trained before the first question.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._index = faiss.IndexHNSWSQ(size, faiss.ScalarQuantizer.QT_fp16, LINKS, faiss.METRIC_INNER_PRODUCT)  # type: ignore[arg-type]  # the stub wants the wrong class
        self._index.hnsw.efConstruction = BREADTH_ADDING
        self._index.hnsw.efSearch = BREADTH_ASKING

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def add(self, embedding: Vector) -> int:
        """Take a unit vector in, float32 [size]; returns its row."""
        self._index.add(np.ascontiguousarray(embedding, dtype=np.float32)[None])
        return len(self) - 1

    def near(self, embedding: Vector, k: int) -> Near:
        """The k nearest, as well as the graph finds them."""
        cosines, rows = self._index.search(
            np.ascontiguousarray(embedding, dtype=np.float32)[None], max(1, min(k, len(self)))
        )
        found = rows[0] >= 0
        return Near(rows[0][found], cosines[0][found])

    def vectors(self, rows: NDArray[np.int64]) -> Vector:
        """The unit vectors of these rows as the index keeps them, rounded to 16 bits; float32 [n, size]."""
        return np.asarray(self._index.reconstruct_batch(np.ascontiguousarray(rows, dtype=np.int64)), dtype=np.float32)
