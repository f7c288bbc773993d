"""One figure of what runs take: a line through its logarithms, and what turns the line's middle into a mean."""

import math
from dataclasses import dataclass, field
from typing import NamedTuple

from router.ridge import Line, Points, quantile

MEMORY = 0.98
"""What an observation keeps of its weight with each newer one: the last fifty or so count."""
LEAN = 3.0
"""How many runs of its own an arm needs to count as much as what its model's calls take."""
ENOUGH = 5.0
"""How many runs of its own an arm needs before a limit looks at what one run in ten exceeds, not at the mean."""
NINETY = 1.2815515655446004
"""The normal distribution's 90th percentile."""


class Fit(NamedTuple):
    """A line; what came of the runs behind it and what it foresees of them; their weight; and what it leans on."""

    line: Line
    came: float = 0.0
    foreseen: float = 0.0
    weight: float = 0.0
    parent: "Fit | None" = None

    def mean(self, x: float) -> float:
        """What is expected on average: the line's middle, times what came for each that it foresees."""
        return math.exp(self.line.at(x)) * self.ratio

    def ninety(self, x: float) -> float:
        """What nine runs in ten stay below; the mean where there were fewer than ENOUGH."""
        mean = self.mean(x)
        if self.weight < ENOUGH:
            return mean
        return max(mean, math.exp(quantile(self.line, x, self.weight, NINETY)))

    def times(self, calls: float) -> "Fit":
        """The same of so many calls."""
        raised = self.line.raised(math.log(calls))
        return self._replace(line=raised, came=self.came * calls, foreseen=self.foreseen * calls)

    @property
    def ratio(self) -> float:
        """What came for each that was foreseen, leaning on the parent's ratio; that alone where nothing ran.

        In logarithms: a model whose calls cost now little and now much says little of an arm that costs the same
        each time.
        """
        above = 1.0 if self.parent is None else self.parent.ratio
        if not (self.came > 0.0 and self.foreseen > 0.0):
            return above
        own = self.weight / (self.weight + LEAN)
        return math.exp(own * math.log(self.came / self.foreseen) + (1.0 - own) * math.log(above))


@dataclass(slots=True)
class Runs:
    """One figure of an arm's runs or of a model's calls: the points, what they came to, what `line` makes of them."""

    points: Points = field(default_factory=Points)
    came: float = 0.0
    foreseen: float = 0.0
    line: Line | None = None

    def learn(self, x: float, value: float, least: float, parent: Fit | None) -> None:
        """Take a run in; a value below `least` counts as that where logarithms are taken."""
        self.points.add(x, math.log(max(value, least)), MEMORY)
        line = self._leaning(parent)
        if line is not None:
            self.foreseen = self._restated(line) * MEMORY + math.exp(line.at(x))
            self.came, self.line = self.came * MEMORY + value, line

    def fit(self, parent: Fit | None) -> Fit | None:
        """What the runs make expect; the parent's where there are none, None where there is no parent either."""
        line = self._leaning(parent)
        return None if line is None else Fit(line, self.came, self._restated(line), self.points.weight, parent)

    def _leaning(self, parent: Fit | None) -> Line | None:
        return self.points.line(None if parent is None else parent.line, LEAN)

    def _restated(self, line: Line) -> float:
        """What was foreseen, as another line would have it: moved as that line has moved at the mean of the points."""
        if self.line is None:
            return 0.0
        centre = self.points.x / self.points.weight
        return self.foreseen * math.exp(line.at(centre) - self.line.at(centre))
