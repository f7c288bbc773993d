"""The one deadline of a run: what of it an arm may use, and an end to what does not keep it."""

import asyncio
from collections.abc import Awaitable, Sequence

from models.errors import BudgetExceeded
from models.types import Reply

BESIDE = 0.02
"""Seconds after its last call's time was over that a strategy has to give what it has."""
SPARED = 0.5
"""The most of a deadline that is kept for a fallback."""


def time_left(bounds: Sequence[float | None], gone: float, spared: float = 0.0) -> float | None:
    """Seconds that are left of the nearest of the bounds, less what is spared for a fallback; None without bounds."""
    known = [bound for bound in bounds if bound is not None]
    if not known:
        return None
    left = max(0.0, min(known) - gone)
    return left - min(SPARED * left, spared)


async def in_time(work: Awaitable[Reply | str], seconds: float | None) -> Reply | str:
    """What a strategy returns. Its calls keep the time themselves; this is for what it waits for beside them.

    Raises BudgetExceeded.
    """
    try:
        async with asyncio.timeout(None if seconds is None else seconds + BESIDE):
            return await work
    except TimeoutError as late:
        raise BudgetExceeded(f"the run took longer than {seconds} seconds") from late
