"""Cost against quality: the curve that a dial draws, its hull, and what is read off it (AIQ, APGR, CPT)."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from router.outcomes import Rows
from router.utility import Numbers

LAMBDAS = np.concatenate([[0.0], np.logspace(-4, 2, 97), [np.inf]])
"""What the whole range of costs is worth in score, from nothing to more than anything."""


class Point(NamedTuple):
    """What a way of choosing costs, and what it scores."""

    cost: float
    score: float


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Points of cost and mean score, both float64 [points], by rising cost."""

    cost: Numbers
    score: Numbers

    @property
    def hull(self) -> "Curve":
        """The non-decreasing convex hull: what mixing the points at random reaches with at most that cost."""
        kept: list[Point] = []
        for point in map(Point, self.cost.tolist(), np.maximum.accumulate(self.score).tolist()):
            if kept and point.cost == kept[-1].cost:
                kept.pop()
            while len(kept) > 1 and _under(kept[-2], kept[-1], point):
                kept.pop()
            kept.append(point)
        return Curve(np.array([point.cost for point in kept]), np.array([point.score for point in kept]))

    def cost_of(self, score: float) -> float | None:
        """The least cost at which the curve, drawn straight between its points, reaches the score; None: nowhere."""
        there = np.flatnonzero(self.score >= score - 1e-12)
        if len(there) == 0:
            return None
        i = int(there[0])
        if i == 0:
            return float(self.cost[0])
        rise = self.score[i] - self.score[i - 1]
        return float(self.cost[i - 1] + (score - self.score[i - 1]) / rise * (self.cost[i] - self.cost[i - 1]))


def _under(left: Point, middle: Point, right: Point) -> bool:
    """Whether the middle point lies on or below the line between the others."""
    rise, run = right.score - middle.score, right.cost - middle.cost
    return (middle.score - left.score) * run <= rise * (middle.cost - left.cost)


def swept(quality: Numbers, expected: Numbers, scores: Numbers, spent: Numbers) -> Curve:
    """The curve of choosing the arm of the greatest quality less lambda times its cost, for every lambda.

    All arrays are float64 [queries, arms]: the quality and the cost that were expected, NaN quality where an arm is no
    candidate, and the scores and costs that came of it; a cost that is NaN counts as it was expected.
    """
    low, high = float(expected.min()), float(expected.max())
    scaled = (expected - low) / (high - low) if high > low else np.zeros_like(expected)
    spent = np.where(np.isnan(spent), expected, spent)
    points = []
    for worth in LAMBDAS.tolist():
        value = quality - worth * scaled if math.isfinite(worth) else -scaled + 1e-9 * quality
        arms = np.where(np.isnan(quality), -np.inf, value).argmax(axis=1)
        points.append(Point(_mean(spent, arms), _mean(scores, arms)))
    points.sort()
    return Curve(np.array([point.cost for point in points]), np.array([point.score for point in points]))


def _mean(values: Numbers, arms: Rows) -> float:
    return float(values[np.arange(len(arms)), arms].mean())


def aiq(curve: Curve, low: float, high: float) -> float | None:
    """Average improvement in quality: the mean height of the curve's hull over costs from `low` to `high`.

    Left of the cheapest point the hull is as high as there, right of the dearest too. None where `low` is not less.
    Hu et al. (2024), RouterBench: A Benchmark for Multi-LLM Routing System, arXiv 2403.12031; evaluation/AIQ.py.
    """
    if not low < high:
        return None
    hull = curve.hull
    inner = hull.cost[(hull.cost > low) & (hull.cost < high)]
    at = np.concatenate([[low], inner, [high]])
    return float(np.trapezoid(np.interp(at, hull.cost, hull.score), at) / (high - low))


def shares(gap: Numbers, strong: Numbers, weak: Numbers) -> Curve:
    """The mean score [0..1] against the share of queries that the stronger of two arms answers, all [queries].

    It answers those with the greatest `gap`, the expected quality by which it is better; queries with equal gaps are
    mixed at random. `strong` and `weak` are the scores of the two arms.
    """
    order = np.argsort(-gap, kind="stable")
    last = np.append(gap[order][:-1] != gap[order][1:], True)
    gained = weak.sum() + np.cumsum(strong[order] - weak[order])
    share, score = np.arange(1, len(gap) + 1)[last] / len(gap), gained[last] / len(gap)
    return Curve(np.concatenate([[0.0], share]), np.concatenate([[weak.mean()], score]))


@dataclass(frozen=True, slots=True)
class Recovered:
    """How much of the gap between two arms a router recovers: APGR, and the shares of strong calls for 50 and 80 %."""

    apgr: float
    cpt50: float
    cpt80: float


def recovered(curve: Curve) -> Recovered | None:
    """APGR, the area between the curve of `shares` and the weak arm over that between the arms; CPT(50 %), CPT(80 %).

    CPT(x) is the least share of strong calls, 0..1, with which x of the gap is recovered. None where the strong arm is
    not the better one. Ong et al. (2024), RouteLLM: Learning to Route LLMs with Preference Data, arXiv 2406.18665;
    routellm/evals/evaluate.py.
    """
    weak, strong = float(curve.score[0]), float(curve.score[-1])
    if strong - weak < 1e-12:
        return None
    area = float(np.trapezoid(curve.score, curve.cost))
    half, most = curve.cost_of(weak + 0.5 * (strong - weak)), curve.cost_of(weak + 0.8 * (strong - weak))
    if half is None or most is None:  # for the type checker: the curve ends at the strong arm
        return None
    return Recovered((area - weak) / (strong - weak), half, most)


def arena_score(accuracy: float, usd_per_1000: float) -> float:
    """RouterArena's score 0..1: accuracy with cheapness, (1 + b) A C / (b A + C), b = 0.1.

    C falls from 1 at 0.0044 dollars for a thousand queries to 0 at 200, evenly with the logarithm. RouterArena,
    router_evaluation/compute_scores.py.
    """
    dearest, cheapest, beta = 200.0, 0.0044, 0.1
    cost = min(max(usd_per_1000, cheapest), dearest)
    cheap = (math.log2(dearest) - math.log2(cost)) / (math.log2(dearest) - math.log2(cheapest))
    below = beta * accuracy + cheap
    return (1 + beta) * accuracy * cheap / below if below > 0 else 0.0
