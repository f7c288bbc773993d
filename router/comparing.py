"""Which of two arms is better: paired comparison with bounds that hold at every moment, ranking, and the best of many.

Inspired by Saad, Verzelen and Carpentier (2023), Active Ranking of Experts Based on their Performances in Many Tasks
(arXiv 2306.02628); the bound is the empirical Bernstein bound of Audibert, Munos and Szepesvári (2009),
Exploration-exploitation tradeoff using variance estimates in multi-armed bandits, with its union over time. Both arms
answer the same question, so that what is hard about the question falls out of the difference.

One order of arms over all questions rarely exists. Compare within one kind of questions, and read a tie as "no
difference was shown", not as "they are alike".
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TypeVar

import numpy as np

from models.errors import BadRequest

T = TypeVar("T")

DELTA = 0.05
"""The probability with which a whole comparison may be decided wrongly."""
MOST = 20_000
"""Pairs of answers after which it is a tie."""

Play = Callable[[int, Sequence[int]], Sequence[float]]
"""The rewards 0..1 of some arms (by index) on one question (by index), in the order of the arms."""


@dataclass(frozen=True, slots=True)
class Finding:
    """How two arms compare: `better` is 0 for the first, 1 for the second, None for a tie.

    `mean` is the mean difference of the first over the second on `n` questions, `low`..`high` where it lies with
    probability 1 - delta, however often one has looked.
    """

    better: int | None
    mean: float
    low: float
    high: float
    n: int


class Duel:
    """The running comparison of two arms; feed it the difference in reward on one question after another."""

    def __init__(self, delta: float = DELTA, most: int = MOST) -> None:
        if not 0.0 < delta < 1.0 or most < 1:
            raise BadRequest(f"delta {delta!r} must lie between 0 and 1, and most {most!r} be at least 1")
        self._delta, self._most = delta, most
        self._n, self._mean, self._squares = 0, 0.0, 0.0

    def add(self, difference: float) -> None:
        """Take the first arm's reward less the second's, -1..1, on one more question. Raises BadRequest."""
        if not -1.0 <= difference <= 1.0:
            raise BadRequest(f"a difference of rewards lies between -1 and 1, not {difference!r}")
        self._n += 1
        before = difference - self._mean
        self._mean += before / self._n
        self._squares += before * (difference - self._mean)

    def over(self) -> bool:
        """Whether it is decided, or a tie for good."""
        return self.finding.better is not None or self._n >= self._most

    @property
    def finding(self) -> Finding:
        """What is known so far."""
        radius = self._radius()
        better = None if abs(self._mean) <= radius else int(self._mean < 0)
        return Finding(better, self._mean, max(-1.0, self._mean - radius), min(1.0, self._mean + radius), self._n)

    def _radius(self) -> float:
        """sqrt(2 v L / t) + 6 L / t with L = log(3 t (t + 1) / delta): differences span 2."""
        t = self._n
        if t == 0:
            return math.inf
        length = math.log(3 * t * (t + 1) / self._delta)
        return math.sqrt(2 * self._squares / t * length / t) + 6 * length / t


def compare(
    questions: int,
    play: Play,
    first: int,
    second: int,
    *,
    delta: float = DELTA,
    most: int = MOST,
    focus: bool = False,
    seed: int = 0,
) -> Finding:
    """Compare two arms on questions drawn without repeating until all had their turn.

    With `focus`, for arms that differ on few questions only: half of the budget and of delta goes to all questions; if
    that decides nothing, the other half to the quarter of them on which the arms differed most. Those differences were
    what the questions were picked by, so the second test counts fresh answers only. What it finds holds for all
    questions only if no question reverses the order. Raises BadRequest.
    """
    draw = np.random.default_rng(seed)
    duel = Duel(delta / 2 if focus else delta, -(-most // 2) if focus else most)
    sums, counts = np.zeros(questions), np.zeros(questions)

    def run(duel: Duel, pool: Sequence[int]) -> Finding:
        if not pool:
            raise BadRequest("there is no question to compare on")
        while not duel.over():
            for question in draw.permutation(pool).tolist():
                one, other = play(question, (first, second))
                duel.add(one - other)
                sums[question] += one - other
                counts[question] += 1
                if duel.over():
                    break
        return duel.finding

    found = run(duel, range(questions))
    if not focus or found.better is not None:
        return found
    apart = np.abs(sums / np.maximum(counts, 1))
    picked = np.argsort(-apart, kind="stable")[: max(1, questions // 4)].tolist()
    return run(Duel(delta / 2, most // 2 or 1), picked)


def rank(arms: Sequence[T], better: Callable[[T, T, float], int | None], delta: float = DELTA) -> list[list[T]]:
    """The arms in tiers, best first; those of one tier tied. By binary insertion: n log n comparisons.

    `better(a, b, delta)` compares two (0, 1 or None as in Finding); each gets delta / (n ceil(log2 n)), so that the
    whole is wrong with probability delta at most.
    """
    n = len(arms)
    share = delta / (n * max(1, math.ceil(math.log2(n)))) if n else delta
    tiers: list[list[T]] = []
    for arm in arms:
        low, high = 0, len(tiers)
        while low < high:
            middle = (low + high) // 2
            found = better(arm, tiers[middle][0], share)
            if found is None:
                tiers[middle].append(arm)
                break
            low, high = (low, middle) if found == 0 else (middle + 1, high)
        else:
            tiers.insert(low, [arm])
    return tiers


def best(
    arms: int, questions: int, play: Play, *, delta: float = DELTA, most: int = MOST, seed: int = 0
) -> tuple[int, ...]:
    """The arms that may be the best: one if it could be told. By successive elimination.

    All arms left answer the same question; an arm that loses against another one is out. `most` bounds the questions
    asked. Raises BadRequest.
    """
    if arms < 1 or questions < 1:
        raise BadRequest(f"there is nothing to compare: {arms} arms, {questions} questions")
    draw = np.random.default_rng(seed)
    share = delta / max(1, arms * (arms - 1) // 2)
    duels = {pair: Duel(share, most) for pair in combinations(range(arms), 2)}
    left, asked = list(range(arms)), 0
    while len(left) > 1 and asked < most:
        for question in draw.permutation(questions).tolist()[: most - asked]:
            rewards = dict(zip(left, play(question, left), strict=True))
            asked += 1
            for pair in combinations(left, 2):
                duels[pair].add(rewards[pair[0]] - rewards[pair[1]])
            findings = {pair: duels[pair].finding.better for pair in combinations(left, 2)}
            out = {pair[1 - found] for pair, found in findings.items() if found is not None}
            left = [arm for arm in left if arm not in out]
            if len(left) == 1:
                break
    return tuple(left)
