"""A policy that does not take every judgement at its word: rid of what it owes to length, weighed by who gave it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from router.length_bias import LengthBias
from router.raters import Raters
from router.types import Arm, Candidate, Choice, Feedback, Policy, Predicts, Recalls, Settles
from strategies.core import Query
from strategies.core.query import Vector

EXACT = frozenset({"engine", "known_answers"})
"""Raters who cannot err: a run that failed has failed, an answer that equals a known one is right."""
JUDGES = "judge"
"""How the name of a rater begins that is a model."""
PLAIN = frozenset({"correction", "asked_again", "correction_signal", "thanks"})
"""Kinds of judgement that a long answer does not win."""
SHOWN = 100
"""As many raters are shown, those with the most judgements."""


def trust(policy: Policy) -> "Trusted":
    """The policy, learning from weighed judgements; it predicts if that one does."""
    return TrustedPredicting(policy) if isinstance(policy, Predicts) else Trusted(policy)


class Trusted:
    """A policy around a policy: it chooses as that one does, and learns the same judgements with more care.

    Like every policy it is a fold: the same feedback in the same order leads to the same beliefs. People and judges
    (models whose rater's name begins with `judge`) have a length bias each of their own.
    """

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.learned = 0
        """Judgements taken into account so far."""
        self._raters = Raters()
        self._bias = {"people": LengthBias(), "judges": LengthBias()}

    @property
    def name(self) -> str:
        """The name of the policy inside: that is what decisions are marked with."""
        return self.policy.name

    def choose(self, query: Query, candidates: Sequence[Candidate]) -> Choice:
        """What the policy inside chooses."""
        return self.policy.choose(query, candidates)

    def learn(self, feedback: Feedback) -> None:
        """Hand the judgement on, its reward without the length bias and its weight times the rater's.

        The weight is the one that the rater had before; a reward or weight that is no number is handed on as it is.
        """
        self.policy.learn(self._heard(feedback))

    def recall(self, feedback: Iterable[Feedback]) -> None:
        """Learn much at once, as fast as the policy inside can."""
        heard = map(self._heard, feedback)
        if isinstance(self.policy, Recalls):
            self.policy.recall(heard)
        else:
            for one in heard:
                self.policy.learn(one)

    def settle(self) -> None:
        """Wait for what the policy inside fits in the background, if it does."""
        if isinstance(self.policy, Settles):
            self.policy.settle()

    def beliefs(self) -> Mapping[str, object]:
        """What the policy inside believes, and what is known of the raters and of the length bias."""
        known = sorted(self._raters.reliabilities().items(), key=lambda row: (-row[1].n, row[0]))[:SHOWN]
        raters = {
            name: {
                "reliability": round(one.reliability, 6),
                "error": round(one.error, 6),
                "n": round(one.n, 6),
                "weight": round(self._raters.weight(name), 6),
            }
            for name, one in known
        }
        slopes = {name: (bias.n, bias.slope()) for name, bias in self._bias.items() if bias.n}
        biases = {
            name: {
                "slope": round(slope.estimate, 6),
                "error": round(slope.error, 6),
                "used": round(slope.used, 6),
                "n": n,
            }
            for name, (n, slope) in slopes.items()
        }
        return {**self.policy.beliefs(), "raters": raters, "length_bias": biases}

    def _heard(self, feedback: Feedback) -> Feedback:
        self.learned += 1
        return self._weighed(feedback) if feedback.rater not in EXACT and _sound(feedback) else feedback

    def _weighed(self, feedback: Feedback) -> Feedback:
        reward = min(1.0, max(0.0, feedback.reward))
        if feedback.kind not in PLAIN:
            bias = self._bias["judges" if feedback.rater.startswith(JUDGES) else "people"]
            reward = bias.correct(replace(feedback, reward=reward))
        weight = feedback.weight * self._raters.weight(feedback.rater)
        # A preference is one judgement in two rows, of which one follows from the other.
        share = 0.5 if feedback.kind == "preference" else 1.0
        self._raters.learn(feedback.rater, reward, feedback.expected, share)
        return replace(feedback, reward=reward, weight=weight)


class TrustedPredicting(Trusted):
    """The same around a policy that can say of many queries at once how each arm would do."""

    def predict(self, embeddings: Vector, texts: Sequence[str], arms: Sequence[Arm]) -> NDArray[np.float64]:
        """What the policy inside predicts, float64 [n, arms]."""
        if not isinstance(self.policy, Predicts):
            raise TypeError(f"the policy {self.name!r} predicts nothing")
        return self.policy.predict(embeddings, texts, arms)


def _sound(feedback: Feedback) -> bool:
    expected = 0.5 if feedback.expected is None else feedback.expected
    return bool(np.isfinite([feedback.reward, feedback.weight, expected]).all()) and feedback.weight > 0
