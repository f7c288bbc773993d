"""Policies on past traffic: what each would have chosen, knowing at every time only what had been said before.

Decisions are cut into blocks of time. A policy learns what was said before a block began and then chooses in it, so
nothing is judged on what it was trained on (progressive validation: Blum, Kalai and Langford 1999, Beating the
hold-out). The first blocks only teach. The model of rewards, which the doubly robust estimate leans on, is fitted on
other folds of the decisions instead (cross-fitting: Chernozhukov et al. 2018, Double/debiased machine learning).
"""

import zlib
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Protocol

import numpy as np

from models.types import Message, Request
from router.off_policy import Sample
from router.teaching import teach
from router.types import Arm, Candidate, Estimate, Feedback, Logged, Policy, RouterSettings
from router.utility import Numbers, Worth, prices
from strategies.core import Query, Strategy, load
from strategies.core.query import Vector
from strategies.direct import direct

BLOCKS = 6
TEACHING = 2
"""How many blocks only teach, of `BLOCKS`: a third of the traffic. The rest is judged."""
FOLDS = 5

Tick = Callable[[], None]


class Model(Protocol):
    """What expects rewards: a fold of `learn` that predicts many questions at once (router.types.Predicts)."""

    def learn(self, feedback: Feedback) -> None: ...

    def predict(self, embeddings: Vector, texts: Sequence[str], arms: Sequence[Arm]) -> Numbers: ...


@dataclass(frozen=True)
class Traffic:
    """Judged decisions with a choice, oldest first, all feedback; prices are by `settings`, `notes` are warnings."""

    decisions: Sequence[Logged]
    feedback: Sequence[Feedback]
    settings: RouterSettings
    notes: Sequence[str] = ()

    @cached_property
    def arms(self) -> Sequence[Arm]:
        """Every arm that might have answered any of the decisions."""
        return sorted({arm for one in self.decisions for arm in _open(one)} | {one.arm for one in self.decisions})

    @cached_property
    def blocks(self) -> Sequence[tuple[int, int]]:
        """The blocks that are judged, as first and last plus one of the decisions."""
        edges = np.linspace(0, len(self.decisions), BLOCKS + 1).astype(int).tolist()
        return list(pairwise(edges))[TEACHING:]

    @property
    def judged(self) -> Sequence[Logged]:
        """The decisions in those blocks."""
        return self.decisions[self.blocks[0][0] :]

    @cached_property
    def candidates(self) -> Sequence[Sequence[Candidate]]:
        """For each judged decision, the arms that might answer, at the costs that were expected then."""
        known = load()
        everyone = self.arms
        return [[_candidate(arm, one, known) for arm in (_open(one) or everyone)] for one in self.judged]

    @cached_property
    def sample(self) -> Sample:
        """The judged decisions as arrays."""
        columns = {arm: i for i, arm in enumerate(self.arms)}
        shape = (len(self.judged), len(columns))
        odds, price = np.zeros(shape), np.zeros(shape)
        worth = Worth.of(self.settings.params)
        for i, (one, candidates) in enumerate(zip(self.judged, self.candidates, strict=True)):
            dial = self.settings.quality if one.constraints.quality is None else one.constraints.quality
            price[i, [columns[candidate.arm] for candidate in candidates]] = prices(candidates, dial, worth)
            if one.propensities is None:
                odds[i] = np.nan
            else:
                odds[i, [columns[arm] for arm in one.propensities]] = list(one.propensities.values())
        return Sample(
            self.arms,
            np.array([columns[one.arm] for one in self.judged], dtype=np.int64),
            odds,
            np.array([one.reward for one in self.judged], dtype=np.float64),
            np.array([one.weight for one in self.judged], dtype=np.float64),
            price,
        )


def choices(policy: Policy, traffic: Traffic, tick: Tick = lambda: None) -> Numbers:
    """The probabilities that the policy would have had on each judged decision, [judged, arms]; it must know nothing
    yet. `tick` is called after each block."""
    columns = {arm: i for i, arm in enumerate(traffic.arms)}
    found = np.zeros((len(traffic.judged), len(columns)))
    for block in taught(policy, traffic):
        for i in block:
            choice = policy.choose(_query(traffic.judged[i]), traffic.candidates[i])
            found[i, [columns[arm] for arm in choice.propensities]] = list(choice.propensities.values())
        tick()
    return found


def taught(policy: Policy, traffic: Traffic) -> Iterator[range]:
    """The rows of each block of judged decisions, oldest first, the policy having learned all that was said before."""
    first = traffic.blocks[0][0]
    said = sorted(traffic.feedback, key=lambda one: one.at)  # what came at the same moment keeps its order
    known = 0
    for begin, end in traffic.blocks:
        now = bisect_left(said, traffic.decisions[begin].at, key=lambda one: one.at)
        teach(policy, said[known:now])
        known = now
        yield range(begin - first, end - first)


def expectations(fresh: Callable[[], Model], traffic: Traffic, tick: Tick = lambda: None) -> Numbers:
    """The reward that a model which never saw the decision expects of each arm, [judged, arms].

    A decision's fold hangs on its id, and with it its feedback's. What a model cannot say counts as the mean reward.
    """
    judged = traffic.judged
    folds = np.array([fold(one.id) for one in judged])
    middle = float(np.mean([one.reward for one in judged])) if judged else 0.5
    found = np.full((len(judged), len(traffic.arms)), middle)
    for k in range(FOLDS):
        mine = np.flatnonzero(folds == k).tolist()
        if mine:
            model = fresh()
            teach(model, [one for one in traffic.feedback if fold(one.decision_id) != k])
            vectors = np.stack([judged[i].embedding for i in mine])
            found[mine] = model.predict(vectors, [judged[i].text for i in mine], traffic.arms)
        tick()
    return np.where(np.isfinite(found), np.clip(found, 0.0, 1.0), middle)


def fold(decision_id: str) -> int:
    """Which fold of the cross-fitting a decision belongs to."""
    return zlib.crc32(decision_id.encode()) % FOLDS


def with_a_choice(decisions: Iterable[Logged]) -> Iterator[Logged]:
    """The decisions that can tell policies apart: judged, several arms free to be chosen, an embedding that is sound.

    Left out is where no policy has a say: what a caller pinned to one arm or asked for without exploring, and what a
    conversation kept.
    """
    for one in decisions:
        free = len(_open(one)) != 1 and one.constraints.explore is not False and not one.kept
        if free and one.reward is not None and one.weight > 0 and np.isfinite(one.embedding).all():
            yield one


def _open(one: Logged) -> Sequence[Arm]:
    """The arms that might have answered; empty where the log does not say."""
    return list(one.estimates if one.propensities is None else one.propensities)


UNKNOWN = Estimate(0.5, 0.0, 1.0, 0.0, None, None, None, 1.0, 0.0)


def _candidate(arm: Arm, one: Logged, known: Mapping[str, Strategy]) -> Candidate:
    """The arm as the decision knew it; a strategy that is gone is stood in for, so that its past can still be read."""
    cost = one.estimates.get(arm, UNKNOWN)
    strategy = known.get(arm.strategy) or replace(direct, name=arm.strategy)
    return Candidate(arm, strategy, cost.gpu_seconds, cost.seconds, cost.usd, cost.calls)


def _query(one: Logged) -> Query:
    return Query(Request((Message("user", one.text),)), one.embedding, one.constraints, None)
