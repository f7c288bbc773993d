"""The simplest model of rewards: each arm's mean over all questions, shrunk to the mean of all arms."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from router.types import Arm, Feedback
from router.utility import Numbers
from strategies.core.query import Vector

STRENGTH = 5.0
"""How many judgements the mean of all arms is worth against an arm's own."""


class ArmMeans:
    """`router.types.Predicts` that looks at no question: what is left where no better model can be had."""

    def __init__(self) -> None:
        self._weight: dict[Arm, float] = defaultdict(float)
        self._reward: dict[Arm, float] = defaultdict(float)

    def learn(self, feedback: Feedback) -> None:
        """Count one judgement; one whose reward or weight is no number says nothing."""
        if np.isfinite(feedback.reward) and np.isfinite(feedback.weight) and feedback.weight > 0:
            self._weight[feedback.arm] += feedback.weight
            self._reward[feedback.arm] += feedback.weight * min(1.0, max(0.0, feedback.reward))

    def predict(self, embeddings: Vector, texts: Sequence[str], arms: Sequence[Arm]) -> Numbers:
        """The same for every question, float64 [n, arms]."""
        middle = (sum(self._reward.values()) + 1.0) / (sum(self._weight.values()) + 2.0)
        row = [(self._reward[arm] + STRENGTH * middle) / (self._weight[arm] + STRENGTH) for arm in arms]
        return np.tile(np.array(row, dtype=np.float64), (len(embeddings), 1))
