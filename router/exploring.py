"""How often each arm is drawn, given what each is expected to be worth."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from router.predictor import setting
from router.utility import Numbers


@dataclass(frozen=True, slots=True)
class Exploring:
    """The probability `floor` is spread evenly over all arms; the greater `sharpness`, the sooner exploring ends."""

    floor: float
    sharpness: float

    @classmethod
    def of(cls, params: Mapping[str, float]) -> "Exploring":
        """As `[router.params]` says. Raises BadSettings for values that cannot be meant."""
        return cls(setting(params, "floor", 0.02, 0.0, 0.99), setting(params, "sharpness", 5.0, 1e-3, 1e9))

    def by_gap(self, worth: Numbers, judged: float) -> Numbers:
        """The further an arm falls behind the best, the rarer it is drawn, and the more so the more is known; [n].

        `worth` [n] is the expected utility, `judged` the weight of all judgements. With nothing judged all are equally
        likely. Foster and Rakhlin (2020), Beyond UCB: optimal and efficient contextual bandits with regression oracles,
        ICML (inverse gap weighting).
        """
        n, best = len(worth), int(np.argmax(worth))
        odds = 1.0 / (n + self.sharpness * np.sqrt(n * judged) * (worth[best] - worth))
        odds[best] += 1.0 - odds.sum()
        return self._floored(odds)

    def by_bound(self, high: Numbers) -> Numbers:
        """The arm of the highest upper bound `high` [n], ties shared, with the floor over all; [n]."""
        top = high >= high.max() - 1e-9
        return self._floored(top / top.sum())

    def _floored(self, odds: Numbers) -> Numbers:
        mixed = (1.0 - self.floor) * odds + self.floor / len(odds)
        return np.asarray(mixed / mixed.sum())
