"""Regions of the space of questions by spherical k-means, and what was judged of every arm in each."""

from dataclasses import dataclass

import faiss
import numpy as np
from numpy.typing import NDArray

from router.judged import Judged, spread, widened
from router.predictor import FITTED_ON, Judgement
from router.utility import Numbers
from strategies.core.query import Vector

ROUNDS, SEED = 20, 7


@dataclass(eq=False)
class Partition:
    """The centres of the regions, unit rows float32 [regions, size], and sums per region and arm, [regions, arms]."""

    centres: Vector
    weight: Numbers
    reward: Numbers

    @classmethod
    def of(cls, judged: Judged, regions: int, per_region: int = 20) -> "Partition":
        """At most so many regions, each of some twenty questions or more; the same questions give the same regions."""
        rows = spread(judged.count, FITTED_ON)
        count = max(1, min(regions, len(rows) // per_region))
        found = faiss.Kmeans(
            judged.size, count, niter=ROUNDS, seed=SEED, spherical=True, min_points_per_centroid=1, verbose=False
        )
        found.train(np.ascontiguousarray(judged.x[rows]))
        partition = cls(np.asarray(found.centroids), np.zeros((count, 0)), np.zeros((count, 0)))
        members = partition.region(judged.x)
        partition.weight, partition.reward = (
            _summed(table, members, count) for table in (judged.weight, judged.reward)
        )
        return partition

    def region(self, x: Vector) -> NDArray[np.intp]:
        """The region of each question, [n]."""
        return np.asarray((x @ self.centres.T).argmax(axis=1))

    def add(self, x: Vector, new: Judgement) -> None:
        """Count one judgement of the question `x` [size] in its region."""
        self._widen(new.column + 1)
        region = int(self.region(x[None])[0])
        self.weight[region, new.column] += new.weight
        self.reward[region, new.column] += new.weight * new.reward

    def means(self, prior: Numbers, strength: float) -> Numbers:
        """The mean reward of each arm in each region, [regions, arms], shrunk to `prior` [arms]."""
        self._widen(len(prior))
        return np.asarray((self.reward + strength * prior) / (self.weight + strength))

    def _widen(self, width: int) -> None:
        if width > self.weight.shape[1]:
            self.weight, self.reward = widened(self.weight, width), widened(self.reward, width)


def _summed(table: NDArray[np.float32], members: NDArray[np.intp], count: int) -> Numbers:
    return np.stack([np.bincount(members, column, count) for column in table.T], axis=1).astype(np.float64)
