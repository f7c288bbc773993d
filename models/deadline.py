"""A limit to the time that one call of a model may take."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from models.backend import Backend
from models.errors import ModelTimeout
from models.limited import Limited
from models.types import Chunk, Request


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
