"""What was judged, question by question: where each lies, its words, and what every arm that answered it was given."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from router.neighbours import Near, Neighbours
from router.utility import Numbers
from strategies.core.query import Vector


@dataclass(frozen=True, slots=True)
class Latest:
    """The last judgement on a question: of which decision, the column of its arm, and the reward."""

    decision_id: str
    column: int
    reward: float


class Judged:
    """A table of questions by arms that grows; the same question asked again is the same row.

    A cell holds the weight of its judgements, nothing where the arm was never judged on the question, and their
    weighted reward. No cell is ever read as a reward of zero because it is empty: whoever averages divides by weight.
    """

    def __init__(self, size: int) -> None:
        self.size, self.count, self.width = size, 0, 0
        self._x = np.zeros((64, size), dtype=np.float32)
        self._weight, self._reward, self._unplain = (np.zeros((64, 16), dtype=np.float32) for _ in range(3))
        self._rows: dict[bytes, int] = {}
        self._latest: list[Latest] = []
        self._neighbours = Neighbours(size)
        self.texts: list[str] = []

    @property
    def x(self) -> Vector:
        """The embeddings, float32 [questions, size]."""
        return self._x[: self.count]

    @property
    def weight(self) -> NDArray[np.float32]:
        """The weight of what was judged, [questions, arms]; 0 where an arm was not judged."""
        return self._weight[: self.count, : self.width]

    @property
    def reward(self) -> NDArray[np.float32]:
        """The weighted sum of rewards, [questions, arms]; it says nothing where the weight is 0."""
        return self._reward[: self.count, : self.width]

    @property
    def unplain(self) -> NDArray[np.float32]:
        """How many judgements were not a whole yes or no, [questions, arms]."""
        return self._unplain[: self.count, : self.width]

    def place(self, embedding: Vector, text: str) -> int:
        """The row of a question, a new one if it was never met; `embedding` is finite and of this size."""
        unit = np.ascontiguousarray(embedding, dtype=np.float32)
        unit = unit / np.float32(max(float(np.linalg.norm(unit)), 1e-12))
        key = unit.tobytes()
        row = self._rows.setdefault(key, self.count)
        if row == self.count:
            if row == len(self._x):
                self._x, self._weight, self._reward, self._unplain = map(
                    _doubled, (self._x, self._weight, self._reward, self._unplain)
                )
            self._x[row] = unit
            self._neighbours.add(unit)
            self.texts.append(text)
            self._latest.append(Latest("", 0, 0.0))
            self.count += 1
        return row

    def book(self, row: int, column: int, reward: float, weight: float, decision_id: str = "") -> None:
        """Write one judgement into its cell."""
        while column >= self._weight.shape[1]:
            self._weight, self._reward, self._unplain = (
                np.concatenate([table, np.zeros_like(table)], axis=1)
                for table in (self._weight, self._reward, self._unplain)
            )
        self.width = max(self.width, column + 1)
        self._weight[row, column] += weight
        self._reward[row, column] += reward * weight
        self._unplain[row, column] += float(weight != 1.0 or reward not in (0.0, 1.0))
        self._latest[row] = Latest(decision_id, column, reward)

    def near(self, embedding: Vector, k: int) -> Near:
        """The k questions nearest to this one."""
        return self._neighbours.near(embedding, k)

    def latest(self, row: int) -> Latest:
        """What was judged last on this question."""
        return self._latest[row]


def summed(table: NDArray[np.float32], rows: NDArray[np.int64], width: int) -> Numbers:
    """A column sum over some rows of a table, [width]; zeros for arms that nobody has judged."""
    total = np.zeros(width)
    total[: table.shape[1]] = table[rows].sum(axis=0)
    return total


def widened(table: NDArray[np.floating], width: int) -> Numbers:
    """A table [rows, arms] with columns of zeros for arms that it does not know yet, [rows, width]."""
    return np.pad(np.asarray(table, dtype=np.float64), ((0, 0), (0, width - table.shape[1])))


def spread(count: int, most: int) -> NDArray[np.intp]:
    """At most so many of `count` rows, evenly over their order."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.intp)) if count else np.zeros(0, np.intp)


def sound(embedding: Vector) -> bool:
    """Whether an embedding can be placed; one with a NaN, or of no length, leaves only the arms' means."""
    return bool(embedding.ndim == 1 and np.isfinite(embedding).all() and embedding.any())


def _doubled(table: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.concatenate([table, np.zeros_like(table)])
