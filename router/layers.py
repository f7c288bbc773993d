"""What has been learned since the last fit: per arm, over all questions, in a region and among the nearest ones.

Each level keeps what the fitted forest, and the level above, got wrong, and leans on it. An arm that changes is met
here first (router.shifts): what was known of its level before counts for little from then on.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from router.fit import Fit
from router.past import KEPT
from router.posterior import Columns, overall
from router.shifts import Base, Watch
from router.utility import Numbers


@dataclass(frozen=True, slots=True)
class Lean:
    """How many judgements the level above is worth in a region and among neighbours, with and without a forest."""

    region: float = 60.0
    near: float = 25.0
    near_alone: float = 4.0


class Layers:
    """The online half of a policy: begins with what a fit found (or with nothing) and takes judgements one by one."""

    def __init__(self, fit: Fit | None, columns: Columns, strength: float) -> None:
        self._fitted, self._columns, self._strength = Columns() if fit is None else fit.columns, columns, strength
        self._places = self._fitted.places(columns)
        nothing = np.zeros(len(self._fitted))
        known = (nothing, nothing, nothing) if fit is None else (fit.weight, fit.reward, fit.level)
        self.weight, self.reward, self._level = (np.append(table, 0.0)[self._places] for table in known)
        regions = 0 if fit is None else len(fit.centres)
        self._region_weight, self._region_off = np.zeros((regions, 16)), np.zeros((regions, 16))
        self._watches: list[Watch] = []
        self._bases = [] if fit is None else [_copied(fit, place) for place in self._places.tolist()]
        self._usual: Numbers | None = None
        self._same, self.changes = np.ones(len(self.weight)), 0
        self._widen()

    @property
    def usual(self) -> Numbers:
        """What each arm is expected to do over all questions, [arms]."""
        if self._usual is None or len(self._usual) != len(self._columns):
            self._widen()
            self._usual = overall(self.weight, self._levels(), self._columns, self._strength).mean
        return self._usual

    @property
    def places(self) -> NDArray[np.intp]:
        """The place of each arm among those of the fit, [arms]; one past the last for an arm it never met."""
        if len(self._places) != len(self._columns):
            self._places = self._fitted.places(self._columns)
        return self._places

    def off(self, region: int) -> Numbers:
        """By how much each arm does better in the region than the forest says, [arms]."""
        width = len(self._columns)
        self._widen()
        return np.asarray(self._region_off[region, :width])

    def seen(self, region: int) -> Numbers:
        """The weight of judgements of each arm in the region since the fit, [arms]."""
        self._widen()
        return np.asarray(self._region_weight[region, : len(self._columns)])

    def same(self) -> Numbers:
        """The share of what a fit saw of each arm that still counts, [arms]; less than 1 if it was renewed since."""
        self._widen()
        return self._same

    def take(self, column: int, reward: float, weight: float, expected: float | None, region: int | None) -> None:
        """One judgement. `expected` is what was expected of the arm here; None where the question has no place."""
        self._widen()
        if expected is not None:
            base = self._bases[column]
            here = base.known(region or 0)
            shift = None if here is None else self._watches[column].take(reward, expected + here, weight)
            base.take(region or 0, reward - expected, weight)
            if shift is not None:
                self._move(column, shift.by, shift.weight)
        easier = 0.0 if expected is None else expected - float(self.usual[column])
        self.weight[column] += weight
        self.reward[column] += weight * reward
        self._level[column] += weight * (reward - easier)
        self._usual = None
        if region is not None and expected is not None:
            self._region_weight[region, column] += weight
            self._region_off[region, column] += weight * (reward - expected)

    def renew(self, column: int) -> None:
        """The arm's model or prompts are others now: what was known of it is a hint, and no more."""
        self._widen()
        self._same[column] *= KEPT / max(KEPT, float(self.weight[column]))
        self._move(column, 0.0, 0.0)
        self._watches[column], self._bases[column] = Watch(), Base(max(1, len(self._region_off)))

    def _move(self, column: int, by: float, weight: float) -> None:
        self.changes += 1
        means = [float(table[column]) / max(self.weight[column], 1e-9) for table in (self.reward, self._level)]
        self.weight[column] = min(self.weight[column], KEPT + weight)
        self.reward[column], self._level[column] = (self.weight[column] * min(1.0, max(0.0, m + by)) for m in means)
        self._region_weight[:, column] = self._region_off[:, column] = 0.0
        self._usual = None

    def _levels(self) -> Numbers:
        """What the arms would have got on equally hard questions, [arms]."""
        return np.asarray(np.minimum(np.maximum(self._level, 0.0), self.weight))

    def _widen(self) -> None:
        """Make room for arms that were met since."""
        width = len(self._columns)
        if len(self.weight) < width:
            more = np.zeros(width - len(self.weight))
            self.weight, self.reward = np.append(self.weight, more), np.append(self.reward, more)
            self._level, self._same = np.append(self._level, more), np.append(self._same, more + 1.0)
        while self._region_weight.shape[1] < width:
            self._region_weight, self._region_off = (
                np.concatenate([table, np.zeros_like(table)], axis=1)
                for table in (self._region_weight, self._region_off)
            )
        self._watches += [Watch() for _ in range(width - len(self._watches))]
        self._bases += [Base(max(1, len(self._region_off))) for _ in range(width - len(self._bases))]


def _copied(fit: Fit, place: int) -> Base:
    """What the fit knows of an arm in the regions, to go on from."""
    base, known = Base(len(fit.centres)), fit.bases.get(place)
    if known is not None:
        base.weight[:], base.off[:] = known.weight, known.off
    return base
