"""Has an arm changed? Two cumulative sums per arm of how far its rewards lie from what was expected of it.

Page (1954), Continuous inspection schemes, Biometrika 41. An arm that does steadily worse (or better) than expected
raises an alarm; the sum tells since when. With the constants here a steady arm raised none in eight times 5,000
judgements, and one that dropped by 0.2 after about 100 (tests/router/test_layers.py walks such streams).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from router.utility import Numbers

Rows = NDArray[np.intp]

LASTS, SURE = 0.5, 5.0
"""The share of a change, and the standard errors, by which an arm must be off ever since for a fit to heed it."""
BASE = 8.0
"""Judgements of an arm in a region before what it does there is known."""

SLACK = 0.25
"""Standard deviations by which rewards may lie off without adding up."""
ALARM = 23.0
WARM = 30.0
"""Judgements of an arm before a change of it can be told from never having known it."""
LEAST = 0.2
"""The least standard deviation of a reward: one that was sure is not believed to be quite so sure."""


@dataclass(frozen=True, slots=True)
class Shift:
    """A change: by how much the rewards have moved, and over which weight of judgements that was seen."""

    by: float
    weight: float


class Watch:
    """The sums of one arm, for falling and rising rewards."""

    __slots__ = ("_drift", "_known", "_sum", "_weight")

    def __init__(self) -> None:
        self._known = 0.0
        self._sum = [0.0, 0.0]
        self._drift, self._weight = [0.0, 0.0], [0.0, 0.0]

    def take(self, reward: float, expected: float, weight: float) -> Shift | None:
        """One judgement; a Shift if it is the one that raises the alarm. The sums then begin anew."""
        spread = max(LEAST, (max(0.0, expected * (1.0 - expected))) ** 0.5)
        off = reward - expected
        self._known += weight
        if self._known < WARM:
            return None
        for side, sign in enumerate((-1.0, 1.0)):
            total = self._sum[side] + weight * (sign * off / spread - SLACK)
            if total <= 0.0:
                self._sum[side] = self._drift[side] = self._weight[side] = 0.0
                continue
            self._sum[side] = total
            self._drift[side] += weight * off
            self._weight[side] += weight
            if total > ALARM:
                shift = Shift(self._drift[side] / self._weight[side], self._weight[side])
                self.__init__()  # type: ignore[misc]  # begin anew
                return shift
        return None


class Base:
    """What an arm has done in each region, beyond what was expected: only against that is a change of it measured.

    So a run of questions of one kind, about which the expectation is wrong, is not taken for a change.
    """

    __slots__ = ("off", "weight")

    def __init__(self, regions: int) -> None:
        self.weight, self.off = np.zeros(regions), np.zeros(regions)

    def known(self, region: int) -> float | None:
        """The mean offset in a region, leaning on none; None where too little was judged to tell."""
        weight = float(self.weight[region])
        return None if weight < BASE else float(self.off[region]) / (weight + BASE)

    def take(self, region: int, off: float, weight: float) -> None:
        """Count one judgement."""
        self.weight[region] += weight
        self.off[region] += weight * off


@dataclass(frozen=True, slots=True, eq=False)
class Lifted:
    """By how much each judgement would be different today, [n], and what every arm has done in each region."""

    by: Numbers
    bases: Mapping[int, Base]


def lifts(column: Rows, region: Rows, reward: Numbers, expected: Numbers, weight: Numbers, regions: int) -> Lifted:
    """Go through judgements in the order in which they came; all arrays [n]. Arms that did not change lift nothing.

    A change counts only if it lasted and is sure: over all that came since, the arm must still be off by half of it,
    and by more standard errors than an alarm alone needs, since a wrong one would spoil a whole fit.
    """
    found, bases = np.zeros(len(column)), {}
    for arm in np.unique(column).tolist():
        places = np.flatnonzero(column == arm)
        watch, base = Watch(), Base(regions)
        off = np.zeros(len(places))
        shifts: list[tuple[int, float]] = []
        rows = zip(*(array[places].tolist() for array in (region, reward, expected, weight)), strict=True)
        for i, (where, got, wanted, much) in enumerate(rows):
            here, level = base.known(where), sum(by for _, by in shifts)
            off[i] = got - wanted - (here or 0.0)
            shift = None if here is None else watch.take(got, wanted + level + here, much)
            base.take(where, got - wanted - level, much)
            if shift is not None:
                back = np.cumsum(weight[places][i::-1])
                shifts.append((max(0, i - int(np.searchsorted(back, shift.weight))), shift.by))
        moved, level = np.zeros(len(places)), 0.0
        spread = max(LEAST, float(off.std()))
        for onset, by in shifts:
            since = off[onset:] - level
            if since.mean() / by >= LASTS and abs(since.mean()) * len(since) ** 0.5 >= SURE * spread:
                moved[:onset] += float(since.mean())
                level += float(since.mean())
        found[places], bases[arm] = moved, base
    return Lifted(found, bases)
