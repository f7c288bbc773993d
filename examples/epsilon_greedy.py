"""The best arm so far most of the time, any other arm now and then: the plainest policy that learns."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from router.types import Arm, Candidate, Choice, Feedback, RouterSettings
from router.utility import Worth, prices
from router.views import estimates
from strategies.core import Query

EPSILON = 0.1


def open_policy(settings: RouterSettings) -> "EpsilonGreedy":
    """Called once at start; `epsilon` of `[router.params]` is how often it explores."""
    return EpsilonGreedy(settings)


class EpsilonGreedy:
    """Keeps the mean reward of every arm, with one half as a first guess of the weight of one judgement."""

    name = "epsilon_greedy"

    def __init__(self, settings: RouterSettings) -> None:
        self._settings = settings
        self._draw = np.random.default_rng(settings.seed)
        self._sum: defaultdict[Arm, float] = defaultdict(lambda: 0.5)
        self._weight: defaultdict[Arm, float] = defaultdict(lambda: 1.0)

    def choose(self, query: Query, candidates: Sequence[Candidate]) -> Choice:
        """The arm of the highest utility with probability 1 - epsilon, and any with epsilon; both are written down."""
        asked, own = query.constraints, self._settings
        dial = own.quality if asked.quality is None else asked.quality
        explore = own.explore if asked.explore is None else asked.explore
        arms = [candidate.arm for candidate in candidates]
        quality = np.array([self._sum[arm] / self._weight[arm] for arm in arms])
        weight = np.array([self._weight[arm] for arm in arms])
        taken = prices(candidates, dial, Worth.of(own.params))
        best = int(np.argmax(quality - taken))
        chances = np.full(len(arms), (own.params.get("epsilon", EPSILON) if explore else 0.0) / len(arms))
        chances[best] += 1.0 - chances.sum()
        drawn = int(self._draw.choice(len(arms), p=chances))
        error = 1.64 * np.sqrt(quality * (1 - quality) / weight)
        seen = estimates(
            candidates, quality, np.clip(quality - error, 0, 1), np.clip(quality + error, 0, 1), weight, taken
        )
        why = f"{arms[best]} has done best so far" + ("." if drawn == best else f"; {arms[drawn]} is tried instead.")
        return Choice(arms[drawn], dict(zip(arms, chances.tolist(), strict=True)), seen, why)

    def learn(self, feedback: Feedback) -> None:
        """Add the judgement to the arm's mean."""
        self._sum[feedback.arm] += feedback.weight * feedback.reward
        self._weight[feedback.arm] += feedback.weight

    def beliefs(self) -> Mapping[str, object]:
        """The mean of every arm that was judged."""
        means = {str(arm): {"quality": self._sum[arm] / self._weight[arm]} for arm in self._weight}
        return {"policy": self.name, "arms": means}
