"""The wrappers over a back-end: room, deadline, retry, breaker and price."""

import asyncio
import time
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass, field

import pytest

from models.backend import Internals, ModelSpec
from models.errors import ContextTooLong, ModelError, ModelOverloaded, ModelTimeout, ModelUnavailable
from models.limits import Breaker, Deadline, Retry, Room, limit, price
from models.scripted import Scripted
from models.types import Chunk, Message, Request, Usage, collect

ASK = Request((Message("user", "x"),))


@dataclass(slots=True)
class Failing:
    """A back-end that raises the failures it is given, one per call, and then answers; `after` that many chunks."""

    failures: list[ModelError]
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


async def test_a_limited_model_is_the_same_model() -> None:
    inner = failures([])
    limited = limit(inner, ModelSpec("x"))
    assert (limited.name, limited.offers, limited.internals) == ("f", frozenset({"logprobs"}), None)
    assert (await collect(limited.stream(ASK))).text == "done"
    await limited.close()
    assert inner.closed


async def test_no_more_calls_at_once_than_there_is_room() -> None:
    most = 0

    async def answer(request: Request) -> str:
        nonlocal most
        most = max(most, inner.running)
        await asyncio.sleep(0.01)
        return "ok"

    inner = Scripted("s", answer)
    room = Room(inner, 2)
    async with asyncio.TaskGroup() as group:
        for _ in range(6):
            group.create_task(collect(room.stream(ASK)))
    assert most == 2
    assert len(inner.requests) == 6


async def test_a_call_given_up_makes_room() -> None:
    room = Room(Scripted("s", "one two", pace=5.0), 1)
    first = room.stream(ASK)
    await anext(first)
    await first.aclose()
    async with asyncio.timeout(2):
        assert (await anext(room.stream(ASK))).text == "one"


async def test_a_slow_model_is_given_up_at_the_deadline() -> None:
    inner = Scripted("slow", "one two", pace=5.0)
    with pytest.raises(ModelTimeout, match=r"'slow'.*0\.05"):
        await collect(Deadline(inner, 0.05).stream(ASK))
    assert inner.closed_early == 1


async def test_a_slow_reader_does_not_use_up_the_deadline() -> None:
    texts = []
    async for chunk in Deadline(Scripted("s", "one two three"), 0.2).stream(ASK):
        await asyncio.sleep(0.12)
        texts.append(chunk.text)
    assert "".join(texts) == "one two three"


async def test_a_retryable_failure_is_tried_again() -> None:
    inner = failures([ModelUnavailable, ModelTimeout])
    assert (await collect(Retry(inner, 2, first_wait=0.001).stream(ASK))).text == "done"
    assert inner.calls == 3


async def test_retries_end_and_some_failures_are_final() -> None:
    tired, final = failures([ModelUnavailable] * 3), failures([ContextTooLong])
    with pytest.raises(ModelUnavailable):
        await collect(Retry(tired, 2, first_wait=0.001).stream(ASK))
    with pytest.raises(ContextTooLong):
        await collect(Retry(final, 2, first_wait=0.001).stream(ASK))
    assert (tired.calls, final.calls) == (3, 1)


async def test_nothing_is_tried_again_once_text_has_come() -> None:
    inner = Failing([ModelUnavailable("no")], after=1)
    with pytest.raises(ModelUnavailable):
        await collect(Retry(inner, 2, first_wait=0.001).stream(ASK))
    assert inner.calls == 1


async def test_the_wait_that_the_server_asks_for_is_kept() -> None:
    inner = Failing([ModelOverloaded("full", retry_after=0.2)])
    await collect(Retry(inner, 1, first_wait=0.001).stream(ASK))
    assert inner.seen[1] - inner.seen[0] >= 0.19


async def test_a_wait_that_is_too_long_is_not_waited() -> None:
    inner = Failing([ModelOverloaded("full", retry_after=600.0)])
    with pytest.raises(ModelOverloaded):
        await collect(Retry(inner, 1).stream(ASK))


async def test_the_breaker_opens_after_failures_in_a_row_and_lets_one_try_after_its_rest() -> None:
    now = 0.0
    inner = failures([ModelUnavailable] * 3)
    breaker = Breaker(inner, failures=2, rest=10.0, clock=lambda: now)
    for _ in range(3):
        with pytest.raises(ModelUnavailable):
            await collect(breaker.stream(ASK))
    assert inner.calls == 2, "the third call must not have reached the model"
    now = 11.0
    with pytest.raises(ModelUnavailable, match="no"):
        await collect(breaker.stream(ASK))
    with pytest.raises(ModelUnavailable, match="in a row"):
        await collect(breaker.stream(ASK))
    now = 22.0
    assert (await collect(breaker.stream(ASK))).text == "done"
    assert (await collect(breaker.stream(ASK))).text == "done"


async def test_a_model_that_is_full_does_not_open_the_breaker() -> None:
    inner = failures([ModelUnavailable, ModelOverloaded, ModelUnavailable])
    breaker = Breaker(inner, failures=2)
    for _ in range(3):
        with pytest.raises(ModelError):
            await collect(breaker.stream(ASK))
    assert (await collect(breaker.stream(ASK))).text == "done"


def test_prices_fill_what_is_not_known_and_leave_what_was_measured() -> None:
    spec = ModelSpec("x", usd_per_1m_in=1.0, usd_per_1m_out=2.0, gpu_seconds_per_1k=4.0)
    assert price(Usage(1000, 500, 3.0), spec) == Usage(1000, 500, 3.0, 6.0, 0.002)
    assert price(Usage(1000, 500, 3.0, 0.5, 0.7), spec) == Usage(1000, 500, 3.0, 0.5, 0.7)
    assert price(Usage(1000, 500), ModelSpec("x")) == Usage(1000, 500)
