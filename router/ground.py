"""One fold of a replay: where a policy learns from some queries of a table and is judged on the others."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from models.types import Message, Request
from router.folds import Fold
from router.outcomes import OutcomeTable, Rows
from router.teaching import teach
from router.types import Arm, Candidate, Choice, Feedback, Policy, Predicts, Settles
from router.utility import Numbers, Worth, prices
from strategies.core import Constraints, Context, Query, Strategy
from strategies.core.query import Vector

LEAN = 10.0
"""How many queries of its own an arm needs to count as much as the mean of all arms when the best one is chosen."""
ASKED = 200
"""Queries of a fold that are always decided one by one: they give the time that a decision takes, and say whether what
a policy predicts of many queries at once is what it would choose."""
Tell = Callable[[int], None]


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """The arms chosen for the queries of the fold, [test]; what was expected of each arm, [test, arms], NaN where it is
    no candidate; and how many decisions were timed, and took how many seconds together."""

    chosen: Rows
    quality: Numbers
    decisions: int
    seconds: float


class Ground:
    """The queries of one fold as a policy meets them. The candidates of a query are the arms that were run on it.

    They come in an order drawn anew for each query, so that nothing is won by preferring the first. What they cost is
    the mean over the training queries. `dial` is the one between cheap (0) and good (1).
    """

    def __init__(self, table: OutcomeTable, embeddings: Vector, fold: Fold, dial: float, worth: Worth) -> None:
        self.table, self.fold = table, fold
        self._embeddings, self._dial, self._worth = embeddings, dial, worth
        self._ran, self._at = table.ran, {arm: i for i, arm in enumerate(table.arms)}
        self._ranking = np.argsort(-_means(table.scores[fold.train]), kind="stable")
        usd, seconds = (known(each[fold.train]) for each in (table.usd, table.seconds))
        self._candidates = [
            Candidate(arm, _replayed(arm.strategy), seconds=_number(seconds[i]), usd=_number(usd[i]))
            for i, arm in enumerate(table.arms)
        ]
        self._draw = np.random.default_rng(len(fold.train))

    @property
    def best(self) -> Arm:
        """The best single arm of the training queries."""
        return self.table.arms[int(self._ranking[0])]

    def singles(self, rows: Rows) -> Rows:
        """The best single arm for each row; where it was not run, the best that was."""
        return np.asarray(self._ranking[self._ran[rows][:, self._ranking].argmax(axis=1)])

    def teach(self, policy: Policy, tell: Tell) -> None:
        """Tell the policy what every arm scored on each training query."""
        teach(policy, self._told(tell))

    def stream(self, policy: Policy, tell: Tell) -> Numbers:
        """Let the policy choose for each training query in turn, and tell it what that arm scored.

        Returns the cumulated score that the best single arm of these queries had ahead of it, float64 [train].
        """
        chosen = []
        for n, row in enumerate(self.fold.train.tolist(), 1):
            choice = self._choose(policy, row, explore=True)
            arm = self._at[choice.arm]
            propensity = choice.propensities[choice.arm]
            policy.learn(self._feedback(row, arm, n, self._embeddings[row], self.table.texts[row], propensity))
            chosen.append(arm)
            tell(1)
        if isinstance(policy, Settles):
            policy.settle()
        train = self.fold.train
        ahead = self.table.scores[train, self.singles(train)] - self.table.scores[train, chosen]
        return np.asarray(np.cumsum(ahead))

    def judge(self, policy: Policy, tell: Tell) -> Judged:
        """Let the policy choose for each query of the fold, without exploring and without learning."""
        test = self.fold.test
        some = np.unique(np.linspace(0, len(test) - 1, min(ASKED, len(test))).astype(np.intp))
        begun = time.perf_counter()
        choices = {i: self._choose(policy, test[i], explore=False) for i in some.tolist()}
        seconds = time.perf_counter() - begun
        tell(len(some))
        if isinstance(policy, Predicts) and len(some) < len(test):
            texts = [self.table.texts[row] for row in test]
            quality = policy.predict(self._embeddings[test], texts, self.table.arms)
            quality = np.where(self._ran[test], quality, np.nan)
            taken = prices(self._candidates, self._dial, self._worth)
            chosen = np.where(np.isnan(quality), -np.inf, quality - taken).argmax(axis=1)
            if all(self._at[choice.arm] == chosen[i] for i, choice in choices.items()):
                tell(len(test) - len(some))
                return Judged(chosen, quality, len(some), seconds)
        quality, arms = np.full((len(test), len(self.table.arms)), np.nan), np.zeros(len(test), dtype=np.intp)
        for i, row in enumerate(test.tolist()):
            if i not in choices:
                choices[i] = self._choose(policy, row, explore=False)
                tell(1)
            arms[i] = self._at[choices[i].arm]
            for arm, estimate in choices[i].estimates.items():
                quality[i, self._at[arm]] = estimate.quality
        return Judged(arms, quality, len(some), seconds)

    def _choose(self, policy: Policy, row: int, *, explore: bool) -> Choice:
        order = self._draw.permutation(np.flatnonzero(self._ran[row])).tolist()
        asked = Request((Message("user", self.table.texts[row]),))
        query = Query(asked, self._embeddings[row], Constraints(quality=self._dial, explore=explore))
        return policy.choose(query, [self._candidates[arm] for arm in order])

    def _told(self, tell: Tell) -> Iterator[Feedback]:
        """Every arm's score on each training query."""
        for n, row in enumerate(self.fold.train.tolist(), 1):
            embedding, text = self._embeddings[row], self.table.texts[row]
            for arm in np.flatnonzero(self._ran[row]).tolist():
                yield self._feedback(row, arm, n, embedding, text, 1.0)
            tell(1)

    def _feedback(self, row: int, arm: int, n: int, embedding: Vector, text: str, propensity: float) -> Feedback:
        named = f"{self.table.ids[row]}/{arm}"
        score = float(self.table.scores[row, arm])
        one = self.table.arms[arm]
        return Feedback(named, one, embedding, score, rater="table", propensity=propensity, at=float(n), text=text)


def known(values: Numbers) -> Numbers:
    """The mean of the known values of each column, [columns]; NaN where there is none."""
    counts = (~np.isnan(values)).sum(axis=0)
    none = np.full(values.shape[1], np.nan)
    return np.asarray(np.divide(np.nansum(values, axis=0), counts, out=none, where=counts > 0))


def _means(scores: Numbers) -> Numbers:
    """The mean score of each arm, leaning on that of all: an arm that was hardly run is not the best by luck."""
    counts, middle = (~np.isnan(scores)).sum(axis=0), float(np.nanmean(scores))
    return np.asarray((np.nansum(scores, axis=0) + LEAN * middle) / (counts + LEAN))


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _replayed(name: str) -> Strategy:
    async def run(ctx: Context) -> str:
        raise NotImplementedError(f"{name} is replayed from a table and cannot be run")

    return Strategy(name, run, lambda _: 1.0, frozenset(), "", "replayed from an outcome table", {})
