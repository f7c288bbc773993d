"""Who can be believed: how often each rater's judgements are right, by expectation-maximisation, and what they weigh.

A judgement is right or wrong, and nobody says which. With p the probability that a good judgement was to be expected
(`Feedback.expected`) and eta the share of a rater's judgements that are right, a good one is seen with probability
p eta + (1 - p)(1 - eta), and is then right with probability p eta over that (E step); eta is the mean of these over
the rater's judgements (M step). Cao, Xu, Guang, Long, Bakker, Wang, Yu (2025), RE-PO: Robust Enhanced Policy
Optimization as a General Framework for LLM Alignment, arXiv 2509.24159; here with the two classes good and bad.

Only products of what raters are worth and what arms are worth leave traces in the log: where everybody judges at
random and where the router expects nonsense, it looks the same. So a rater is compared with the best rater there is,
never with a scale: one alone always counts whole, and an arm that gets worse for everybody makes nobody a liar.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from router.types import Feedback
from router.utility import Numbers

START = 0.9
SEEN = 10.0
"""What is assumed of a stranger's judgements, as if so many of them had been seen."""
STEP = 0.01
"""The least weight of the newest judgement: a tenth for a batch of ten, as in the paper, so that raters may change."""
ENOUGH = 30
"""With fewer judgements of which something was expected, a rater is a stranger, and counts whole."""
LEAST = 0.2
"""What a rater counts who is no better than chance; never less, and never the other way round: it may be the router
that errs, on questions that only this rater asks, and it must be able to learn that."""
MIDDLE = 0.55
"""Where even the best rater seems worse than this, the expectations are what is wrong, and everybody counts alike."""
ALIKE = 0.9
"""Who counts nearly as much as the best rater counts whole: so small a difference is mostly chance."""
EDGE, SURELY = 0.05, 0.02
"""No expectation is taken to be surer than this, judgement by judgement and over the whole log."""


@dataclass(frozen=True, slots=True)
class Reliability:
    """How often a rater is right, 0..1, with its standard error; `n` judgements were seen."""

    reliability: float
    error: float
    n: float


class Raters:
    """Everybody who judged: a fold of `learn`, one judgement at a time."""

    def __init__(self) -> None:
        self._known: dict[str, _Rater] = {}

    def learn(self, rater: str, reward: float, expected: float | None, share: float = 1.0) -> None:
        """Take one judgement into account; `share` says how much of a judgement it is (a preference is two halves).

        Where nothing was expected it teaches nothing about the rater, and is only counted.
        """
        known = self._known.setdefault(rater, _Rater())
        known.n += share
        if expected is not None:
            known.learn(reward, expected, share)

    def weight(self, rater: str) -> float:
        """What this rater's next judgement counts, 0.2..1, against the most reliable rater's.

        It is the ratio of the two distances from chance, 2 eta - 1, because that is by how much a judgement moves the
        odds. In doubt for the rater: eta starts high and comes down only as judgements say so.
        """
        known = self._known.get(rater)
        if known is None or known.compared < ENOUGH:
            return 1.0
        best = max(one.eta for one in self._known.values() if one.compared >= ENOUGH)
        if best <= MIDDLE:
            return 1.0
        ratio = (2 * known.eta - 1) / (2 * best - 1)
        return 1.0 if ratio >= ALIKE else max(LEAST, ratio)

    def reliabilities(self) -> Mapping[str, Reliability]:
        """Every rater, in the order in which they first judged."""
        return {name: Reliability(one.shown, one.error, one.n) for name, one in self._known.items()}


class _Rater:
    """One rater's eta by recursive expectation-maximisation; a step is one judgement's share of all information so far.

    `n` judgements were seen, and `compared` of them with what was expected.
    Titterington (1984), Recursive parameter estimation using incomplete data, JRSS B 46.
    """

    def __init__(self) -> None:
        self.eta, self.n, self.compared = START, 0.0, 0.0
        self._information = SEEN / (START * (1 - START))

    @property
    def error(self) -> float:
        return math.sqrt(1 / self._information)

    @property
    def shown(self) -> float:
        """Nobody is called worse than chance before there are judgements enough to say so."""
        return self.eta if self.compared >= ENOUGH else max(0.5, self.eta)

    def learn(self, reward: float, expected: float, share: float) -> None:
        p = min(1 - EDGE, max(EDGE, expected))
        good = p * self.eta + (1 - p) * (1 - self.eta)
        tilt = 2 * p - 1
        score = reward * tilt / good - (1 - reward) * tilt / (1 - good)
        gained = share * tilt * tilt / (good * (1 - good))
        self._information = gained + self._information * (1 - STEP * share * abs(tilt))
        self.eta = min(1 - EDGE / 5, max(EDGE / 5, self.eta + share * score / self._information))
        self.compared += share


def fit(expected: Numbers, rewards: Numbers, start: float = START, rounds: int = 500) -> float:
    """A rater's reliability from all their judgements at once, by expectation-maximisation; both arrays [n].

    `expected` is the probability of a good judgement, `rewards` lie in 0..1; one between is partly good, partly bad.
    """
    eta = start
    for _ in range(rounds):
        good = expected * eta + (1 - expected) * (1 - eta)
        right = rewards * expected * eta / np.maximum(good, 1e-12)
        right += (1 - rewards) * (1 - expected) * eta / np.maximum(1 - good, 1e-12)
        moved, eta = eta, float(right.mean())
        if abs(moved - eta) < 1e-7:
            break
    return eta


def reliabilities(feedback: Iterable[Feedback], start: float = START) -> Mapping[str, Reliability]:
    """Every rater's reliability from the whole log, most judgements first; the engine's own failures are no opinion.

    Judgements of which nothing was expected are left out; fewer than 30 never make a rater worse than chance.
    """
    expected, rewards = defaultdict[str, list[float]](list), defaultdict[str, list[float]](list)
    for one in feedback:
        if one.rater != "engine" and one.expected is not None:
            expected[one.rater].append(min(1 - SURELY, max(SURELY, one.expected)))
            rewards[one.rater].append(one.reward)
    found = {}
    for rater in sorted(expected, key=lambda name: (-len(expected[name]), name)):
        p, y = np.array(expected[rater]), np.array(rewards[rater])
        eta = fit(p, y, start)
        good = p * eta + (1 - p) * (1 - eta)
        information = float(((2 * p - 1) ** 2 / np.maximum(good * (1 - good), 1e-12)).sum())
        error = 1 / math.sqrt(information) if information > 0 else math.inf
        found[rater] = Reliability(eta if len(y) >= ENOUGH else max(0.5, eta), min(error, 0.5), float(len(y)))
    return found


def preferred(one: float, other: float) -> float:
    """The probability that one answer is preferred to another, from the expected quality of both.

    The slope is that of two answers that are right or wrong by themselves, where a tie is broken by a coin.
    """
    return 1 / (1 + math.exp(-2 * (one - other)))
