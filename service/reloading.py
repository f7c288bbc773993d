"""New settings while the service runs: SIGHUP reads them again, and what is under way ends under the old ones.

A file that cannot be meant, or a model that cannot be opened, changes nothing: the service goes on as it was, and says
why in its log and in `/readyz`. What only a start can change (sockets, the database, the embedder) is refused, too.
"""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any  # JSON

import structlog

from models.errors import BadSettings, PointsmanError, UserError
from service.ground import Ground
from service.house import House, furnished
from service.log import hide
from service.sections import Settings

SECRET = ("api_key", "url", "api_base")
"""Words of settings that may hold a password: an error that is about one is not quoted."""
FIXED = ("server", "store", "embedder", "telemetry")
"""Sections that take effect at a start only."""

log = structlog.get_logger()


class Houses:
    """The house that new requests enter, and the earlier ones for as long as somebody is inside.

    `again` reads the settings once more; None where they come from nowhere that could have changed. Where the process
    is `restarted`, they may have changed since those that it was given.
    """

    def __init__(
        self, ground: Ground, settings: Settings, again: Callable[[], Settings] | None, *, restarted: bool = False
    ) -> None:
        self._ground, self._settings, self._again, self._restarted = ground, settings, again, restarted
        self._refused: PointsmanError | None = None
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
        """Which settings are in force, whether newer ones are refused, and the key at fault.

        Everybody may read it, so it has no words of the error: they may quote a password or an address.
        """
        refused = self._refused
        return {"snapshot": self.now.snapshot, "refused": refused is not None, "setting": _setting(refused)}

    async def open(self) -> None:
        """The first house, with the newest settings where restarted and they can be. Raises what keeps it shut."""
        if self._restarted and await self.reload():
            return
        self._open = await self._furnished(self._settings)

    async def reload(self) -> bool:
        """Read the settings again and move; False, said in the log, where that cannot be."""
        async with self._turn:
            try:
                await self._move()
            except PointsmanError as error:
                self._refused = error
                log.error("the new settings are not used", setting=_setting(error), reason=_reason(error))
                return False
            self._refused = None
            log.info("new settings are in force", snapshot=self.now.snapshot)
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
        hide(settings.secrets)  # whoever opens them may quote them, and so may who refuses
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


def _setting(error: PointsmanError | None) -> str | None:
    """The key at fault, where one is known."""
    return error.param if isinstance(error, UserError) else None


def _reason(error: PointsmanError) -> str:
    """The error's words, unless they may quote a secret."""
    words = f"{_setting(error)} {error}".lower()
    if any(word in words for word in SECRET):
        return "not written down, since it may quote a secret; start a service with these settings to see it"
    return str(error)
