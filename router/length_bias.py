"""Longer answers are rated better for being longer: how much of a judgement is owed to length, and what is left of it.

A logistic model of the judgements in two parts that are trained together, one judgement at a time. The content part
knows the arm, what the router expected of it, and where the question lies; the length part knows how much longer than
usual the answer is. Only the content part is served. Shen, Zheng, Zhan, Zhao, Dou, Gui, Zhang, Huang (2023), Loose lips
sink ships: mitigating length bias in reinforcement learning from human feedback (a product of experts).

It corrects only in one direction, and only as far as is proved: an estimate within two standard errors of nothing is
taken for nothing, and larger ones are shrunk (the garrote of Breiman 1995). That long answers go with bad marks may be
rambling or hard questions, and is left alone. What was learned before the bias could be seen stays learned.
"""

import math
from dataclasses import dataclass

import numpy as np

from router.types import Arm, Feedback
from router.utility import Numbers
from strategies.core.query import Vector

PLACES = 16
"""Random directions of the embedding that tell where a question lies: long answers and easy topics may coincide."""
SURE = 2.0
FARTHEST = 3.0
"""Lengths count up to a factor e^3 from the usual one."""
EDGE = 0.02
OF_AN_ARM = 1.0
LENGTH, MIDDLE, EXPECTED, FIRST = 0, 1, 2, 3
SPREAD = {LENGTH: 0.5, MIDDLE: 1.0, EXPECTED: 0.3}
"""How far each coefficient may lie from its start, in logits, before anything was judged: 0.5 for the places."""


@dataclass(frozen=True, slots=True)
class Slope:
    """What a factor e of length adds to a judgement, in logits: estimated, with its error, and taken off."""

    estimate: float
    error: float
    used: float


class LengthBias:
    """A fold of `correct`: logistic regression by one Newton step a judgement, with the whole covariance."""

    def __init__(self) -> None:
        self._mean = np.zeros(FIRST + PLACES)
        self._mean[EXPECTED] = 1.0
        self._spread = np.diag([SPREAD.get(i, 0.5) ** 2 for i in range(FIRST + PLACES)])
        self._arms: dict[Arm, int] = {}
        self._directions: dict[int, Numbers] = {}
        self._usual, self._n = 0.0, 0

    @property
    def n(self) -> int:
        """How many judgements it rests on."""
        return self._n

    def slope(self) -> Slope:
        """What is known of the bias."""
        estimate, error = float(self._mean[LENGTH]), math.sqrt(self._spread[LENGTH, LENGTH])
        proved = max(0.0, 1 - (SURE * error / estimate) ** 2) if estimate > 0 else 0.0
        return Slope(estimate, error, estimate * proved)

    def correct(self, feedback: Feedback) -> float:
        """The reward without what it owes to length, 0..1, from what was known before; then it is learned from.

        With P the probability of a good judgement and Q the one of the content alone, a good mark for a long answer is
        worth Q / P and a bad one for a short answer 1 - (1 - Q) / (1 - P): right on average, and never outside 0..1.
        """
        tokens = feedback.answer_tokens
        if tokens is None or tokens < 1:
            return feedback.reward
        log_tokens = math.log(tokens)
        self._n += 1
        self._usual += (log_tokens - self._usual) / self._n
        longer = min(FARTHEST, max(-FARTHEST, log_tokens - self._usual))
        features = self._features(feedback, longer)
        content = float(features @ self._mean) - self._mean[LENGTH] * longer
        seen, own = _share(content + self.slope().used * longer), _share(content)
        self._learn(features, feedback.reward, feedback.weight)
        if own < seen:
            return feedback.reward * own / seen
        return 1 - (1 - feedback.reward) * (1 - own) / (1 - seen)

    def _features(self, feedback: Feedback, longer: float) -> Numbers:
        if feedback.arm not in self._arms:
            self._arms[feedback.arm] = n = len(self._mean)
            self._mean = np.append(self._mean, 0.0)
            self._spread = np.pad(self._spread, (0, 1))
            self._spread[n, n] = OF_AN_ARM**2
        features = np.zeros(len(self._mean))
        features[LENGTH], features[MIDDLE] = longer, 1.0
        if feedback.expected is not None:
            p = min(1 - EDGE, max(EDGE, feedback.expected))
            features[EXPECTED] = math.log(p / (1 - p))
        features[FIRST : FIRST + PLACES] = self._place(feedback.embedding)
        features[self._arms[feedback.arm]] = 1.0
        return features

    def _place(self, embedding: Vector) -> Numbers:
        size = len(embedding)
        if not np.isfinite(embedding).all():
            return np.zeros(PLACES)
        if size not in self._directions:
            self._directions[size] = np.random.default_rng(size).normal(size=(PLACES, size))
        return np.asarray(self._directions[size] @ embedding)

    def _learn(self, features: Numbers, reward: float, weight: float) -> None:
        p = _share(float(features @ self._mean))
        toward = self._spread @ features
        toward /= 1 / (weight * max(p * (1 - p), 0.05)) + features @ toward
        # The new covariance is the old one less this outer product, which is also what carries the error over.
        self._spread -= np.outer(toward, self._spread @ features)
        self._mean += weight * (reward - p) * (self._spread @ features)


def _share(logit: float) -> float:
    return 1 / (1 + math.exp(-min(30.0, max(-30.0, logit))))
