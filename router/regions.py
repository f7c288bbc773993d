"""Regions of the space of questions, found as they come: near an old one, or the first of a new one."""

import numpy as np
from numpy.typing import NDArray

from strategies.core.query import Vector


class Regions:
    """Leader clustering by cosine; a fold of `place`, the same questions in order give the same regions.

    A question founds a region if its cosine to the centre of every other is below `threshold` and there are fewer than
    `limit` of them; otherwise it joins the nearest, whose centre moves to the mean of its members. Hartigan (1975),
    Clustering Algorithms, chapter 3, with moving centres.
    """

    def __init__(self, threshold: float, limit: int, size: int) -> None:
        self.threshold, self.limit, self.count = threshold, limit, 0
        self._sums = np.zeros((limit, size))
        self._centres = np.zeros((limit, size), dtype=np.float32)

    def nearest(self, embedding: Vector) -> int:
        """The region of a question, whether it is near or far; there must be one. `embedding` is [size]."""
        return int(np.argmax(self._cosines(embedding)))

    def place(self, embedding: Vector) -> int:
        """Take a question in: its region, found or founded."""
        cosines = self._cosines(embedding)
        best = int(np.argmax(cosines)) if self.count else -1
        if self.count < self.limit and (best < 0 or cosines[best] < self.threshold):
            best = self.count
            self.count += 1
        self._sums[best] += embedding
        self._centres[best] = self._sums[best] / max(float(np.linalg.norm(self._sums[best])), 1e-12)
        return best

    def name(self, region: int) -> str:
        """What the log calls a region: the cosine that bounds it, and its number."""
        return f"{self.threshold:g}/{region}"

    def _cosines(self, embedding: Vector) -> NDArray[np.float32]:
        return self._centres[: self.count] @ embedding.astype(np.float32, copy=False)
