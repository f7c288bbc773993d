"""What was asked and how it was judged, in memory: questions by nearness, judgements in the order they came."""

from dataclasses import dataclass
from typing import Any  # the kind of number of a growing array

import numpy as np
from numpy.typing import DTypeLike, NDArray

from router.forest import Judged
from router.mosaic import Rows
from router.neighbours import Near, Neighbours
from router.surface import NAMES, surface
from router.utility import Numbers
from strategies.core.query import Vector

NONE = -1
REPEATS = 16
"""Judgements of one question that are looked at around it: a question that is asked all day must not slow others."""
EACH = 10
KEPT = 4.0
"""Judgements that the past of an arm is still worth after it has changed."""


class Growing:
    """An array that grows at its end; `rows` is the part that is filled."""

    def __init__(self, kind: DTypeLike, *width: int) -> None:
        self._all: NDArray[Any] = np.zeros((64, *width), dtype=kind)
        self._n = 0

    def __len__(self) -> int:
        return self._n

    @property
    def rows(self) -> NDArray[Any]:
        """What is filled, without copying; writing to it changes it."""
        return self._all[: self._n]

    def add(self, value: object) -> int:
        """Put one at the end; returns its place."""
        if self._n == len(self._all):
            self._all = np.concatenate([self._all, np.zeros_like(self._all)])
        self._all[self._n] = value
        self._n += 1
        return self._n - 1


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """The latest judgements and the questions that they are about, to fit from while the past goes on.

    `embeddings` is [rows, size], `surfaces` [rows, features], `judged` refers to these rows; `judgements` is how many
    there were in all when it was taken.
    """

    embeddings: Vector
    surfaces: NDArray[np.float32]
    judged: Judged
    judgements: int


@dataclass(frozen=True, slots=True)
class Renewal:
    """An arm became another before the judgement of this place: what was judged before counts by this share."""

    place: int
    column: int
    share: float


class Past:
    """Questions (the same embedding is the same question) and judgements; about 1.4 kB for each question."""

    def __init__(self, size: int) -> None:
        self.size, self.index = size, Neighbours(max(1, size))
        self.surfaces = Growing(np.float32, len(NAMES))
        self.row, self.column = Growing(np.int32), Growing(np.int16)
        self.reward, self.weight = Growing(np.float32), Growing(np.float32)
        self._rows: dict[int, int] = {}
        self._latest, self._before = Growing(np.int32), Growing(np.int32)
        self._decisions: list[str] = []
        self._renewals: list[Renewal] = []

    def __len__(self) -> int:
        """How many judgements there are."""
        return len(self.row)

    def question(self, embedding: Vector, text: str) -> int:
        """The row of a question, a new one if it was never judged."""
        key = hash(embedding.tobytes())
        if key not in self._rows:
            self._rows[key] = self.index.add(embedding)
            self.surfaces.add(surface(text))
            self._latest.add(NONE)
        return self._rows[key]

    def judge(self, row: int, column: int, reward: float, weight: float, decision_id: str) -> None:
        """Take a judgement of an arm on the question of that row."""
        place = self.row.add(row)
        for table, value in ((self.column, column), (self.reward, reward), (self.weight, weight)):
            table.add(value)
        self._before.add(self._latest.rows[row])
        self._latest.rows[row] = place
        self._decisions.append(decision_id)

    def renew(self, column: int) -> None:
        """The arm is another from here on: what was judged of it before counts for KEPT altogether."""
        much = float(self.weight.rows[self.column.rows == column].sum(dtype=np.float64))
        self._renewals.append(Renewal(len(self), column, KEPT / max(much, KEPT)))

    def counted(self, places: Rows, judgements: int | None = None) -> Numbers:
        """What these judgements weigh: less if the arm became another since, within the first `judgements`."""
        weight = np.asarray(self.weight.rows[places], dtype=np.float64)
        renewed = {one.column: one for one in self._renewals if judgements is None or one.place < judgements}
        if renewed:
            column = self.column.rows[places]
            since, share = np.zeros(max(renewed) + 1, dtype=np.intp), np.ones(max(renewed) + 1)
            for one in renewed.values():
                since[one.column], share[one.column] = one.place, one.share
            met = np.minimum(column, max(renewed))
            weight = np.where((column == met) & (places < since[met]), weight * share[met], weight)
        return weight

    def near(self, embedding: Vector, k: int) -> Near:
        """The k nearest questions."""
        return self.index.near(embedding, k)

    def judgements(self, rows: NDArray[np.int64]) -> NDArray[np.intp]:
        """Which judgements these questions got, the latest REPEATS of each; the latest first, in the order of rows."""
        found: list[NDArray[np.int32]] = []
        places = self._latest.rows[rows]
        while len(places := places[places != NONE]) and len(found) < REPEATS:
            found.append(places)
            places = self._before.rows[places]
        return np.concatenate(found).astype(np.intp) if found else np.zeros(0, dtype=np.intp)

    def decision(self, place: int) -> str:
        """The decision that a judgement is about."""
        return self._decisions[place]

    def snapshot(self, judgements: int, most_rows: int) -> Snapshot:
        """What the first `judgements` say, of their latest `most_rows` questions and ten times as many judgements."""
        rows = self.row.rows[:judgements]
        new = np.zeros(judgements, dtype=bool)
        new[judgements - 1 - np.unique(rows[::-1], return_index=True)[1]] = True  # the last judgement of each question
        start = 0 if new.sum() <= most_rows else int(np.flatnonzero(np.cumsum(new[::-1]) == most_rows)[0])
        start = max(0 if start == 0 else judgements - 1 - start, judgements - EACH * most_rows)
        kept, own = np.unique(rows[start:], return_inverse=True)
        places = np.arange(start, judgements)
        reward, weight = self.reward.rows[places].astype(np.float64), self.counted(places, judgements)
        judged = Judged(own.astype(np.intp), self.column.rows[places].astype(np.intp), reward, weight)
        return Snapshot(self.index.vectors(kept), self.surfaces.rows[kept].copy(), judged, judgements)


def sound(embedding: Vector) -> bool:
    """Whether an embedding can be placed; one with a NaN, or of no length, leaves only what is known over all."""
    return bool(embedding.ndim == 1 and np.isfinite(embedding).all() and embedding.any())
