"""Choices for which no question is embedded: an arm that the request names, and the side requests of chat apps.

A question that was answered so gets its place in the log when somebody judges the answer (store.placing).
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from models.waiting import Waiting
from router.types import Candidate, Choice, Estimate
from router.utility import prices
from strategies.core.query import Vector

SIDE = "side_request"
"""The policy of side requests: titles, tags and the like, which no policy chooses for and none learns from."""
HALF = 0.5
"""The quality of an arm of which nothing was asked; its interval is everything."""


@lru_cache(maxsize=8)
def nowhere(size: int) -> Vector:
    """What stands for the place of a question that was not embedded, float32 [size]: NaN throughout, never written."""
    place = np.full(size, np.nan, dtype=np.float32)
    place.setflags(write=False)
    return place


def the_only(candidate: Candidate, dial: float) -> Choice:
    """The arm that the request leaves, at a probability of 1. What it takes is foreseen, how good it is not asked."""
    one = candidate
    worth = HALF - float(prices([one], dial)[0])
    costs = (one.gpu_seconds, one.seconds, one.usd, one.calls)
    estimate = Estimate(HALF, 0.0, 1.0, 0.0, *costs, worth, one.tokens, one.wait)
    return Choice(one.arm, {one.arm: 1.0}, {one.arm: estimate}, f"{one.arm} is the only arm that this request allows.")


def aside(candidates: Sequence[Candidate], waits: Sequence[Waiting], kind: str) -> Choice:
    """The cheapest of the models that are loaded; of one that waits for nothing, if there is one."""
    price = prices(candidates, 0.0)
    order = sorted(range(len(candidates)), key=lambda i: (not waits[i].warm, waits[i].seconds > 0, price[i]))
    chosen = candidates[order[0]].arm
    odds = {one.arm: float(one.arm == chosen) for one in candidates}
    why = f"A side request of the chat app ({kind}): the cheapest model that is ready answers it directly."
    return Choice(chosen, odds, {}, why)
