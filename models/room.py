"""Room for so many calls of a model at once; the others wait in a line that is fair to runs and that has an end.

A strategy that makes twenty calls waits longer for its twentieth than a plain question waits for its only one: turns go
round the runs (models/caller.py names the run, models/fair_queue.py keeps the line).
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from models.backend import Backend
from models.caller import caller, held_back
from models.errors import ModelBusy
from models.fair_queue import FairQueue
from models.limited import Limited
from models.types import Chunk, Request
from models.waiting import Waiting, waiting_of

QUEUE = 64
"""Calls that may wait where the settings do not say."""
MEMORY = 20
"""The mean duration leans on about so many of the latest calls."""
SOONEST = 1.0
"""Seconds after which a refused caller may come again, at least."""


class Room(Limited):
    """At most `concurrency` calls at once and at most `queue` that wait. Raises ModelBusy at once if both are full.

    Where the line is full, the run that has most calls in it gives one up for a run that has fewer.
    """

    def __init__(
        self, inner: Backend, concurrency: int, queue: int = QUEUE, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(inner)
        self._concurrency, self._most, self._clock = concurrency, queue, clock
        self._line = FairQueue()
        self._mean, self._ended = 0.0, 0
        self.in_use = 0
        """Calls under way."""

    @property
    def queued(self) -> int:
        """Calls that wait for their turn."""
        return len(self._line)

    @property
    def waiting(self) -> Waiting:
        """Nothing while a place is free; else as many turns as are ahead, each a mean call's share of the room."""
        inner = waiting_of(self.inner)
        return inner if self.in_use < self._concurrency else inner._replace(seconds=inner.seconds + self._expected())

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        await self._enter()
        began = self._clock()
        try:
            async with aclosing(self.inner.stream(request)) as chunks:
                async for chunk in chunks:
                    yield chunk
        finally:
            self._ended += 1
            self._mean += (self._clock() - began - self._mean) / min(self._ended, MEMORY)
            self._pass_on()

    async def _enter(self) -> None:
        if self.in_use < self._concurrency:
            self.in_use += 1
            return
        who = caller()
        if len(self._line) >= self._most:
            self._line.sweep()
        if len(self._line) >= self._most:
            evicted = self._line.give_way(who)
            if evicted is None:
                raise self._full()
            evicted.set_exception(self._full())
        turn = self._line.join(who)
        try:
            with held_back():
                await turn
        except (asyncio.CancelledError, ModelBusy):
            self._line.leave(who, turn)
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._pass_on()  # the turn had come when the call was given up
            raise

    def _pass_on(self) -> None:
        """The place of a call that has ended goes to the next one."""
        following = self._line.next()
        if following is None:
            self.in_use -= 1
        else:
            following.set_result(None)

    def _expected(self) -> float:
        return (len(self._line) + 1) / self._concurrency * self._mean

    def _full(self) -> ModelBusy:
        wait = max(SOONEST, self._expected())
        message = (
            f"model {self.name!r} is busy: {self.in_use} calls run and {len(self._line)} wait, the most that "
            f"models.{self.name}.queue allows; try again in {wait:.0f} s"
        )
        return ModelBusy(message, model=self.name, retry_after=wait)
