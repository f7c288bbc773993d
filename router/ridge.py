"""A straight line learned as points come: ridge regression that leans on a parent's line and forgets what is old."""

import math
from dataclasses import dataclass
from typing import NamedTuple

SPREAD = 0.5
"""The variance of logarithms where nothing is known: costs of one arm differ by a factor of two, more or less."""


class Line(NamedTuple):
    """`start` + `slope` * x, with `variance` of what falls beside it."""

    start: float
    slope: float = 0.0
    variance: float = SPREAD

    def at(self, x: float) -> float:
        """Its height at x."""
        return self.start + self.slope * x

    def raised(self, by: float) -> "Line":
        """The line, higher by so much."""
        return Line(self.start + by, self.slope, self.variance)


@dataclass(slots=True)
class Points:
    """The sums that a line is fitted to; each new point takes (1 - memory) from the weight of those before it."""

    weight: float = 0.0
    x: float = 0.0
    xx: float = 0.0
    y: float = 0.0
    xy: float = 0.0
    yy: float = 0.0

    def add(self, x: float, y: float, memory: float) -> None:
        """Take a point in, with weight 1."""
        self.weight = self.weight * memory + 1.0
        self.x = self.x * memory + x
        self.xx = self.xx * memory + x * x
        self.y = self.y * memory + y
        self.xy = self.xy * memory + x * y
        self.yy = self.yy * memory + y * y

    def line(self, parent: Line | None, lean: float) -> Line | None:
        """The line of least squares that counts the parent's as `lean` points, at distance 1 from the mean of x.

        So points of one length move the line up or down and do not turn it. Without a parent its height is free and
        its slope leans on 0. None without points and parent.
        Hoerl and Kennard (1970), Ridge regression: biased estimation for nonorthogonal problems, Technometrics 12.
        """
        if self.weight == 0.0:
            return parent
        base, held = parent or Line(0.0), 0.0 if parent is None else lean
        centre = self.x / self.weight
        together = max(0.0, self.xx - self.x * centre)
        slope = (self.xy - self.y * centre + lean * base.slope) / (together + lean)
        height = (self.y + held * base.at(centre)) / (self.weight + held)
        start = height - slope * centre
        beside = self.yy - 2 * (start * self.y + slope * self.xy) + 2 * start * slope * self.x
        beside = max(0.0, beside + start * start * self.weight + slope * slope * self.xx)
        # Two degrees of freedom went into the line; a parent's variance counts as `lean` points.
        variance = (beside + lean * base.variance) / max(1.0, self.weight + lean - 2.0)
        return Line(start, slope, variance)


def quantile(line: Line, x: float, weight: float, normal: float) -> float:
    """The height below which a new point lies with the probability that `normal` is the normal quantile of."""
    return line.at(x) + normal * math.sqrt(line.variance * (1.0 + 1.0 / max(1.0, weight)))
