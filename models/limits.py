"""What stands around every back-end, each with the interface of what it stands around, in the order of a call.

`limit` folds them: price > breaker > room > retry > rate > deadline > the model.
"""

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from models.backend import Backend, ModelSpec
from models.breaker import Breaker
from models.caller import held_back
from models.deadline import Deadline
from models.errors import ModelBusy, ModelError
from models.limited import Limited
from models.loading import OnDemand
from models.rate import Rate
from models.room import Room
from models.types import Chunk, Request, Usage

FIRST_WAIT = 0.25
"""Seconds before the first retry where the server names none; doubled each time, with jitter."""
LONGEST_WAIT = 20.0


def limit(backend: Backend, spec: ModelSpec, fellows: list[Breaker] | None = None) -> Backend:
    """The same back-end within the limits and at the prices of its settings; each try counts against its rate.

    `fellows` is the list, shared by all models, of their breakers: without others a breaker refuses nothing.
    """
    # A model that is loaded on demand keeps its deadline inside: the time of loading does not count.
    bounded: Backend = backend if isinstance(backend, OnDemand) else Deadline(backend, spec.timeout)
    if spec.rpm is not None or spec.tpm is not None:
        bounded = Rate(bounded, spec.rpm, spec.tpm)
    retried = Retry(bounded, spec.retries)
    return Priced(Breaker(Room(retried, spec.concurrency, spec.queue), fellows), spec)


class Retry(Limited):
    """Another try after a retryable failure, as long as nothing has been said; waits as long as the server asks.

    Where our own limits leave no room for another try, the failure that was seen is raised.
    """

    def __init__(self, inner: Backend, retries: int, first_wait: float = FIRST_WAIT) -> None:
        super().__init__(inner)
        self._retries = retries
        self._first_wait = first_wait

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        seen: ModelError | None = None
        for attempt in range(self._retries + 1):
            silent = True
            try:
                async with aclosing(self.inner.stream(request)) as chunks:
                    async for chunk in chunks:
                        silent = False
                        yield chunk
                return
            except ModelBusy as full:
                if seen is None or not silent:
                    raise
                raise seen from full
            except ModelError as failure:
                seen = failure
                wait = self._wait(failure, attempt)
                if not (silent and failure.retryable and attempt < self._retries and wait <= LONGEST_WAIT):
                    raise
            with held_back():
                await asyncio.sleep(wait)

    def _wait(self, failure: ModelError, attempt: int) -> float:
        if failure.retry_after is not None:
            return failure.retry_after
        return self._first_wait * float(2**attempt) * random.uniform(0.5, 1.5)


class Priced(Limited):
    """Fills in what a call cost, from the settings: dollars by tokens, GPU-seconds where the back-end measures none."""

    def __init__(self, inner: Backend, spec: ModelSpec) -> None:
        super().__init__(inner)
        self.spec = spec

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        async with aclosing(self.inner.stream(request)) as chunks:
            async for chunk in chunks:
                yield chunk if chunk.usage is None else replace(chunk, usage=self.priced(chunk.usage))

    def priced(self, usage: Usage) -> Usage:
        """The usage of a call of this model with what it cost."""
        return price(usage, self.spec)


def price(usage: Usage, spec: ModelSpec) -> Usage:
    """The usage with dollars and GPU-seconds where the settings know them; what was measured stays."""
    usd, gpu_seconds = usage.usd, usage.gpu_seconds
    if usd is None and (spec.usd_per_1m_in is not None or spec.usd_per_1m_out is not None):
        in_, out = spec.usd_per_1m_in or 0.0, spec.usd_per_1m_out or 0.0
        usd = (usage.prompt_tokens * in_ + usage.completion_tokens * out) / 1e6
    if gpu_seconds is None and spec.gpu_seconds_per_1k is not None:
        gpu_seconds = (usage.prompt_tokens + usage.completion_tokens) / 1000 * spec.gpu_seconds_per_1k
    return replace(usage, usd=usd, gpu_seconds=gpu_seconds)
