"""One model on several servers: load, failover, what is nobody's failure but the caller's, and rates."""

import pytest

from models.backend import Backend, ModelSpec, connect
from models.breaker import Breaker
from models.deployments import Deployments, together
from models.errors import (
    BadSettings,
    ContextTooLong,
    ModelBusy,
    ModelError,
    ModelOverloaded,
    ModelTimeout,
    ModelUnavailable,
)
from models.limits import limit
from models.rate import Rate
from models.scripted import Scripted
from models.types import collect
from models.waiting import Waiting
from tests.models.failing import ASK, Failing

SPEC = ModelSpec("x", retries=0)


def over(*inner: Backend) -> Deployments:
    """The servers, each within its limits."""
    fellows: list[Breaker] = []
    return Deployments("m", [limit(one, SPEC, fellows) for one in inner])


async def ask(backend: Backend) -> str:
    return (await collect(backend.stream(ASK))).text


async def test_servers_take_turns() -> None:
    inner = [Scripted("m", said) for said in "abc"]
    both = over(*inner)
    assert sorted([await ask(both) for _ in range(6)]) == ["a", "a", "b", "b", "c", "c"]


async def test_the_least_busy_one_answers() -> None:
    one, two = Scripted("m", "one more", pace=60.0), Scripted("m", "two more", pace=60.0)
    both = over(one, two)
    calls = [both.stream(ASK) for _ in range(4)]
    for call in calls:
        await anext(call)
    assert (one.running, two.running) == (2, 2)
    for call in calls[:1] + calls[2:3]:
        await call.aclose()
    free, busy = (one, two) if one.running < two.running else (two, one)
    assert (free.running, busy.running) == (0, 2)
    again = [both.stream(ASK) for _ in range(2)]
    for call in again:
        await anext(call)
    assert (free.running, busy.running) == (2, 2)
    for call in [*calls, *again]:
        await call.aclose()


@pytest.mark.parametrize("kind", [ModelUnavailable, ModelTimeout, ModelOverloaded])
async def test_another_server_answers_where_one_fails(kind: type[ModelError]) -> None:
    both = over(Failing([kind("no")] * 9), Scripted("m", "well"))
    assert [await ask(both) for _ in range(4)] == ["well"] * 4


async def test_the_last_failure_is_told_where_all_fail() -> None:
    servers = Failing([ModelUnavailable("one is down")]), Failing([ModelUnavailable("two is down")])
    with pytest.raises(ModelUnavailable, match="is down"):
        await ask(over(*servers))
    assert [one.calls for one in servers] == [1, 1]


async def test_a_request_that_is_refused_is_not_sent_elsewhere() -> None:
    first, second = Failing([ContextTooLong("long")]), Failing([ContextTooLong("long")])
    with pytest.raises(ContextTooLong):
        await ask(over(first, second))
    assert first.calls + second.calls == 1


async def test_no_other_server_goes_on_with_a_text_that_has_begun() -> None:
    first, second = Failing([ModelUnavailable("torn")], after=1), Failing([ModelUnavailable("torn")], after=1)
    with pytest.raises(ModelUnavailable):
        await ask(over(first, second))
    assert first.calls + second.calls == 1


async def test_a_server_that_rests_is_asked_last() -> None:
    down = Failing([ModelUnavailable("down")] * 50)
    both = over(down, Scripted("m", "well"))
    assert [await ask(both) for _ in range(40)] == ["well"] * 40
    assert down.calls == 5, "its breaker is open after five"


async def test_it_offers_what_all_offer_and_waits_as_long_as_the_first_that_is_free() -> None:
    one = Scripted("m", "one more", pace=60.0, offers=frozenset({"logprobs", "vision"}))
    two = Scripted("m", "two", offers=frozenset({"logprobs"}))
    both = over(one, two)
    assert both.offers == {"logprobs"}
    call = both.stream(ASK)
    await anext(call)
    assert both.waiting == Waiting()
    await call.aclose()
    assert over(one, two).revision == both.revision


def test_the_settings_of_all_add_up() -> None:
    one = ModelSpec("remote", concurrency=4, timeout=10.0, retries=1, usd_per_1m_in=1.0)
    two = ModelSpec("remote", concurrency=8, timeout=20.0, retries=0, usd_per_1m_in=3.0)
    whole = together([one, two])
    assert (whole.concurrency, whole.queue, whole.timeout, whole.retries) == (12, 128, 40.0, 0)
    assert (whole.usd_per_1m_in, whole.usd_per_1m_out) == (3.0, None)


def test_deployments_without_servers_are_bad_settings() -> None:
    with pytest.raises(BadSettings, match=r"litellm\.config"):
        connect("m", ModelSpec("deployments"))


async def test_calls_per_minute_are_kept_and_the_next_one_is_told_when_to_come() -> None:
    now = 0.0
    inner = Scripted("m", "well")
    rate = Rate(inner, 2, None, clock=lambda: now)
    await ask(rate)
    now = 20.0
    await ask(rate)
    assert rate.waiting == Waiting(40.0)
    with pytest.raises(ModelBusy, match="rpm 2") as refusal:
        await ask(rate)
    assert refusal.value.retry_after == 40.0
    assert len(inner.requests) == 2
    now = 60.0
    assert await ask(rate) == "well"
    assert rate.waiting == Waiting(20.0)


async def test_tokens_per_minute_are_kept() -> None:
    now = 0.0
    rate = Rate(Scripted("m", "three more words"), None, 6, clock=lambda: now)
    await ask(rate)
    await ask(rate)
    with pytest.raises(ModelBusy, match="tpm 6"):
        await ask(rate)
    now = 60.0
    for _ in range(2):
        assert await ask(rate) == "three more words"
    assert rate.waiting == Waiting(60.0)


async def test_a_rate_of_the_settings_holds() -> None:
    limited = limit(Scripted("m", "well"), ModelSpec("x", rpm=1))
    assert await ask(limited) == "well"
    with pytest.raises(ModelBusy):
        await ask(limited)
