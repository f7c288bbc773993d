"""Was it worth it? Ways of asking, tried on labelled questions that no fit has seen."""

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from models.embedding import Embedder
from models.errors import BudgetExceeded, StrategyError
from models.types import Message, Reply, Request
from strategies.core import Context, Query
from strategies.core.demos import Demo
from strategies.fitted.journal import Journal

Asking = Callable[[Context], Awaitable[Reply | str]]
Score = Callable[[Demo, str], float]
SHARE, MOST = 0.25, 100
"""The share of the demonstrations that is held out, and the most of them."""
LONGEST = 400
"""Tokens of a reply, as the fits have it."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Demonstrations to fit on, and others to judge by."""

    teaching: Sequence[Demo]
    held_out: Sequence[Demo]


def parted(demos: Sequence[Demo], seed: int) -> Parts:
    """A quarter of the demonstrations, at most 100, held out at random; the same for the same seed."""
    rows = list(demos)
    random.Random(f"held out {seed}").shuffle(rows)
    cut = min(MOST, round(SHARE * len(rows)))
    return Parts(rows[cut:], rows[:cut])


async def tried(
    journal: Journal, embedder: Embedder, stage: str, asking: Asking, items: Sequence[Demo], score: Score
) -> list[float]:
    """The score of each item when it is asked so, at temperature 0.

    Where a strategy cannot finish, the question is asked as it is, as the engine would do. Raises ModelError and
    BudgetExceeded.
    """
    vectors = await embedder.embed([item.question for item in items])

    def context(row: int) -> Context:
        request = Request((Message("user", items[row].question),), temperature=0.0, max_tokens=LONGEST)
        return Context(Query(request, vectors[row]), journal, lambda _: None, embedder=embedder)

    async def one(row: int) -> float:
        try:
            answer = await asking(context(row))
        except BudgetExceeded:
            raise
        except StrategyError:
            answer = await context(row).answer()
        return score(items[row], answer if isinstance(answer, str) else answer.text)

    return await journal.all(stage, [one(row) for row in range(len(items))])
