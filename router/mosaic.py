"""Partitions of the space of questions: k-means on meaning and looks, several times, and how far a question lies off.

MacQueen (1967), Some methods for classification and analysis of multivariate observations. Coarse cells beside the
trees' many fine leaves: they cost nothing to fit and err in other ways.
"""

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from router.utility import Numbers

Floats = NDArray[np.float32]
Rows = NDArray[np.intp]

MEANING, LOOKS, REACH = 5.0, 0.5, 4.0
"""What a component of the embedding, and a standard deviation of a surface feature, weigh; looks are cut off at 4."""
PARTITIONS = 6
MOST_CELLS = 64
KNOWN = 1000
NEAREST = 3


class Mosaic:
    """A fitted scale, the partitions on it, and a sample of the questions to tell how far off others lie."""

    def __init__(self, features: Floats, components: int, labels: int) -> None:
        """`features` is [rows, components + looks]; `labels` is how many judgements there are of them."""
        looks = features[:, components:]
        self._components, self._mean = components, looks.mean(axis=0)
        self._scale = LOOKS / (looks.std(axis=0) + 1e-6)
        placed = self.placed(features)
        self.cells = int(np.clip(np.sqrt(labels) / 6.0, 2, min(MOST_CELLS, len(features))))
        # Different sums of squares of one seed would do; different seeds give different local optima, which is wanted.
        found = [KMeans(self.cells, n_init=1, random_state=seed).fit(placed) for seed in range(PARTITIONS)]
        self._centres = np.concatenate([one.cluster_centers_ for one in found]).astype(np.float32)
        self._half = (self._centres**2).sum(axis=1) / 2.0
        self._firsts = np.arange(PARTITIONS) * self.cells
        self._known = placed[np.random.default_rng(0).permutation(len(placed))[:KNOWN]]
        self._squares = (self._known**2).sum(axis=1)

    @property
    def nodes(self) -> int:
        """How many cells all partitions have together."""
        return len(self._centres)

    def cells_of(self, placed: Floats) -> Rows:
        """The cell of every partition that placed questions fall into, numbered through; [n, partitions]."""
        near = placed @ self._centres.T - self._half
        return np.asarray(near.reshape(len(near), PARTITIONS, self.cells).argmax(axis=2) + self._firsts)

    def distance(self, placed: Floats, *, known: bool = False) -> Numbers:
        """The mean distance to the three nearest questions of the sample, [n]; of the sample itself, to others."""
        squares = self._squares - 2.0 * (placed @ self._known.T) + (placed**2).sum(axis=1, keepdims=True)
        if known:
            squares = np.where(squares < 1e-4, np.inf, squares)
        k = min(NEAREST, len(self._known) - 1)
        nearest = np.partition(np.maximum(squares, 0.0), k - 1, axis=1)[:, :k] if k > 0 else squares
        return np.asarray(np.sqrt(nearest).mean(axis=1), dtype=np.float64)

    def spread(self, features: Floats, shares: tuple[float, float]) -> list[float]:
        """Distances that these shares of the questions lie farther off than."""
        some = features[np.random.default_rng(1).permutation(len(features))[:KNOWN]]
        own = self.distance(self.placed(some), known=True)
        own = own[np.isfinite(own)]
        return [float(np.quantile(own, 1.0 - share)) if len(own) else np.inf for share in shares]

    def placed(self, features: Floats) -> Floats:
        """Questions in the space of the partitions, [n, width]."""
        c, edge = self._components, REACH * LOOKS
        looks = np.minimum(np.maximum((features[:, c:] - self._mean) * self._scale, -edge), edge)
        return np.concatenate([features[:, :c] * MEANING, looks], axis=1, dtype=np.float32)
