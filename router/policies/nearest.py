"""The nearest past questions decide: each arm is expected to do as it did on them, weighed by how near they are.

How many are asked is chosen by leaving questions out, over powers of two, as CARROT does (Somerstep et al. 2025,
CARROT: a cost aware rate optimal router); that a tuned nearest-neighbour router matches learned ones: Li (2025),
Rethinking predictive modeling for LLM routing: when simple kNN beats complex learned routers.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from router.judged import Judged, spread, widened
from router.predictor import FITTED_ON, Judgement, setting
from router.scored import Scored
from router.types import RouterSettings
from router.utility import Numbers
from strategies.core.query import Vector

ASKED = (8, 16, 32, 64, 128)
LEFT_OUT = 400
"""Questions that are left out, one at a time, to choose how many neighbours to ask."""

BLOCK = 512


def open_policy(settings: RouterSettings) -> Scored:
    """The policy; `[router.params]`: `k` (0: chosen by leaving out), `strength` in judgements (4).

    Raises BadSettings for values that cannot be meant.
    """
    k = int(setting(settings.params, "k", 0, 0, 1024))
    strength = setting(settings.params, "strength", 4.0, 1e-6, 1e6)
    return Scored("nearest", settings, lambda: Nearest(k, strength))


class Nearest:
    """Reads the table of what was judged as it stands, so that a judgement counts at once.

    A question takes the logarithm of the history.
    """

    method = "The mean of the nearest past questions"

    def __init__(self, k: int = 0, strength: float = 4.0) -> None:
        self._fixed, self._strength = k, strength
        self.reach = k or 32

    def fit(self, judged: Judged, prior: Numbers) -> None:
        """Choose how many neighbours to ask: the number whose means come closest to what was judged, left out."""
        if self._fixed or judged.count <= ASKED[0]:
            return
        out = spread(judged.count, LEFT_OUT)
        among = spread(judged.count, FITTED_ON)
        cosines = judged.x[out] @ judged.x[among].T
        cosines[out[:, None] == among[None, :]] = -np.inf
        sizes = [k for k in ASKED if k < len(among)]
        nearest, close = _top(cosines, sizes[-1])
        weight, reward = judged.weight[out], judged.reward[out]
        truth = np.divide(reward, weight, out=np.zeros_like(reward), where=weight > 0)
        errors = []
        for k in sizes:
            expected = self._mean(judged, among[nearest[:, :k]], close[:, :k], prior)[:, : judged.width]
            errors.append(float((weight * (expected - truth) ** 2).sum()))
        self.reach = sizes[int(np.argmin(errors))]

    def learn(self, judged: Judged, new: Judgement, prior: Numbers) -> None:
        """Nothing to do: the table is read as it stands."""

    def predict(self, judged: Judged, x: Vector, texts: Sequence[str], prior: Numbers) -> Numbers:
        """The mean over the neighbours that judged the arm, shrunk to its mean over all questions."""
        k = min(self.reach, judged.count)
        rows, cosines = np.zeros((len(x), k), dtype=np.intp), np.zeros((len(x), k), dtype=np.float32)
        for i, one in enumerate(x):
            near = judged.near(one, k)
            rows[i, : len(near.rows)], cosines[i, : len(near.rows)] = near.rows, near.cosines
        quality = np.empty((len(x), len(prior)))
        for start in range(0, len(x), BLOCK):
            part = slice(start, start + BLOCK)
            quality[part] = self._mean(judged, rows[part], cosines[part], prior)
        return quality

    def facts(self) -> Mapping[str, object]:
        """How many neighbours are asked."""
        return {"k": self.reach}

    def _mean(self, judged: Judged, rows: NDArray[np.intp], cosines: Vector, prior: Numbers) -> Numbers:
        near = np.clip(cosines, 0.0, 1.0)[:, None, :]
        weight = widened((near @ judged.weight[rows])[:, 0], len(prior))
        reward = widened((near @ judged.reward[rows])[:, 0], len(prior))
        return np.asarray((reward + self._strength * prior) / (weight + self._strength))


def _top(cosines: Vector, k: int) -> tuple[NDArray[np.intp], Vector]:
    """The k greatest of each row, greatest first: where they are, and they themselves; both [n, k]."""
    found = np.argpartition(-cosines, min(k, cosines.shape[1]) - 1, axis=1)[:, :k]
    values = np.take_along_axis(cosines, found, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    return np.take_along_axis(found, order, axis=1), np.take_along_axis(values, order, axis=1)
