"""A limit of calls and of tokens per minute, for a server whose owner allows no more."""

import time
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from models.backend import Backend
from models.errors import ModelBusy
from models.limited import Limited
from models.types import Chunk, Request
from models.waiting import Waiting, waiting_of

MINUTE = 60.0


class Rate(Limited):
    """At most `rpm` calls that begin and `tpm` tokens that are counted in any 60 seconds. Raises ModelBusy beyond.

    A call's tokens are known when it ends; the one that crosses the limit is the last one for a while.
    """

    def __init__(
        self, inner: Backend, rpm: int | None, tpm: int | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(inner)
        self._rpm, self._tpm, self._clock = rpm, tpm, clock
        self._calls: deque[float] = deque()
        self._tokens: deque[tuple[float, int]] = deque()
        self._spent = 0

    @property
    def waiting(self) -> Waiting:
        inner = waiting_of(self.inner)
        return inner._replace(seconds=inner.seconds + self._left())

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        if (left := self._left()) > 0:
            message = f"model {self.name!r} has used up its rate (rpm {self._rpm}, tpm {self._tpm}) for {left:.0f} s"
            raise ModelBusy(message, model=self.name, retry_after=left)
        self._calls.append(self._clock())
        async with aclosing(self.inner.stream(request)) as chunks:
            async for chunk in chunks:
                if chunk.usage is not None:
                    count = chunk.usage.prompt_tokens + chunk.usage.completion_tokens
                    self._tokens.append((self._clock(), count))
                    self._spent += count
                yield chunk

    def _left(self) -> float:
        """Seconds until another call may begin."""
        now = self._clock()
        while self._calls and self._calls[0] <= now - MINUTE:
            self._calls.popleft()
        while self._tokens and self._tokens[0][0] <= now - MINUTE:
            self._spent -= self._tokens.popleft()[1]
        left = 0.0
        if self._rpm is not None and len(self._calls) >= self._rpm:
            left = self._calls[-self._rpm] + MINUTE - now
        if self._tpm is not None and self._spent >= self._tpm:
            left = max(left, self._tokens[0][0] + MINUTE - now)
        return left
