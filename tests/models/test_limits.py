"""What stands around a back-end: the fold of it all, deadline, retry and price."""

import asyncio

import pytest

from models.backend import ModelSpec
from models.deadline import Deadline
from models.errors import ContextTooLong, ModelBusy, ModelError, ModelOverloaded, ModelTimeout, ModelUnavailable
from models.limits import Retry, limit, price
from models.scripted import Scripted
from models.types import Usage, collect
from tests.models.failing import ASK, Failing, failures


async def test_a_limited_model_is_the_same_model() -> None:
    inner = failures([])
    limited = limit(inner, ModelSpec("x"))
    assert (limited.name, limited.offers, limited.internals) == ("f", frozenset({"logprobs"}), None)
    assert (await collect(limited.stream(ASK))).text == "done"
    await limited.close()
    assert inner.closed


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


async def test_each_try_counts_against_the_rate() -> None:
    inner = Failing([ModelUnavailable("down", retry_after=0.0) for _ in range(20)])
    limited = limit(inner, ModelSpec("x", rpm=3, retries=5))
    seen: list[str] = []
    for _ in range(3):
        try:
            await collect(limited.stream(ASK))
        except ModelError as failure:
            seen.append(type(failure).__name__)
    assert inner.calls == 3
    assert seen == ["ModelUnavailable", "ModelBusy", "ModelBusy"], "the server's failure, as long as it was asked"


async def test_a_call_that_the_rate_refuses_is_not_tried_again() -> None:
    inner = failures([])
    limited = limit(inner, ModelSpec("x", rpm=1, retries=5))
    await collect(limited.stream(ASK))
    async with asyncio.timeout(1):
        with pytest.raises(ModelBusy, match="rpm 1"):
            await collect(limited.stream(ASK))
    assert inner.calls == 1


async def test_the_wait_that_the_server_asks_for_is_kept() -> None:
    inner = Failing([ModelOverloaded("full", retry_after=0.2)])
    await collect(Retry(inner, 1, first_wait=0.001).stream(ASK))
    assert inner.seen[1] - inner.seen[0] >= 0.19


async def test_a_wait_that_is_too_long_is_not_waited() -> None:
    inner = Failing([ModelOverloaded("full", retry_after=600.0)])
    with pytest.raises(ModelOverloaded):
        await collect(Retry(inner, 1).stream(ASK))


def test_prices_fill_what_is_not_known_and_leave_what_was_measured() -> None:
    spec = ModelSpec("x", usd_per_1m_in=1.0, usd_per_1m_out=2.0, gpu_seconds_per_1k=4.0)
    assert price(Usage(1000, 500, 3.0), spec) == Usage(1000, 500, 3.0, 6.0, 0.002)
    assert price(Usage(1000, 500, 3.0, 0.5, 0.7), spec) == Usage(1000, 500, 3.0, 0.5, 0.7)
    assert price(Usage(1000, 500), ModelSpec("x")) == Usage(1000, 500)
