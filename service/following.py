"""Following a run while its client is there: events, silence, and an end when the client leaves."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Iterator
from contextlib import aclosing, contextmanager, suppress
from typing import Any, TypeVar  # Any: what a coroutine sends and takes is of no interest here

from starlette.types import Receive

from router.types import Event
from service.errors import ClientLeft

T = TypeVar("T")


async def follow(run: AsyncGenerator[Event, None], silence: float | None = None) -> AsyncGenerator[Event | None, None]:
    """The events of the run; None each time that nothing came for `silence` seconds. Raises what the run raises.

    One task of its own drives the run from start to end, so that the reader may be closed from any other: that
    cancels the run and waits until it is over.
    """
    queue: asyncio.Queue[Event | None] = asyncio.Queue()

    async def drive() -> None:
        async with aclosing(run) as events:
            async for event in events:
                queue.put_nowait(event)

    task = asyncio.create_task(drive())
    task.add_done_callback(lambda _: queue.put_nowait(None))
    try:
        while True:
            try:
                # asyncio.wait_for loses a cancellation that comes together with an event (Python 3.11)
                async with asyncio.timeout(silence):
                    event = await queue.get()
            except TimeoutError:
                yield None
                continue
            if event is None:
                break
            yield event
        task.result()
    finally:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # seen, whether or not anybody still wants it


async def while_there(receive: Receive, work: Coroutine[Any, Any, T]) -> T:
    """What `work` returns; it is cancelled, and ClientLeft raised, when the client closes the connection first."""
    task = asyncio.create_task(work)
    gone = asyncio.create_task(_gone(receive))
    try:
        await asyncio.wait([task, gone], return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientLeft
        return task.result()
    finally:
        for one in (task, gone):
            one.cancel()
        await asyncio.wait([task, gone])
        for one in (task, gone):
            if not one.cancelled():
                one.exception()


class Runs:
    """How many runs are going, so that nothing is closed under them."""

    def __init__(self) -> None:
        self._going = 0
        self._none, self._begun = asyncio.Event(), asyncio.Event()
        self._none.set()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Count one run while the context lasts."""
        self._going += 1
        self._none.clear()
        self._begun.set()
        try:
            yield
        finally:
            self._going -= 1
            if self._going == 0:
                self._none.set()

    async def quiet(self, seconds: float) -> None:
        """Wait until none has been going for so many seconds."""
        while True:
            await self._none.wait()
            self._begun.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self._begun.wait()
            except TimeoutError:
                return

    async def begun(self) -> None:
        """Wait until one has begun since it was quiet."""
        await self._begun.wait()

    async def ended(self, seconds: float) -> None:
        """Wait until none is going, or for so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._none.wait()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
