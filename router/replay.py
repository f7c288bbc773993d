"""Replaying an outcome table: policies learn from some of its queries and are judged on the others.

With full feedback a policy is told what every arm scored on each training query. With bandit feedback it meets the
training queries one after another, chooses an arm itself, exploring as it will, and is told that arm's score alone.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from threadpoolctl import threadpool_limits

from models.errors import BadRequest
from router.folds import Fold, domain_folds, random_folds
from router.ground import Ground, Tell, known
from router.outcomes import OutcomeTable, Rows
from router.types import Policy, RouterSettings
from router.utility import Numbers, Worth
from strategies.core.query import Vector

Open = Callable[[RouterSettings], Policy]

AT_ONCE = {"background": 0.0}
"""Parameters that a replay sets: what is fitted is fitted at once, so that the same replay gives the same figures."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a table is replayed. `quality` is the dial from cheap (0) to good (1); at 1 only the score counts.

    `feedback` is "full" or "bandit"; `holdout` "domain" judges each domain after learning from the others, in place of
    random folds; `train` is the most queries that are learned from in a fold.
    """

    folds: int = 5
    feedback: str = "full"
    seed: int = 0
    quality: float = 1.0
    holdout: str | None = None
    train: int | None = None

    def of(self, table: OutcomeTable) -> list[Fold]:
        """The folds of the table. Raises BadRequest for a plan that cannot be meant, or not of this table."""
        for name, fine in (
            ("feedback", self.feedback in ("full", "bandit")),
            ("quality", 0 <= self.quality <= 1),
            ("holdout", self.holdout in (None, "domain")),
            ("train", self.train is None or self.train >= 1),
            ("seed", self.seed >= 0),
        ):
            if not fine:
                raise BadRequest(f"{name} = {getattr(self, name)!r} cannot be meant", param=name)
        if self.holdout is None:
            folds = random_folds(len(table), self.folds, self.seed)
        else:
            folds = domain_folds(table.domains, self.seed)
        return [replace(fold, train=fold.train[: self.train]) for fold in folds]


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """What a policy did: the arm of each query, [queries], decided when that query was not learned from.

    `quality` is what it expected of each arm, float64 [queries, arms], NaN where that was no candidate. `regrets` holds
    for each fold the cumulated score that the best single arm of the stream had ahead of the policy while it learned;
    empty with full feedback.
    """

    policy: str
    chosen: Rows
    quality: Numbers
    decisions_per_second: float
    regrets: tuple[Numbers, ...] = ()


class Replay:
    """A table laid out for a plan; `embeddings` are unit rows, float32 [queries, size]. Raises BadRequest."""

    def __init__(self, table: OutcomeTable, embeddings: Vector, plan: Plan, settings: RouterSettings) -> None:
        self.table, self.plan, self._settings = table, plan, settings
        worth = Worth.of(settings.params)
        self.grounds = [Ground(table, embeddings, fold, plan.quality, worth) for fold in plan.of(table)]

    @cached_property
    def singles(self) -> Rows:
        """The best single arm of the training queries, for each query, [queries]."""
        arms = np.zeros(len(self.table), dtype=np.intp)
        for ground in self.grounds:
            arms[ground.fold.test] = ground.singles(ground.fold.test)
        return arms

    @cached_property
    def costs(self) -> Numbers | None:
        """What an arm took on average on the training queries, float64 [queries, arms], in the unit of the table."""
        spent = self.table.spent
        if spent is None:
            return None
        costs = np.empty(spent.each.shape)
        for ground in self.grounds:
            means = known(spent.each[ground.fold.train])
            costs[ground.fold.test] = np.where(np.isnan(means), known(spent.each), means)
        return costs

    @property
    def steps(self) -> int:
        """How many queries one policy learns or decides."""
        return sum(len(ground.fold.train) + len(ground.fold.test) for ground in self.grounds)

    def walk(self, name: str, open_policy: Open, tell: Tell = lambda done: None) -> Walk:
        """Send one policy through all folds, opened anew for each; `tell` hears of queries learned or decided."""
        chosen, quality = np.zeros(len(self.table), dtype=np.intp), np.full(self.table.scores.shape, np.nan)
        regrets: list[Numbers] = []
        seconds, decisions = 0.0, 0
        for i, ground in enumerate(self.grounds):
            policy = open_policy(self._spec(name, ground, i))
            with threadpool_limits(1):  # on small matrices, threads of linear algebra wait more than they work
                if self.plan.feedback == "full":
                    ground.teach(policy, tell)
                else:
                    regrets.append(ground.stream(policy, tell))
                judged = ground.judge(policy, tell)
            chosen[ground.fold.test], quality[ground.fold.test] = judged.chosen, judged.quality
            seconds, decisions = seconds + judged.seconds, decisions + judged.decisions
        return Walk(name, chosen, quality, decisions / max(seconds, 1e-9), tuple(regrets))

    def _spec(self, name: str, ground: Ground, i: int) -> RouterSettings:
        """The settings that a policy is opened with.

        The default arm is the settings' where the table has it. Otherwise, with full feedback, it is the best single
        arm of the training queries, which anybody would name who had seen them; with bandit feedback nobody has.
        """
        default = self._settings.default_arm
        if default not in [str(arm) for arm in self.table.arms]:
            default = str(ground.best) if self.plan.feedback == "full" else None
        seed = self.plan.seed * 1009 + i
        params = {**self._settings.params, **AT_ONCE}
        spec = replace(self._settings, policy=name, quality=self.plan.quality, params=params)
        return replace(spec, default_arm=default, seed=seed)
