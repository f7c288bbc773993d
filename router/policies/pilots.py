"""Pilot embeddings decide: a question goes to the arm that won the questions it resembles.

Lee et al. (2024), RouterRetriever: routing over a mixture of expert embedding models. In each region of the questions
(there: each source data set) those that an arm won are averaged into a pilot of that arm; an arm's score is the mean of
its cosines to the question, as in the paper, or with `max` = 1 the greatest, as in its released code. The greatest
favours arms with many pilots; the mean does not.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from router.judged import Judged, spread, widened
from router.partition import Partition
from router.predictor import FITTED_ON, Judgement, setting
from router.scored import Scored
from router.types import RouterSettings
from router.utility import Numbers
from strategies.core.query import Vector

FEWEST = 5
"""Fewer won questions than this make no pilot."""
LEAN = 1.0
"""A missing judgement is taken for the arm's mean in the region; one that is there leans on it as much as on itself."""


def open_policy(settings: RouterSettings) -> Scored:
    """The policy; `[router.params]`: `regions` (32), `max` (0: the mean of an arm's pilots, 1: the nearest of them).

    Raises BadSettings for values that cannot be meant.
    """
    regions, nearest = (
        int(setting(settings.params, name, default, least, most))
        for name, default, least, most in (("regions", 32, 1, 1024), ("max", 0, 0, 1))
    )
    return Scored("pilots", settings, lambda: Pilots(regions, bool(nearest)))


class Pilots:
    """Similarity says which arm, not how well it will do: one slope over all arms turns scores into rewards.

    The slope keeps the order of the scores. An arm that was judged and won no pilot is never preferred to one that has
    any; one that was never judged is expected to do as its kin. What is judged between two fits moves only the level.
    """

    reach = 50

    def __init__(self, regions: int = 32, nearest: bool = False) -> None:
        self._regions, self._nearest = regions, nearest
        self.method = "The nearest pilot of each arm" if nearest else "The mean of each arm's pilots"
        self.centres = np.zeros((0, 0))  # [pilots, size], unit rows
        self.owners: NDArray[np.intp] = np.zeros(0, dtype=np.intp)  # [pilots]: the column of the arm
        self.lost: frozenset[int] = frozenset()  # columns of arms that were judged and won too little for a pilot
        self._slope = 0.0

    def fit(self, judged: Judged, prior: Numbers) -> None:
        """Find who won what, region by region, and average the questions that each arm won."""
        rows = spread(judged.count, FITTED_ON)
        x, weight, reward = judged.x[rows], widened(judged.weight[rows], len(prior)), judged.reward[rows]
        partition = Partition.of(judged, self._regions)
        regions = partition.region(x)
        expected = partition.means(prior, LEAN)[regions]
        scores = (widened(reward, len(prior)) + LEAN * expected) / (weight + LEAN)
        told = (weight > 0).sum(axis=1) == 1
        told |= _differ(weight, widened(reward, len(prior)))
        winners = scores.argmax(axis=1)
        pilots: list[Numbers] = []
        owners: list[int] = []
        for region in range(len(partition.centres)):
            for arm in range(len(prior)):
                won = told & (regions == region) & (winners == arm)
                if won.sum() >= FEWEST:
                    pilots.append(_unit(x[won].mean(axis=0).astype(np.float64)))
                    owners.append(arm)
        self.centres = np.stack(pilots) if pilots else np.zeros((0, judged.size))
        self.owners = np.array(owners, dtype=np.intp)
        self.lost = frozenset(np.flatnonzero(weight.any(axis=0)).tolist()) - frozenset(owners)
        self._slope = self._fitted_slope(x, scores, weight, prior)

    def learn(self, judged: Judged, new: Judgement, prior: Numbers) -> None:
        """Nothing until the next fit."""

    def scores(self, x: Vector, arms: int) -> Numbers:
        """The similarity of each question to each arm's pilots, [n, arms]; -inf for arms without any."""
        found = np.full((len(x), arms), -np.inf)
        for arm in np.unique(self.owners):
            cosines = x @ self.centres[self.owners == arm].T
            found[:, arm] = cosines.max(axis=1) if self._nearest else cosines.mean(axis=1)
        return found

    def predict(self, judged: Judged, x: Vector, texts: Sequence[str], prior: Numbers) -> Numbers:
        """The mean level of all arms, and more where the arm's pilots are nearer; the prior where there are none."""
        scores = self.scores(x, len(prior))
        owned = np.isfinite(scores[0]) if len(x) else np.zeros(len(prior), dtype=bool)
        if not owned.any():
            return np.tile(prior, (len(x), 1))
        piloted = scores[:, owned]
        quality = np.tile(prior, (len(x), 1))
        quality[:, owned] = prior[owned].mean() + self._slope * (piloted - piloted.mean(axis=1, keepdims=True))
        lost = np.array([arm in self.lost for arm in range(len(prior))], dtype=bool)
        quality[:, lost] = np.minimum(prior[lost], quality[:, owned].min(axis=1, keepdims=True))
        return quality

    def facts(self) -> Mapping[str, object]:
        """How many pilots there are, and of how many arms."""
        return {"pilots": len(self.owners), "arms": len(set(self.owners.tolist())), "slope": round(self._slope, 4)}

    def _fitted_slope(self, x: Vector, scores: Numbers, weight: Numbers, prior: Numbers) -> float:
        """How much reward a unit of similarity is worth, by least squares over what was judged; never below a trace."""
        similar = self.scores(x, len(prior))
        if not len(self.owners) or not len(x):
            return 0.0
        owned = np.isfinite(similar[0])
        ahead = similar[:, owned] - similar[:, owned].mean(axis=1, keepdims=True)
        excess = weight[:, owned] * (scores[:, owned] - prior[owned].mean())
        total = float((weight[:, owned] * ahead**2).sum())
        return max(float((ahead * excess).sum()) / (total + 1e-9), 1e-3)


def _differ(weight: Numbers, reward: Numbers) -> NDArray[np.bool_]:
    """Whether the arms judged on a question were judged differently: if not, nobody won it."""
    mean = np.divide(reward, weight, out=np.zeros_like(reward), where=weight > 0)
    most = np.where(weight > 0, mean, -np.inf).max(axis=1)
    least = np.where(weight > 0, mean, np.inf).min(axis=1)
    return np.asarray(most > least)


def _unit(vector: Numbers) -> Numbers:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-12))
