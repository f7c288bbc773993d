"""A back-end that fails as it is told, and a request to ask it with."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import dataclass, field

from models.backend import Internals
from models.errors import ModelError
from models.types import Chunk, Message, Request, Usage

ASK = Request((Message("user", "x"),))


@dataclass(slots=True)
class Failing:
    """A back-end that raises the failures it is given, one per call, and then answers; `after` that many chunks."""

    failures: list[Exception]
    after: int = 0
    name: str = "f"
    offers: frozenset[str] = frozenset({"logprobs"})
    internals: Internals | None = None
    calls: int = 0
    closed: bool = False
    seen: list[float] = field(default_factory=list)

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        self.calls += 1
        self.seen.append(time.monotonic())
        for _ in range(self.after):
            yield Chunk(text="a")
        if self.failures:
            raise self.failures.pop(0)
        yield Chunk(text="done", finish_reason="stop", usage=Usage(1, 1))

    async def close(self) -> None:
        self.closed = True


def failures(kinds: Iterable[type[ModelError]]) -> Failing:
    return Failing([kind("no", model="f") for kind in kinds])


async def until(holds: Callable[[], bool], patience: float = 5.0) -> None:
    """Wait until something holds. Raises AssertionError."""
    deadline = time.monotonic() + patience
    for _ in iter(holds, True):
        assert time.monotonic() < deadline
        await asyncio.sleep(0)
