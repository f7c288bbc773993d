"""New settings while the service runs: SIGHUP reads them again, and what is under way ends under the old ones.

A file that cannot be meant, or a model that cannot be opened, changes nothing: the service goes on as it was, and says
why in its log and in `/readyz`. What only a start can change (sockets, the database, the embedder) is refused, too.
"""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any  # JSON

import structlog

from models.errors import BadSettings, PointsmanError
from service.ground import Ground
from service.house import House, furnished, snapshot
from service.sections import Settings

FIXED = ("server", "store", "embedder", "telemetry")
"""Sections that take effect at a start only."""

log = structlog.get_logger()


class Houses:
    """The house that new requests enter, and the earlier ones for as long as somebody is inside.

    `again` reads the settings once more; None where they come from nowhere that could have changed.
    """

    def __init__(self, ground: Ground, settings: Settings, again: Callable[[], Settings] | None) -> None:
        self._ground, self._settings, self._again = ground, settings, again
        self._refused: str | None = None
        self._open: tuple[House, AsyncExitStack] | None = None
        self._leaving: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()

    @property
    def now(self) -> House:
        """The house of requests that come now."""
        if self._open is None:
            raise RuntimeError("no house is open")
        return self._open[0]

    @property
    def told(self) -> dict[str, Any]:
        """Which settings are in force, and why newer ones are not."""
        return {"snapshot": snapshot(self._settings), "refused": self._refused}

    async def open(self) -> None:
        """The first house. Raises what keeps it from opening."""
        self._open = await self._furnished(self._settings)

    async def reload(self) -> bool:
        """Read the settings again and move; False, said in the log, where that cannot be."""
        async with self._turn:
            try:
                await self._move()
            except PointsmanError as error:
                self._refused = str(error)
                log.error("the new settings are not used", reason=str(error))
                return False
            self._refused = None
            log.info("new settings are in force", snapshot=snapshot(self._settings))
            return True

    async def close(self) -> None:
        """Close every house."""
        self._ground.pool.close()
        if self._open is not None:
            await self._open[1].aclose()
        for task in self._leaving:
            task.cancel()
        if self._leaving:
            await asyncio.wait(self._leaving)

    async def _move(self) -> None:
        if self._again is None:
            raise BadSettings("these settings come from no file that could be read again")
        settings = await asyncio.to_thread(self._again)
        for section in FIXED:
            if getattr(settings, section, None) != getattr(self._settings, section, None):
                raise BadSettings(f"[{section}] has changed, which takes effect at a start only", param=section)
        old = self._open
        opened = await self._furnished(settings)
        self._open, self._settings = opened, settings
        if old is not None:
            task = asyncio.create_task(self._left(*old))
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    async def _furnished(self, settings: Settings) -> tuple[House, AsyncExitStack]:
        async with AsyncExitStack() as stack:
            house = await stack.enter_async_context(furnished(settings, self._ground))
            return house, stack.pop_all()
        raise AssertionError  # the block returns or raises

    async def _left(self, house: House, stack: AsyncExitStack) -> None:
        """Close a house when the last run in it has ended."""
        try:
            await house.runs.ended(self._settings.server.max_seconds)
        finally:
            await stack.aclose()
