"""LinUCB: a ridge regression per arm, and the arm is taken whose value may be highest.

Li, Chu, Langford and Schapire (2010), A contextual-bandit approach to personalized news article recommendation, WWW
(disjoint linear models). The context is not the embedding itself but its principal components beside surface features,
so that a judgement costs the square of some forty numbers. What is regressed is how far the reward lay from the arm's
mean over all questions; a floor over all arms keeps the odds that are written down above nothing.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from router.axes import Axes
from router.judged import Judged, spread
from router.predictor import FITTED_ON, Judgement, setting
from router.scored import Scored
from router.types import RouterSettings
from router.utility import Numbers
from strategies.core.query import Vector

NOISE = 0.5
"""The spread of one reward about its expectation; that of a yes or no is never greater."""


def open_policy(settings: RouterSettings) -> Scored:
    """The policy; `[router.params]`: `components` (32), `ridge` (20), `alpha` widths of optimism (1).

    Raises BadSettings for values that cannot be meant.
    """
    components = int(setting(settings.params, "components", 32, 1, 512))
    ridge = setting(settings.params, "ridge", 20.0, 1e-6, 1e9)
    alpha = setting(settings.params, "alpha", 1.0, 0.0, 1e3)
    return Scored("linucb", settings, lambda: LinUCB(components, ridge, alpha))


class LinUCB:
    """Holds the inverse of every arm's normal matrix, brought up to date by each judgement (Sherman and Morrison)."""

    method, reach = "A linear regression per arm", 50

    def __init__(self, components: int = 32, ridge: float = 20.0, alpha: float = 1.0) -> None:
        self._components, self._ridge, self._alpha = components, ridge, alpha
        self._axes: Axes | None = None
        self._base = np.zeros(0)  # [arms]: the means that the regressions start from
        self._inverse = np.zeros((0, 0, 0))  # [arms, features, features]
        self._moment = np.zeros((0, 0))  # [arms, features]
        self._line = np.zeros((0, 0))  # [arms, features]

    def fit(self, judged: Judged, prior: Numbers) -> None:
        """Find the axes anew, and regress everything that was judged on them."""
        rows = spread(judged.count, FITTED_ON)
        self._axes = Axes.of(judged, self._components)
        z = self._context(judged.x[rows], [judged.texts[i] for i in rows])
        self._base, width = prior.copy(), z.shape[1]
        self._inverse, self._moment = np.zeros((0, width, width)), np.zeros((0, width))
        self._grow(len(prior), prior)
        weight, reward = judged.weight[rows].astype(np.float64), judged.reward[rows].astype(np.float64)
        for arm in range(judged.width):
            seen = weight[:, arm] > 0
            z_seen, w = z[seen], weight[seen, arm]
            self._inverse[arm] = np.linalg.inv((z_seen * w[:, None]).T @ z_seen + self._ridge * np.eye(width))
            self._moment[arm] = z_seen.T @ (reward[seen, arm] - w * prior[arm])
        self._line = np.einsum("aij,aj->ai", self._inverse, self._moment)

    def learn(self, judged: Judged, new: Judgement, prior: Numbers) -> None:
        """Take the judgement into its arm's regression."""
        if self._axes is None:
            return
        arm = new.column
        self._grow(max(arm + 1, len(prior)), prior)
        z = self._context(judged.x[new.row][None], [judged.texts[new.row]])[0]
        reach = self._inverse[arm] @ z
        self._inverse[arm] -= new.weight * np.outer(reach, reach) / (1.0 + new.weight * float(z @ reach))
        self._moment[arm] += new.weight * (new.reward - self._base[arm]) * z
        self._line[arm] = self._inverse[arm] @ self._moment[arm]

    def predict(self, judged: Judged, x: Vector, texts: Sequence[str], prior: Numbers) -> Numbers:
        """The arm's mean plus its line; the prior before the first fit."""
        if self._axes is None:
            return np.tile(prior, (len(x), 1))
        self._grow(len(prior), prior)
        return np.asarray(self._base[: len(prior)] + self._context(x, texts) @ self._line[: len(prior)].T)

    def bonus(self, judged: Judged, x: Vector, texts: Sequence[str], prior: Numbers) -> Numbers:
        """Alpha standard errors of the prediction, [n, arms]; all alike before the first fit."""
        if self._axes is None:
            return np.zeros((len(x), len(prior)))
        z = self._context(x, texts)
        spread_ = np.einsum("ni,aij,nj->na", z, self._inverse[: len(prior)], z, optimize=True)
        return np.asarray(self._alpha * NOISE * np.sqrt(np.maximum(spread_, 0.0)))

    def facts(self) -> Mapping[str, object]:
        """How many features a question has."""
        return {"features": 0 if self._axes is None else self._axes.width + 1}

    def _context(self, x: Vector, texts: Sequence[str]) -> Numbers:
        assert self._axes is not None
        return np.concatenate([self._axes.place(x, texts), np.ones((len(x), 1))], axis=1)

    def _grow(self, arms: int, prior: Numbers) -> None:
        """Make room for arms that were never met."""
        new, width = arms - len(self._moment), self._inverse.shape[-1]
        if new > 0:
            base = np.full(arms, 0.5)
            base[: len(prior)] = prior[:arms]
            base[: len(self._moment)] = self._base[: len(self._moment)]
            self._base = base
            empty = np.tile(np.eye(width) / self._ridge, (new, 1, 1))
            self._inverse = np.concatenate([self._inverse, empty])
            self._moment = np.concatenate([self._moment, np.zeros((new, width))])
            self._line = np.concatenate([self._line.reshape(-1, width), np.zeros((new, width))])
