"""Measures of a way of choosing from its scores query by query: gain and standard error, calibration, regret."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from router.utility import Numbers

BINS = 10


@dataclass(frozen=True, slots=True)
class Gain:
    """A mean difference of scores over the same queries, and its paired standard error."""

    mean: float
    se: float


@dataclass(frozen=True, slots=True)
class Regret:
    """After so many queries of a stream, the sum of scores by which the best single arm of it was ahead."""

    queries: int
    regret: float


def paired(ahead: Numbers) -> Gain:
    """The mean of differences [queries] and its standard error, 0 where there is one query alone."""
    deviation = float(ahead.std(ddof=1)) if len(ahead) > 1 else 0.0
    return Gain(float(ahead.mean()), deviation / len(ahead) ** 0.5)


def worst(ahead: Numbers, domains: Sequence[str]) -> float | None:
    """The least of the mean differences over domains; None where no query has one. `ahead` is [queries]."""
    if not any(domains):
        return None
    _, of = np.unique(np.array(domains), return_inverse=True)
    return float((np.bincount(of, ahead) / np.bincount(of)).min())


def calibration_error(expected: Numbers, scores: Numbers) -> float | None:
    """How far the expected and the real mean score lie apart in ten bins of the expected one, weighted by queries.

    Both are [queries]; None where nothing was expected. Naeini, Cooper and Hauskrecht (2015), Obtaining well calibrated
    probabilities using Bayesian binning, AAAI.
    """
    told = np.isfinite(expected)
    if not told.any():
        return None
    of = np.minimum((np.clip(expected[told], 0.0, 1.0) * BINS).astype(np.intp), BINS - 1)
    apart = np.bincount(of, expected[told] - scores[told], BINS)
    return float(np.abs(apart).sum() / told.sum())


def regret_curve(regrets: Sequence[Numbers], points: int = 20) -> tuple[Regret, ...]:
    """The mean over streams of what their regret came to after as many queries; each of them is cumulated, [stream]."""
    if not regrets:
        return ()
    shortest = min(map(len, regrets))
    at = np.unique(np.linspace(shortest / points, shortest, points).round().astype(np.intp).clip(1))
    mean = np.mean([one[at - 1] for one in regrets], axis=0)
    return tuple(Regret(int(n), float(regret)) for n, regret in zip(at, mean, strict=True))
