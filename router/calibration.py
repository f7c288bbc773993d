"""Placing arms that few have judged: while nobody waits, they answer past questions next to the arm chosen there.

Which arm and which question is next: the arm with the fewest judgements, on the question where its interval overlaps
most with the incumbent's, since there an answer tells most. Questions are drawn from the log, hence as often as they
are asked. A comparison ends when an anytime bound decides it (router.comparing), and begins anew after a restart;
what was learned stays.
"""

import math
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from models.errors import ModelError, NoArmLeft, StrategyError, UserError
from router.answer_raters import Answer, Past, Rater, Rating
from router.comparing import Duel, Finding
from router.engine import Engine
from router.sticky import ASIDE
from router.types import Arm, Decision, Ended, Estimate
from strategies.core import Called, Constraints

LOOKED_BACK = 400
"""The latest questions that may be asked again."""
LOOKED_AT = 24
"""So many of them, drawn anew each time, are looked at for the next pair."""
FEW = 30.0
"""An arm whose estimate rests on so many judgements is known there."""
TINY = 1e-9
MOST = 150
"""Questions after which a comparison that decided nothing is given up."""


class Archive(Protocol):
    """The log as a source of questions (implemented in the store)."""

    async def past(self, limit: int) -> Sequence[Past]:
        """The latest questions that stand for themselves: not of a conversation, nor under limits of the caller."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Two rated answers to one past question, and how their arms compare by now."""

    first: Answer
    second: Answer
    rating: Rating
    finding: Finding


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What to run next: an arm against the incumbent of the question, and who rates it."""

    past: Past
    arm: Arm
    incumbent: Arm
    rater: Rater
    calls: tuple[int, int]


class Calibration:
    """Runs one pair at a time. `calls` counts the model calls that it ever made."""

    def __init__(
        self,
        engine: Engine,
        archive: Archive,
        raters: Sequence[Rater],
        *,
        few: float = FEW,
        most: int = MOST,
        seed: int | None = None,
    ) -> None:
        self.calls = 0
        self._engine, self._archive, self._raters = engine, archive, raters
        self._few, self._most = few, most
        self._draw = np.random.default_rng(seed)
        self._duels: dict[tuple[Arm, Arm], Duel] = {}
        self._asked: set[tuple[str, Arm]] = set()

    async def step(self, calls: int) -> Pair | None:
        """Run and rate the next pair with at most so many model calls; None if there is nothing to be learned now.

        Runs are logged like any other, under the policy `calibration`; their ratings are the caller's to keep.
        Closing it cancels the calls. Raises StoreError, ModelError (of a judge).
        """
        plan = await self._plan(calls)
        if plan is None:
            return None
        self._asked.add((plan.past.decision_id, plan.arm))
        left = calls - plan.rater.calls
        first = await self._answered(plan, plan.arm, left - plan.calls[1])
        if first is None:
            return None
        second = await self._answered(plan, plan.incumbent, plan.calls[1])
        if second is None:
            return None
        self.calls += plan.rater.calls
        rating = await plan.rater.rate(plan.past, first, second)
        if rating is None:
            return None
        duel = self._duel(plan.arm, plan.incumbent)
        duel.add(rating.first - rating.second)
        return Pair(first, second, rating, duel.finding)

    async def _plan(self, calls: int) -> Plan | None:
        """The most telling pair among some past questions."""
        pairs = self._pairs()
        past = [
            one
            for one in await self._archive.past(LOOKED_BACK)
            if any(rater.may_rate(one, pair) for rater in self._raters for pair in pairs)
        ]
        best, most = None, 0.0
        for i in self._draw.permutation(len(past))[:LOOKED_AT].tolist():
            try:
                looked = await self._engine.decide(past[i].request, constraints=Constraints(explore=False))
            except UserError:  # a question that no arm of today may answer
                continue
            for arm, estimate in looked.estimates.items():
                plan = self._planned(past[i], looked, arm)
                telling = overlap(estimate, looked.estimates[looked.arm]) / (1.0 + estimate.n)
                if plan is not None and telling > most and sum(plan.calls) + plan.rater.calls <= calls:
                    best, most = plan, telling
        return best

    def _planned(self, past: Past, looked: Decision, arm: Arm) -> Plan | None:
        """The pair of this arm with the arm that would answer the question, if there is something to be learned."""
        pair, estimates = (arm, looked.arm), looked.estimates
        known = estimates[arm].n >= self._few or self._duel(*pair).over()
        kept_from = len(past.models) == 1 and not past.models >= {one.model for one in pair}
        if arm == looked.arm or known or kept_from or (past.decision_id, arm) in self._asked:
            return None
        rater = next((one for one in self._raters if one.may_rate(past, pair)), None)
        calls = (_most_calls(arm, estimates[arm]), _most_calls(looked.arm, estimates[looked.arm]))
        return None if rater is None else Plan(past, *pair, rater, calls)

    async def _answered(self, plan: Plan, arm: Arm, calls: int) -> Answer | None:
        """What the arm says; None if it could not answer, which the engine has then held against it."""
        limits = Constraints(explore=False, max_calls=calls)
        why = f"Calibration: {plan.arm} is compared with {plan.incumbent} on a past question while nobody waits."
        ended = None
        try:
            decision = await self._engine.decide(plan.past.request, str(arm), limits)
            decision = replace(decision, policy=ASIDE, why=why)
            async with aclosing(self._engine.run(decision)) as events:
                async for event in events:
                    self.calls += isinstance(event, Called)
                    ended = event if isinstance(event, Ended) else ended
        except (UserError, NoArmLeft, ModelError, StrategyError):
            return None
        if ended is None or ended.outcome.status != "ok":
            return None
        return Answer(decision.id, arm, ended.text)

    def _pairs(self) -> list[tuple[Arm, Arm]]:
        """Two arms of every two models, a model with itself included."""
        arms = {arm.model: arm for arm in self._engine.catalog.arms()}.values()
        return [(one, other) for one in arms for other in arms]

    def _duel(self, arm: Arm, incumbent: Arm) -> Duel:
        return self._duels.setdefault((arm, incumbent), Duel(most=self._most))


def overlap(one: Estimate, other: Estimate) -> float:
    """How much of the narrower interval lies in the other one, 0..1."""
    shared = max(0.0, min(one.high, other.high) - max(one.low, other.low))
    return shared / max(min(one.high - one.low, other.high - other.low), TINY)


def _most_calls(arm: Arm, estimate: Estimate) -> int:
    """The calls of a run, with the one by which a strategy that cannot finish falls back on asking directly."""
    return math.ceil(estimate.calls) + (arm.strategy != "direct")
