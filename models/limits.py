"""Wrappers over a Backend, each with the interface of what it wraps: concurrency, timeout, retry, breaker, price.

`limit` folds them in the order in which a call meets them: price > breaker > room > retry > deadline > the model.
"""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace

from models.backend import Backend, Internals, ModelSpec
from models.errors import ModelError, ModelTimeout, ModelUnavailable
from models.revision import revision_of
from models.types import Chunk, Request, Usage

FIRST_WAIT = 0.25
"""Seconds before the first retry where the server names none; doubled each time, with jitter."""
LONGEST_WAIT = 20.0
FAILURES = 5
"""So many failures in a row open the breaker."""
REST = 10.0
"""Seconds that an open breaker refuses calls before it lets one try."""


def limit(backend: Backend, spec: ModelSpec) -> Backend:
    """The same back-end within the limits and at the prices of its settings."""
    bounded = Deadline(backend, spec.timeout)
    retried = Retry(bounded, spec.retries)
    return Priced(Breaker(Room(retried, spec.concurrency)), spec)


class Limited:
    """Everything of the wrapped back-end as it is; the children change `stream`."""

    def __init__(self, inner: Backend) -> None:
        self.inner = inner

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def offers(self) -> frozenset[str]:
        return self.inner.offers

    @property
    def internals(self) -> Internals | None:
        return self.inner.internals

    @property
    def revision(self) -> str:
        return revision_of(self.inner)

    def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        return self.inner.stream(request)

    async def close(self) -> None:
        await self.inner.close()


class Room(Limited):
    """At most so many calls at once; the others wait their turn, in order."""

    def __init__(self, inner: Backend, concurrency: int) -> None:
        super().__init__(inner)
        self._turn = asyncio.Semaphore(concurrency)

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        async with self._turn, aclosing(self.inner.stream(request)) as chunks:
            async for chunk in chunks:
                yield chunk


class Deadline(Limited):
    """At most so many seconds of the model's own time for one whole call; what the reader takes does not count.

    Raises ModelTimeout.
    """

    def __init__(self, inner: Backend, seconds: float) -> None:
        super().__init__(inner)
        self._seconds = seconds

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        left = self._seconds
        async with aclosing(self.inner.stream(request)) as chunks:
            while True:
                asked = time.monotonic()
                try:
                    async with asyncio.timeout(left):
                        chunk = await anext(chunks, None)
                except TimeoutError as late:
                    message = f"model {self.name!r} took longer than its timeout of {self._seconds:g} seconds"
                    raise ModelTimeout(message, model=self.name) from late
                if chunk is None:
                    return
                left = max(0.0, left - (time.monotonic() - asked))
                yield chunk


class Retry(Limited):
    """Another try after a retryable failure, as long as nothing has been said; waits as long as the server asks."""

    def __init__(self, inner: Backend, retries: int, first_wait: float = FIRST_WAIT) -> None:
        super().__init__(inner)
        self._retries = retries
        self._first_wait = first_wait

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        for attempt in range(self._retries + 1):
            silent = True
            try:
                async with aclosing(self.inner.stream(request)) as chunks:
                    async for chunk in chunks:
                        silent = False
                        yield chunk
                return
            except ModelError as failure:
                wait = self._wait(failure, attempt)
                if not (silent and failure.retryable and attempt < self._retries and wait <= LONGEST_WAIT):
                    raise
            await asyncio.sleep(wait)

    def _wait(self, failure: ModelError, attempt: int) -> float:
        if failure.retry_after is not None:
            return failure.retry_after
        return self._first_wait * float(2**attempt) * random.uniform(0.5, 1.5)


class Breaker(Limited):
    """Refuses calls for a while after several failures in a row, then lets one through to see. Raises ModelUnavailable.

    Only a model that cannot be reached or does not answer counts: one that is full or refuses a prompt is alive.
    """

    def __init__(
        self,
        inner: Backend,
        failures: int = FAILURES,
        rest: float = REST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(inner)
        self._most, self._rest, self._clock = failures, rest, clock
        self._failed = 0
        self._open_until = 0.0

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        self._check()
        try:
            async with aclosing(self.inner.stream(request)) as chunks:
                async for chunk in chunks:
                    self._failed = 0
                    yield chunk
        except (ModelUnavailable, ModelTimeout):
            self._failed += 1
            if self._failed >= self._most:
                self._open_until = self._clock() + self._rest
            raise
        except ModelError:
            self._failed = 0
            raise

    def _check(self) -> None:
        if self._failed < self._most:
            return
        left = self._open_until - self._clock()
        if left > 0:
            message = f"model {self.name!r} failed {self._failed} times in a row; it is tried again in {left:.0f} s"
            raise ModelUnavailable(message, model=self.name, retry_after=left)
        self._open_until = self._clock() + self._rest  # this call tries; the others go on waiting for its result


class Priced(Limited):
    """Fills in what a call cost, from the settings: dollars by tokens, GPU-seconds where the back-end measures none."""

    def __init__(self, inner: Backend, spec: ModelSpec) -> None:
        super().__init__(inner)
        self.spec = spec

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        async with aclosing(self.inner.stream(request)) as chunks:
            async for chunk in chunks:
                yield chunk if chunk.usage is None else replace(chunk, usage=price(chunk.usage, self.spec))


def price(usage: Usage, spec: ModelSpec) -> Usage:
    """The usage with dollars and GPU-seconds where the settings know them; what was measured stays."""
    usd, gpu_seconds = usage.usd, usage.gpu_seconds
    if usd is None and (spec.usd_per_1m_in is not None or spec.usd_per_1m_out is not None):
        in_, out = spec.usd_per_1m_in or 0.0, spec.usd_per_1m_out or 0.0
        usd = (usage.prompt_tokens * in_ + usage.completion_tokens * out) / 1e6
    if gpu_seconds is None and spec.gpu_seconds_per_1k is not None:
        gpu_seconds = (usage.prompt_tokens + usage.completion_tokens) / 1000 * spec.gpu_seconds_per_1k
    return replace(usage, usd=usd, gpu_seconds=gpu_seconds)
