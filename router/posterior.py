"""Beliefs about arms: a Beta posterior for each, leaning on how its model and its strategy do, and on wider regions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv  # type: ignore[import-untyped]  # scipy ships no types

from router.types import Arm
from router.utility import Numbers

EDGE = 0.02
"""No prior is surer than this of an arm's failing or succeeding."""


class Columns:
    """Which column stands for which arm, and which model and strategy the arm is made of."""

    def __init__(self) -> None:
        self._of: dict[Arm, int] = {}
        self._models: dict[str, int] = {}
        self._strategies: dict[str, int] = {}
        self.models = np.zeros(0, dtype=np.intp)
        self.strategies = np.zeros(0, dtype=np.intp)

    def __len__(self) -> int:
        return len(self._of)

    def of(self, arm: Arm) -> int:
        """The arm's column, a new one if it was never met. Arms that vanish keep theirs: they may come back."""
        if arm not in self._of:
            self._of[arm] = len(self._of)
            self.models = np.append(self.models, self._models.setdefault(arm.model, len(self._models)))
            self.strategies = np.append(
                self.strategies, self._strategies.setdefault(arm.strategy, len(self._strategies))
            )
        return self._of[arm]

    def copy(self) -> "Columns":
        """The same, which does not change when this one grows."""
        other = Columns()
        other._of, other._models, other._strategies = dict(self._of), dict(self._models), dict(self._strategies)
        other.models, other.strategies = self.models.copy(), self.strategies.copy()
        return other

    def arms(self) -> Sequence[Arm]:
        """All arms ever met, in the order of their columns."""
        return list(self._of)

    def places(self, of: "Columns") -> NDArray[np.intp]:
        """For each column of the other one, which column its arm has here; one past the last where it has none."""
        return np.array([self._of.get(arm, len(self)) for arm in of._of], dtype=np.intp)


class Record:
    """What was rated: per row (a region) and column (an arm) the weight, the reward, and what of it was not plain.

    Plain is a reward of 0 or 1 with weight 1: only such sums may be told as "7 of 9".
    """

    def __init__(self, rows: int) -> None:
        self.weight, self.reward, self.unplain = (np.zeros((rows, 16)) for _ in range(3))

    def add(self, row: int, column: int, reward: float, weight: float) -> None:
        """Book one judgement."""
        while column >= self.weight.shape[1]:
            self.weight, self.reward, self.unplain = (
                np.concatenate([table, np.zeros_like(table)], axis=1)
                for table in (self.weight, self.reward, self.unplain)
            )
        self.weight[row, column] += weight
        self.reward[row, column] += reward * weight
        self.unplain[row, column] += float(weight != 1.0 or reward not in (0.0, 1.0))

    def row(self, table: Numbers, row: int, width: int) -> Numbers:
        """One row of one of the tables, [width]; zeros for columns that nobody has rated."""
        known = table[row, :width]
        return known if len(known) == width else np.append(known, np.zeros(width - len(known)))


@dataclass(frozen=True, slots=True, eq=False)
class Beliefs:
    """Beta(alpha, beta) of each arm's expected reward; both [arms]."""

    alpha: Numbers
    beta: Numbers

    @property
    def mean(self) -> Numbers:
        """The expected quality."""
        return np.asarray(self.alpha / (self.alpha + self.beta))

    def quantile(self, share: float) -> Numbers:
        """The quality that the arm stays below with this probability."""
        return np.asarray(betaincinv(self.alpha, self.beta, share))

    def take(self, columns: NDArray[np.intp]) -> "Beliefs":
        """The beliefs about some arms."""
        return Beliefs(self.alpha[columns], self.beta[columns])

    def narrowed(self, weight: Numbers, reward: Numbers, columns: Columns, strength: float) -> "Beliefs":
        """What these beliefs become within a region, given what was rated there; both arrays [arms].

        The prior of an arm is its wider mean plus how far its model and its strategy have departed from theirs here,
        worth `strength` judgements: what one arm shows is a hint about its kin.
        """
        prior = np.clip(self.mean + kinship(reward - weight * self.mean, weight, columns, strength), EDGE, 1 - EDGE)
        return Beliefs(strength * prior + reward, strength * (1 - prior) + np.maximum(weight - reward, 0.0))


def overall(weight: Numbers, reward: Numbers, columns: Columns, strength: float) -> Beliefs:
    """What is believed of each arm over all questions, [arms]; with nothing rated, all are alike at one half."""
    middle = (float(reward.sum()) + 1.0) / (float(weight.sum()) + 2.0)
    flat = np.full(len(columns), middle)
    return Beliefs(flat, 1.0 - flat).narrowed(weight, reward, columns, strength)


def kinship(excess: Numbers, weight: Numbers, columns: Columns, strength: float) -> Numbers:
    """By how much each arm's model, and then its strategy, did better than expected, shrunk to nothing; [arms].

    `excess` is the sum of reward above expectation over `weight` judgements.
    """
    by_model = np.bincount(columns.models, excess) / (np.bincount(columns.models, weight) + strength)
    rest = excess - weight * by_model[columns.models]
    by_strategy = np.bincount(columns.strategies, rest) / (np.bincount(columns.strategies, weight) + strength)
    return np.asarray(by_model[columns.models] + by_strategy[columns.strategies])
