"""The one deadline of a run: what of it an arm may use, and an end to what does not keep it or breaks."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import TypeVar

import structlog

from models.errors import BROKEN, BudgetExceeded, PointsmanError, StrategyError

T = TypeVar("T")

BESIDE = 0.02
"""Seconds after its last call's time was over that a strategy has to give what it has."""
SPARED = 0.5
"""The most of a deadline that is kept for a fallback."""

log = structlog.get_logger()


def time_left(bounds: Sequence[float | None], gone: float, spared: float = 0.0) -> float | None:
    """Seconds that are left of the nearest of the bounds, less what is spared for a fallback; None without bounds."""
    known = [bound for bound in bounds if bound is not None]
    if not known:
        return None
    left = max(0.0, min(known) - gone)
    return left - min(SPARED * left, spared)


async def in_time(work: Awaitable[T], seconds: float | None) -> T:
    """What a strategy or a moderator returns. Calls of models keep the time themselves; this is for all beside them.

    Raises BudgetExceeded, and StrategyError where a back-end, a strategy or a moderator breaks in a way of its own.
    """
    limit = asyncio.timeout(None if seconds is None else seconds + BESIDE)
    try:
        async with limit:
            return await work
    except PointsmanError:
        raise
    except BROKEN as error:
        if limit.expired():
            raise BudgetExceeded(f"the run took longer than {seconds} seconds") from error
        log.exception("a run broke")
        raise StrategyError(f"{type(error).__name__}: {error}") from error
