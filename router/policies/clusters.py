"""Regions by k-means decide: each arm is expected to do as it did in the regions around the question.

Zhang et al. (2025), The Avengers: a simple recipe for uniting smaller language models, and Beyond GPT-5: making LLMs
cheaper and better via performance-efficiency optimized routing (Avengers-Pro). Questions are embedded, clustered, and
each arm is rated by its record in the clusters nearest to the question, weighed by softmax of beta times the cosine.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from router.judged import Judged
from router.partition import Partition
from router.predictor import Judgement, setting
from router.scored import Scored
from router.types import Candidate, RouterSettings
from router.utility import Numbers
from strategies.core.query import Vector


def open_policy(settings: RouterSettings) -> Scored:
    """The policy; `[router.params]`: `regions` (64), `beta` (9), `top` regions asked (3), `strength` (10 judgements).

    With `own_score` = 1 arms are compared as Avengers-Pro does, not by the house's utility: see `PricedClusters`.
    Raises BadSettings for values that cannot be meant.
    """
    params = settings.params
    regions, top = int(setting(params, "regions", 64, 1, 4096)), int(setting(params, "top", 3, 1, 4096))
    beta, strength = setting(params, "beta", 9.0, 0.0, 1e3), setting(params, "strength", 10.0, 1e-6, 1e6)
    made = PricedClusters if setting(params, "own_score", 0, 0, 1) else Clusters
    return Scored("clusters", settings, lambda: made(regions, beta, top, strength))


class Clusters:
    """A table of regions by arms; between fits the regions stay where they are and their records grow."""

    method, reach = "The record of the regions around it", 50

    def __init__(self, regions: int = 64, beta: float = 9.0, top: int = 3, strength: float = 10.0) -> None:
        self._regions, self._beta, self._top, self._strength = regions, beta, top, strength
        self._partition: Partition | None = None

    def fit(self, judged: Judged, prior: Numbers) -> None:
        """Find the regions, and count in each what was judged."""
        self._partition = Partition.of(judged, self._regions)

    def learn(self, judged: Judged, new: Judgement, prior: Numbers) -> None:
        """Count one judgement in its region."""
        if self._partition is not None:
            self._partition.add(judged.x[new.row], new)

    def predict(self, judged: Judged, x: Vector, texts: Sequence[str], prior: Numbers) -> Numbers:
        """The means of the nearest regions, weighed by nearness; before the first fit, the prior."""
        if self._partition is None:
            return np.tile(prior, (len(x), 1))
        cosines = x @ self._partition.centres.T
        far = np.sort(cosines, axis=1)[:, -min(self._top, cosines.shape[1])][:, None]
        shares = np.where(cosines >= far, np.exp(self._beta * (cosines - cosines.max(axis=1, keepdims=True))), 0.0)
        shares /= shares.sum(axis=1, keepdims=True)
        return np.asarray(shares @ self._partition.means(prior, self._strength))

    def facts(self) -> Mapping[str, object]:
        """How many regions there are."""
        return {"regions": 0 if self._partition is None else len(self._partition.centres)}


class PricedClusters(Clusters):
    """Avengers-Pro's own score: dial * quality + (1 - dial) * (1 - price), both scaled over the candidates.

    Quality is scaled from the worst to the best candidate, the price (router.utility.prices at dial 0) by the dearest.
    The paper scales within each region before it mixes them; here the mixture is scaled, of the candidates alone.
    """

    def worth(self, quality: Numbers, candidates: Sequence[Candidate], taken: Numbers, dial: float) -> Numbers:
        """The score 0..1 of each candidate, [n]."""
        gap = float(np.ptp(quality))
        good = (quality - quality.min()) / gap if gap > 0 else np.zeros(len(quality))
        dearest = float(taken.max())
        dear = taken / dearest if dearest > 0 else np.zeros(len(taken))
        return np.asarray(dial * good + (1.0 - dial) * (1.0 - dear))
