"""Intervals for what is measured: Wilson's for a share, the paired normal one for a difference."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its central 95 % interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{100 * self.mean:.1f} [{100 * self.low:.1f}, {100 * self.high:.1f}]"

    @property
    def signed(self) -> str:
        """The same as a gain or a loss."""
        return f"{100 * self.mean:+.1f} [{100 * self.low:+.1f}, {100 * self.high:+.1f}]"


def share(scores: Sequence[float]) -> Interval:
    """Wilson's interval for the mean of 0/1 scores (Wilson 1927); NaN where there are none."""
    n = len(scores)
    if n == 0:
        return Interval(math.nan, math.nan, math.nan)
    mean = sum(scores) / n
    middle = (mean + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 * math.sqrt(mean * (1 - mean) / n + Z95**2 / (4 * n * n)) / (1 + Z95**2 / n)
    return Interval(mean, middle - half, middle + half)


def paired(left: Sequence[float], right: Sequence[float]) -> Interval:
    """The mean of left - right over the same questions, with the paired normal interval; of one pair all of [-1, 1]."""
    gaps = [a - b for a, b in zip(left, right, strict=True)]
    n = len(gaps)
    mean = sum(gaps) / n
    if n == 1:
        return Interval(mean, -1.0, 1.0)
    variance = sum((gap - mean) ** 2 for gap in gaps) / (n - 1)
    half = Z95 * math.sqrt(variance / n)
    return Interval(mean, mean - half, mean + half)
