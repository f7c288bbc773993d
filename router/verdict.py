"""The verdict of a replay: what each policy is worth beside the best single arm and the oracle."""

from dataclasses import dataclass

import numpy as np

from router.curves import Curve, Recovered, aiq, arena_score, recovered, shares, swept
from router.ground import known
from router.measures import Gain, Regret, calibration_error, paired, regret_curve, worst
from router.outcomes import Rows
from router.replay import Replay, Walk
from router.utility import Numbers


@dataclass(frozen=True, slots=True)
class Verdict:
    """A policy on a table; scores are 0..1, and None is what the table cannot say.

    `gain` is over the best single arm of the training queries, `share_of_headroom` its share of what the oracle gains,
    `worst_domain_gain` the least of it over domains. `cost` is the mean of what the chosen arms took, `ece` the
    expected calibration error of the quality that was expected of them. `aiq` and `saving` are read off `curve`:
    `saving` is the share of the best single arm's cost that its score does not need. `arena` is RouterArena's score.
    """

    policy: str
    score: float
    gain: Gain
    share_of_headroom: float | None
    cost: float | None
    worst_domain_gain: float | None
    ece: float | None
    decisions_per_second: float
    curve: Curve | None
    aiq: float | None
    saving: float | None
    recovered: Recovered | None
    arena: float | None
    regrets: tuple[Regret, ...]


@dataclass(frozen=True, slots=True)
class Alone:
    """An arm that answers all queries: its mean score, and its place on the axis of the curves if there is one."""

    arm: str
    score: float
    cost: float | None


class Yardstick:
    """What any policy lies between on a replayed table: the best single arm of the training queries and the oracle.

    The oracle takes the best score of each query: with many arms, a ceiling made of luck.
    """

    def __init__(self, replay: Replay) -> None:
        self.table, self._costs, self._spent = replay.table, replay.costs, replay.table.spent
        self.oracle = float(np.nanmax(self.table.scores, axis=1).mean())
        self._single = _taken(self.table.scores, replay.singles)
        self._best = int(np.bincount(replay.singles, minlength=len(self.table.arms)).argmax())
        self._singles = replay.singles

    @property
    def arm(self) -> str:
        """The arm that is the best single one of most folds."""
        return str(self.table.arms[self._best])

    @property
    def score(self) -> float:
        """The mean score of the best single arm, each query's chosen without it."""
        return float(self._single.mean())

    @property
    def axis(self) -> str | None:
        """What the curves' costs are in; None where the table knows no costs and has more than two arms."""
        if self._spent is not None:
            return self._spent.unit
        return f"share of {self.arm}" if len(self.table.arms) == 2 else None

    @property
    def arms(self) -> list[Alone]:
        """Every arm by itself."""
        scores, costs = known(self.table.scores).tolist(), self._arm_costs()
        names = map(str, self.table.arms)
        return [Alone(name, score, cost) for name, score, cost in zip(names, scores, costs, strict=True)]

    def verdict(self, walk: Walk) -> Verdict:
        """What a walk is worth."""
        scores = _taken(self.table.scores, walk.chosen)
        ahead = scores - self._single
        gain, headroom = paired(ahead), self.oracle - self.score
        by_share = self._by_share(walk)
        curve = self._by_cost(walk) or by_share
        cost = self._cost(walk.chosen)
        arena = arena_score(float(scores.mean()), 1000 * cost) if cost is not None and self.axis == "usd" else None
        return Verdict(
            policy=walk.policy,
            score=float(scores.mean()),
            gain=gain,
            share_of_headroom=gain.mean / headroom if headroom > 1e-12 else None,
            cost=cost,
            worst_domain_gain=worst(ahead, self.table.domains),
            ece=calibration_error(_taken(walk.quality, walk.chosen), scores),
            decisions_per_second=walk.decisions_per_second,
            curve=curve,
            aiq=self._aiq(curve),
            saving=self._saving(curve),
            recovered=None if by_share is None else recovered(by_share),
            arena=arena,
            regrets=regret_curve(walk.regrets),
        )

    def _arm_costs(self) -> list[float | None]:
        if self._spent is not None:
            return [float(cost) for cost in known(self._spent.each)]
        return [None if self.axis is None else float(i == self._best) for i in range(len(self.table.arms))]

    def _cost(self, chosen: Rows) -> float | None:
        """What the arms took on average; where the table does not say of one, as much as it took on other queries."""
        if self._spent is None or self._costs is None:
            return None
        return float(_taken(np.where(np.isnan(self._spent.each), self._costs, self._spent.each), chosen).mean())

    def _by_cost(self, walk: Walk) -> Curve | None:
        if self._spent is None or self._costs is None:
            return None
        return swept(walk.quality, self._costs, self.table.scores, self._spent.each)

    def _by_share(self, walk: Walk) -> Curve | None:
        """The score against the share of queries that the stronger of two arms answers."""
        both = self.table.ran.all(axis=1)
        if len(self.table.arms) != 2 or not both.any():
            return None
        strong, weak = self._best, 1 - self._best
        gap = walk.quality[both, strong] - walk.quality[both, weak]
        return shares(gap, self.table.scores[both, strong], self.table.scores[both, weak])

    def _aiq(self, curve: Curve | None) -> float | None:
        costs = [cost for cost in self._arm_costs() if cost is not None]
        return None if curve is None or not costs else aiq(curve, min(costs), max(costs))

    def _saving(self, curve: Curve | None) -> float | None:
        """None also where the score is never reached, or the best single arm costs nothing."""
        own = self._cost(self._singles) if self._spent is not None else 1.0
        least = None if curve is None else curve.hull.cost_of(self.score)
        return None if own is None or own <= 0.0 or least is None else 1.0 - least / own


def _taken(values: Numbers, arms: Rows) -> Numbers:
    """The value of each query's arm, [queries]."""
    return np.asarray(values[np.arange(len(arms)), arms])
