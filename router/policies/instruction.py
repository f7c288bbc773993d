"""What is asked of the model, apart from about what: arms are scored by the tasks at which they did better than usual.

The global half of GLIDER: Li et al. (2024), Glider: global and local instruction-driven expert router. There a strong
language model writes one sentence that says which task a query poses; the sentence is embedded, and its cosine to the
embedded tasks of each expert, times `alpha`, is added to the token-level scores of a router inside the model.

Two things are left out. A policy is pure and asks no model, so no sentence is written: the questions fall into regions,
and the most central question of a region, in its own words, stands for the task, its embedding for the sentence's. And
models that are called over a wire have no token-level router: the local half is the mean of the nearest past questions
(`nearest`), which `alpha` = 0 leaves as it is. As alpha grows, the task alone decides.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.special import expit, logit  # type: ignore[import-untyped]  # scipy ships no types

from router.judged import Judged
from router.partition import Partition
from router.policies.nearest import Nearest
from router.predictor import Judgement, setting
from router.scored import Scored
from router.types import RouterSettings
from router.utility import Numbers
from strategies.core.query import Vector

EDGE = 0.01
HIGHEST = 6.0
"""More than this is added to no score, in logits, so that great alphas do not make ties of the best."""
SHOWN = 80
"""Characters of a task's sentence that are shown."""


def open_policy(settings: RouterSettings) -> Scored:
    """The policy; `[router.params]`: `alpha` (1), `regions` (64), `strength` in judgements (10), `k` of `nearest`.

    Raises BadSettings for values that cannot be meant.
    """
    params = settings.params
    alpha, regions = setting(params, "alpha", 1.0, 0.0, 1e6), int(setting(params, "regions", 64, 1, 4096))
    strength = setting(params, "strength", 10.0, 1e-6, 1e6)
    k = int(setting(params, "k", 0, 0, 1024))
    return Scored("instruction", settings, lambda: Instruction(alpha, regions, strength, k))


class Instruction:
    """The tasks and the arms' places among them are found at each fit; the local half follows every judgement."""

    method = "The task, and the nearest past questions,"

    def __init__(self, alpha: float = 1.0, regions: int = 64, strength: float = 10.0, k: int = 0) -> None:
        self._alpha, self._regions, self._strength = alpha, regions, strength
        self.local = Nearest(k)
        self._partition: Partition | None = None
        self._sentences: list[str] = []
        self._tasks = np.zeros((0, 0), dtype=np.float32)  # [regions, size]: the embedded sentence of each
        self._experts = np.zeros((0, 0))  # [arms, size]: the tasks of each arm, unit rows or nothing

    @property
    def reach(self) -> int:
        """As many as the local half asks."""
        return self.local.reach

    def fit(self, judged: Judged, prior: Numbers) -> None:
        """Find the tasks, their sentences, and which of them each arm is good at."""
        self.local.fit(judged, prior)
        self._partition = Partition.of(judged, self._regions)
        cosines = judged.x @ self._partition.centres.T
        members = cosines.argmax(axis=1)
        own = np.where(members[:, None] == np.arange(cosines.shape[1]), cosines, -np.inf)
        central = own.argmax(axis=0)
        self._tasks = judged.x[central]
        self._sentences = [judged.texts[row] for row in central]
        means = self._partition.means(prior, self._strength)
        # By how much more an arm excels at a task than arms do there on average, and than it does itself elsewhere.
        excess = means - prior
        excess = np.maximum(excess - excess.mean(axis=1, keepdims=True), 0.0)
        places = excess.T @ self._tasks.astype(np.float64)
        lengths = np.linalg.norm(places, axis=1, keepdims=True)
        self._experts = np.divide(places, lengths, out=np.zeros_like(places), where=lengths > 1e-9)

    def learn(self, judged: Judged, new: Judgement, prior: Numbers) -> None:
        """The local half reads the table as it stands."""

    def tasks(self, x: Vector, arms: int) -> Numbers:
        """The cosine of each question's task to the tasks of each arm, [n, arms]: one and the same within a region."""
        found = np.zeros((len(x), arms))
        if self._partition is not None:
            asked = self._tasks[self._partition.region(x)].astype(np.float64)
            found[:, : len(self._experts)] = asked @ self._experts.T
        return found

    def predict(self, judged: Judged, x: Vector, texts: Sequence[str], prior: Numbers) -> Numbers:
        """The local expectation, in logits, plus alpha times how much nearer to the arm its task lies."""
        local = self.local.predict(judged, x, texts, prior)
        if self._alpha == 0.0:
            return local
        near = self.tasks(x, len(prior))
        added = self._alpha * (near - near.mean(axis=1, keepdims=True))
        added -= np.maximum(added.max(axis=1, keepdims=True, initial=-np.inf) - HIGHEST, 0.0)
        return np.asarray(expit(logit(np.clip(local, EDGE, 1.0 - EDGE)) + added))

    def facts(self) -> Mapping[str, object]:
        """The sentences that stand for the tasks, shortened."""
        return {"alpha": self._alpha, "k": self.local.reach, "tasks": [one[:SHOWN] for one in self._sentences]}
