"""Budgets over time: a price on what is scarce, which rises while more is spent than allowed and falls while less is.

Dual ascent, as in Balseiro and Gur (2019), Learning in repeated auctions with budgets: regret minimization and
equilibrium, Management Science 65; for routing, ParetoBandit (2026), arXiv 2604.00136. Ours also pays back: what was
overspent or left lowers or raises what may be spent over the next HORIZON queries, so that the average itself, and not
only its trend, comes back to the budget.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from models.errors import BadSettings
from router.types import Candidate, Outcome
from router.utility import filled

BUDGETS = {"usd_per_query": "usd", "gpu_seconds_per_query": "gpu_seconds"}
"""The keys of `[router.params]`, and what they are the average of."""

STEP = 0.01
"""How much a price of FIRST changes, in reward for a whole budget, when a query takes nothing or twice its budget."""
FINEST, COARSEST = 0.2, 3.0
"""Steps grow with the price, between these: a small price that swings down to 0 could not make up for its swings up."""
SURPRISE = 5.0
"""The most that one query moves the price, in steps; what it took is paid back in full all the same."""
HORIZON = 100.0
"""Over how many queries a debt is paid back."""
DEBT = 100.0
"""The most that is owed or saved, in budgets of one query: a long excess is forgiven, a long calm not squandered."""
DEAREST = 20.0
"""The highest price: twenty times the best quality there is, for what one query may take."""
FIRST = 0.1
"""The price before anything was spent: rather a few cheap answers first than a debt."""


@dataclass(slots=True)
class _Purse:
    """One budget: `price` in reward for the whole of what a query may take, `debt` in such budgets."""

    budget: float
    price: float = FIRST
    debt: float = 0.0
    spent: float = 0.0
    queries: int = 0

    def spend(self, amount: float) -> None:
        over = amount / self.budget - 1.0
        step = STEP * min(COARSEST, max(FINEST, self.price / FIRST))
        self.price += step * (min(over, SURPRISE) + self.debt / HORIZON)
        self.price = min(DEAREST, max(0.0, self.price))
        self.debt = min(DEBT, max(-DEBT, self.debt + over))
        self.spent, self.queries = self.spent + amount, self.queries + 1


class Pacer:
    """A fold of `learn` over outcomes: the same ones in the same order give the same prices.

    `budgets` is by figure, `usd` or `gpu_seconds`, what a query may take on average. Without any it changes nothing.
    """

    def __init__(self, budgets: Mapping[str, float] | None = None) -> None:
        self._purses = {figure: _Purse(budget) for figure, budget in (budgets or {}).items()}

    @classmethod
    def of(cls, params: Mapping[str, float]) -> "Pacer":
        """The budgets that the settings name. Raises BadSettings for one that is not above 0."""
        budgets = {figure: params[key] for key, figure in BUDGETS.items() if key in params}
        for key, figure in BUDGETS.items():
            if figure in budgets and not 0 < budgets[figure] < math.inf:
                raise BadSettings(f"router.params.{key} = {params[key]!r} cannot be meant; a budget is above 0")
        return cls(budgets)

    def charged(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """The candidates with what the budgets put on their expected costs; an unknown cost counts as the mean."""
        total = np.zeros(len(candidates))
        for figure, purse in self._purses.items():
            total += filled([getattr(one, figure) for one in candidates]) * (purse.price / purse.budget)
        if not total.any():
            return list(candidates)
        return [replace(one, surcharge=charge) for one, charge in zip(candidates, total.tolist(), strict=True)]

    def learn(self, outcome: Outcome) -> None:
        """Book what a run really took, whatever became of it; what nobody counted is not booked."""
        for figure, purse in self._purses.items():
            amount = getattr(outcome.usage, figure)
            if amount is not None and math.isfinite(amount):
                purse.spend(amount)

    def books(self) -> dict[str, dict[str, float | None]]:
        """Per figure: the budget of a query, what queries took on average, how many, and the price in reward."""
        return {
            figure: {
                "budget": purse.budget,
                "mean": purse.spent / purse.queries if purse.queries else None,
                "queries": purse.queries,
                "price": round(purse.price, 6),
            }
            for figure, purse in self._purses.items()
        }
