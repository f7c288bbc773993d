"""Any arm, each as likely as the next: what learning is measured against, and the log that teaches the most."""

from collections.abc import Mapping, Sequence

import numpy as np

from router.types import Candidate, Choice, Feedback, RouterSettings
from router.utility import Worth, prices
from router.views import unknown
from strategies.core import Query


def open_policy(settings: RouterSettings) -> "Random":
    """The policy, drawing from the seed of the settings."""
    return Random(settings)


class Random:
    """Draws evenly; where a request or the settings forbid exploring, it takes the first candidate."""

    name = "random"

    def __init__(self, settings: RouterSettings) -> None:
        self._settings = settings
        self._draw = np.random.default_rng(settings.seed)

    def choose(self, query: Query, candidates: Sequence[Candidate]) -> Choice:
        """One of the candidates, each with the same probability."""
        asked = query.constraints
        dial = self._settings.quality if asked.quality is None else asked.quality
        estimates = unknown(candidates, prices(candidates, dial, Worth.of(self._settings.params)))
        n = len(candidates)
        if not (self._settings.explore if asked.explore is None else asked.explore):
            arm = candidates[0].arm
            certain = {candidate.arm: float(candidate.arm == arm) for candidate in candidates}
            return Choice(arm, certain, estimates, f"Exploring is off; {arm} is the first of {n} that may answer.")
        arm = candidates[int(self._draw.integers(n))].arm
        even = {candidate.arm: 1.0 / n for candidate in candidates}
        return Choice(arm, even, estimates, f"Drawn evenly from {n}: {arm}.")

    def learn(self, feedback: Feedback) -> None:
        """Nothing to learn."""

    def beliefs(self) -> Mapping[str, object]:
        """It holds none."""
        return {"policy": self.name}
