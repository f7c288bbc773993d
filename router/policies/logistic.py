"""A logistic regression per arm, on principal components of the embedding and on what the question looks like.

Rewards between 0 and 1 count as that share of a success. Each arm's regression starts from its mean over all questions
and departs from it as far as its own judgements bear out (a ridge on every weight): an arm that was hardly judged is
predicted to do as it does everywhere. McCullagh and Nelder (1989), Generalized linear models, chapter 4; as routers,
one head per model: Huang et al. (2025), RouterEval.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.special import expit, logit  # type: ignore[import-untyped]  # scipy ships no types

from router.axes import Axes
from router.judged import Judged, spread
from router.predictor import FITTED_ON, Judgement, setting
from router.scored import Scored
from router.types import RouterSettings
from router.utility import Numbers
from strategies.core.query import Vector

STEPS = 8
EDGE = 0.01


def open_policy(settings: RouterSettings) -> Scored:
    """The policy; `[router.params]`: `components` (32), `ridge` (20).

    Raises BadSettings for values that cannot be meant.
    """
    components = int(setting(settings.params, "components", 32, 1, 4096))
    ridge = setting(settings.params, "ridge", 20.0, 1e-6, 1e9)
    return Scored("logistic", settings, lambda: Logistic(components, ridge))


class Logistic:
    """Fitted by Newton's method; what is judged between fits moves only the arm's mean."""

    method, reach = "A logistic regression per arm", 50

    def __init__(self, components: int = 32, ridge: float = 20.0) -> None:
        self._components, self._ridge = components, ridge
        self._axes: Axes | None = None
        self._weights = np.zeros((0, 0))  # [arms, features]

    def fit(self, judged: Judged, prior: Numbers) -> None:
        """Fit every arm's regression to the questions on which it was judged."""
        rows = spread(judged.count, FITTED_ON)
        self._axes = Axes.of(judged, self._components)
        z = self._axes.place(judged.x[rows], [judged.texts[i] for i in rows])
        weight, reward = judged.weight[rows].astype(np.float64), judged.reward[rows].astype(np.float64)
        self._weights = np.zeros((judged.width, self._axes.width + 1))
        for arm in range(judged.width):
            seen = weight[:, arm] > 0
            if seen.any():
                mean = reward[seen, arm] / weight[seen, arm]
                self._weights[arm] = _newton(_with_one(z[seen]), mean, weight[seen, arm], prior[arm], self._ridge)

    def learn(self, judged: Judged, new: Judgement, prior: Numbers) -> None:
        """Nothing until the next fit."""

    def predict(self, judged: Judged, x: Vector, texts: Sequence[str], prior: Numbers) -> Numbers:
        """The probability of a success; the prior where an arm was not judged, and before the first fit."""
        start = logit(np.clip(prior, EDGE, 1.0 - EDGE))
        scores = np.tile(start, (len(x), 1))
        if self._axes is not None:
            scores[:, : len(self._weights)] += _with_one(self._axes.place(x, texts)) @ self._weights.T
        return np.asarray(expit(scores))

    def facts(self) -> Mapping[str, object]:
        """How many features a question has."""
        return {"features": 0 if self._axes is None else self._axes.width}


def _newton(z: Numbers, mean: Numbers, weight: Numbers, prior: float, ridge: float) -> Numbers:
    """The weights that fit best, [features], beside a fixed start at the prior."""
    start, found = logit(np.clip(prior, EDGE, 1.0 - EDGE)), np.zeros(z.shape[1])
    for _ in range(STEPS):
        p = expit(start + z @ found)
        slope = z.T @ (weight * (mean - p)) - ridge * found
        curve = (z * (weight * np.maximum(p * (1.0 - p), 1e-3))[:, None]).T @ z + ridge * np.eye(len(found))
        step = np.linalg.solve(curve, slope)
        found += step
        if float(np.abs(step).max()) < 1e-4:
            break
    return found


def _with_one(z: Numbers) -> Numbers:
    return np.concatenate([z, np.ones((len(z), 1))], axis=1)
