"""A breaker: a model that keeps failing is left alone for a while, unless there is no other one to ask.

M. T. Nygard (2007), "Release It!": closed, open, half-open. What counts is a server that cannot be reached or does not
answer in time. A refusal of the caller's request, a key that the server does not take, a model name that it does not
know and "too many requests" are answers: whoever sent them is alive.
"""

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Literal

from models.backend import Backend
from models.errors import ModelBusy, ModelError, ModelResting, ModelTimeout, ModelUnavailable, NoMemory
from models.limited import Limited
from models.types import Chunk, Request
from models.waiting import Waiting, waiting_of

FAILURES = 5
"""So many failures in a row open the breaker."""
REST = 10.0
"""Seconds that an open breaker refuses calls before it lets one try."""

UNASKED = (ModelBusy, ModelResting, NoMemory)
"""Failures of calls that no model heard of."""
State = Literal["closed", "open", "half_open"]


class Breaker(Limited):
    """Refuses calls for a while after several failures in a row, then lets one through to see. Raises ModelResting.

    `fellows` are the breakers of all models that could answer instead; this one joins them. While every other one has
    failed too, or there is none, nothing is refused: each call is a try. Only an answer that came to its end says that
    the model is well: a server may break off each one in the middle.
    """

    def __init__(
        self,
        inner: Backend,
        fellows: "list[Breaker] | None" = None,
        failures: int = FAILURES,
        rest: float = REST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(inner)
        self._most, self._rest, self._clock = failures, rest, clock
        self._failed, self._trying = 0, 0
        self._open_until = 0.0
        self._fellows = [] if fellows is None else fellows
        self._fellows.append(self)

    @property
    def state(self) -> State:
        """Closed: calls pass. Open: they are refused. Half-open: the next one, or the one under way, is a try."""
        if self._failed < self._most:
            return "closed"
        return "half_open" if self._trying or self._clock() >= self._open_until else "open"

    @property
    def waiting(self) -> Waiting:
        """An open breaker is waited for as well, where calls are refused."""
        inner = waiting_of(self.inner)
        return inner._replace(seconds=inner.seconds + self._left()) if self._failed >= self._most else inner

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        trying = self._admitted()
        self._trying += trying
        told = False
        try:
            async with aclosing(self.inner.stream(request)) as chunks:
                async for chunk in chunks:
                    if trying:  # it speaks, perhaps for long: the others need not wait for its end
                        self._undecided(trying)
                        self._trying -= trying
                        trying = False
                    if chunk.usage is not None:  # the last one
                        self._failed = 0
                    yield chunk
            self._failed, told = 0, True
        except ModelError as failure:
            told = not isinstance(failure, UNASKED)
            if told and _counts(failure):
                self._failed += 1
                if self._failed >= self._most:
                    self._open_until = self._clock() + self._rest
            elif told:
                self._failed = 0
            raise
        finally:
            if not told:  # given up by whoever asked, say: of the model that says nothing
                self._undecided(trying)
            self._trying -= trying

    async def close(self) -> None:
        if self in self._fellows:
            self._fellows.remove(self)
        await super().close()

    def _admitted(self) -> bool:
        """Whether the call is a try; raises if it may not even be that."""
        if self._failed < self._most:
            return False
        if (left := self._left()) > 0:
            message = f"model {self.name!r} failed {self._failed} times in a row; it is tried again in {left:.0f} s"
            raise ModelResting(message, model=self.name, retry_after=left)
        self._open_until = self._clock() + self._rest  # this call tries; the others go on waiting for its result
        return True

    def _left(self) -> float:
        """Seconds that calls are still refused; none where nobody else could answer."""
        if all(other._failed >= other._most for other in self._fellows if other is not self):
            return 0.0
        return max(0.0, self._open_until - self._clock())

    def _undecided(self, trying: bool) -> None:
        """The try came to nothing: the next call may try at once."""
        if trying and self._failed >= self._most:
            self._open_until = self._clock()


def _counts(failure: ModelError) -> bool:
    """Whether it says that the server is not there or does not answer; what no other try can mend says otherwise."""
    return isinstance(failure, ModelUnavailable | ModelTimeout) and failure.retryable
