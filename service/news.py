"""Following other processes on the same database: their feedback, and the documents that they add or remove."""

import asyncio

import structlog

from router.turns import Turns
from service.unforeseen import UNFORESEEN
from store import Store

VERSIONS_EVERY = 30
"""Every so many looks, whether another policy version was promoted."""

log = structlog.get_logger()


class Following:
    """Looks every `seconds`. A database that cannot be read is said once, and looked at again."""

    def __init__(self, store: Store, turns: Turns, seconds: float) -> None:
        self._store, self._turns, self._seconds = store, turns, seconds
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._work())

    async def close(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            if not self._task.cancelled() and (error := self._task.exception()) is not None:
                log.error("following other processes had ended", error=type(error).__name__)

    async def look(self) -> int:
        """Learn what others were told; returns how many judgements that were. Raises StoreError."""
        async with self._turns:  # nothing is kept and learned here meanwhile
            count = await self._store.news.catch_up()
        await self._store.library.look()
        return count

    async def _work(self) -> None:
        looks, failing, serving = 0, False, None
        while True:
            try:
                if looks % VERSIONS_EVERY == 0:
                    found = await asyncio.to_thread(self._store.policies.number)
                    if looks and found != serving:
                        log.warning("another policy version is in use: restart to serve with it", version=found)
                    serving = found
                await self.look()
                looks, failing = looks + 1, False
            except UNFORESEEN as error:
                if not failing:
                    log.warning("other processes cannot be followed", error=str(error))
                failing = True
            await asyncio.sleep(self._seconds)
