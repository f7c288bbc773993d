"""Forgetting what is too old, at the start and then every day, in small steps between which others may write."""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from models.errors import PointsmanError
from store.retention import BATCH, Retention

BREATH = 0.05
"""Seconds between two steps."""
DAILY, AGAIN = 86_400.0, 600.0
"""Seconds until the next round, and until the next try where the database could not be written."""

log = structlog.get_logger()


class Forgetting:
    """A task of the service; with `days` None it does nothing. `forgotten` hears which questions are gone.

    What the router believes does not change at once. At the next start it knows of deleted feedback no more.
    """

    def __init__(self, retention: Retention, forgotten: Callable[[Sequence[str]], None], days: float | None) -> None:
        self._retention, self._forgotten, self._days = retention, forgotten, days
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        if self._days is not None:
            self._task = asyncio.create_task(self._work(self._days))

    async def close(self) -> None:
        """Stop; a step that is under way ends first."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            if not self._task.cancelled() and (error := self._task.exception()) is not None:
                log.error("forgetting had ended", error=type(error).__name__)

    async def _work(self, days: float) -> None:
        while True:
            try:
                count = await self._round(days)
            except PointsmanError as error:
                log.warning("old questions are still there", error=str(error))
                await asyncio.sleep(AGAIN)
                continue
            if count:
                log.info("old questions forgotten", count=count, days=days)
            await asyncio.sleep(DAILY)

    async def _round(self, days: float) -> int:
        """Forget all that is too old; returns how many questions that were."""
        count = 0
        while ids := await asyncio.to_thread(self._step, days):
            count += len(ids)
            if len(ids) < BATCH:
                break
            await asyncio.sleep(BREATH)
        return count

    def _step(self, days: float) -> Sequence[str]:
        ids = self._retention.forget(days)
        if ids:
            self._forgotten(ids)
        return ids
