"""The breaker: what opens it, what it never counts, and that it never shuts out the only model there is."""

import asyncio

import pytest

from models.backend import ModelSpec
from models.breaker import Breaker
from models.errors import (
    ContextTooLong,
    ModelBusy,
    ModelError,
    ModelOverloaded,
    ModelRefused,
    ModelResting,
    ModelTimeout,
    ModelUnavailable,
    NoMemory,
)
from models.limits import limit
from models.scripted import Scripted
from models.states import ModelState, states
from models.types import Request, collect
from models.waiting import Waiting
from tests.models.failing import ASK, Failing, failures


class Clock:
    """Time as the test says."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def state_of(breaker: Breaker) -> str:
    """The state now; mypy would take a property for the same each time."""
    return breaker.state


async def ask(breaker: Breaker) -> str:
    """The answer, or the failure's name."""
    try:
        return (await collect(breaker.stream(ASK))).text
    except ModelError as failure:
        return type(failure).__name__


async def test_failures_in_a_row_open_it_and_after_its_rest_one_call_tries() -> None:
    clock = Clock()
    inner, fellows = failures([ModelUnavailable] * 3), [Breaker(failures([]))]
    breaker = Breaker(inner, fellows, failures=2, rest=10.0, clock=clock)
    for state, failure in (("closed", "ModelUnavailable"), ("closed", "ModelUnavailable"), ("open", "ModelResting")):
        assert state_of(breaker) == state
        assert await ask(breaker) == failure
    assert inner.calls == 2, "the third call must not have reached the model"
    clock.now = 4.0
    assert breaker.waiting == Waiting(6.0)
    clock.now = 11.0
    assert state_of(breaker) == "half_open"
    assert await ask(breaker) == "ModelUnavailable"
    assert state_of(breaker) == "open"
    with pytest.raises(ModelResting, match="3 times in a row") as refusal:
        await collect(breaker.stream(ASK))
    assert (refusal.value.model, refusal.value.retry_after, refusal.value.retryable) == ("f", 10.0, False)
    clock.now = 22.0
    assert await ask(breaker) == "done"
    assert state_of(breaker) == "closed"
    assert breaker.waiting == Waiting()


async def test_only_one_call_tries_and_one_that_is_given_up_lets_the_next_try_at_once() -> None:
    clock = Clock()

    async def answer(request: Request) -> str:
        if len(slow.requests) <= 2:
            raise ModelTimeout("late")
        if len(slow.requests) == 3:
            await asyncio.sleep(60)
        return "well"

    slow = Scripted("s", answer)
    breaker = Breaker(slow, [Breaker(failures([]))], failures=2, rest=10.0, clock=clock)
    for _ in range(2):
        await ask(breaker)
    clock.now = 10.0
    trying = asyncio.create_task(ask(breaker))
    await asyncio.sleep(0.01)
    assert state_of(breaker) == "half_open"
    assert await ask(breaker) == "ModelResting"
    assert len(slow.requests) == 3, "a second call must not try besides"
    trying.cancel()
    await asyncio.wait([trying])
    assert state_of(breaker) == "half_open"
    assert await ask(breaker) == "well"


@pytest.mark.parametrize(
    "failure",
    [
        ModelRefused("400"),
        ContextTooLong("413"),
        ModelOverloaded("429"),
        ModelBusy("our own line"),
        ModelError("what else"),
    ],
)
async def test_an_answer_that_refuses_the_request_does_not_open_it(failure: ModelError) -> None:
    breaker = Breaker(Failing([failure] * 5), [Breaker(failures([]))], failures=2)
    for _ in range(5):
        await ask(breaker)
    assert state_of(breaker) == "closed"
    assert await ask(breaker) == "done"


async def test_a_wrong_key_does_not_open_it() -> None:
    wrong = ModelUnavailable("401")
    wrong.retryable = False
    breaker = Breaker(Failing([wrong] * 5), [Breaker(failures([]))], failures=2)
    for _ in range(5):
        await ask(breaker)
    assert state_of(breaker) == "closed"


async def test_a_server_that_breaks_off_every_answer_in_the_middle_opens_it() -> None:
    inner = Failing([ModelUnavailable("broke off")] * 5, after=3)
    breaker = Breaker(inner, [Breaker(failures([]))], failures=2)
    assert [await ask(breaker) for _ in range(3)] == ["ModelUnavailable", "ModelUnavailable", "ModelResting"]
    assert inner.calls == 2


async def test_an_answer_that_came_to_its_end_ends_the_row_of_failures() -> None:
    inner = Failing([ModelUnavailable("broke off")], after=2)
    breaker = Breaker(inner, [Breaker(failures([]))], failures=2)
    assert [await ask(breaker) for _ in range(2)] == ["ModelUnavailable", "aadone"]
    inner.failures = [ModelUnavailable("broke off")]
    await ask(breaker)
    assert state_of(breaker) == "closed"


async def test_a_try_that_speaks_lets_the_others_try_as_well_and_closes_it_at_its_end() -> None:
    clock = Clock()
    inner = Failing([ModelUnavailable("x")] * 2, after=1)
    breaker = Breaker(inner, [Breaker(failures([]))], failures=2, rest=10.0, clock=clock)
    for _ in range(2):
        await ask(breaker)
    clock.now = 10.0
    long = breaker.stream(ASK)
    assert (await anext(long)).text == "a"
    assert state_of(breaker) == "half_open", "it may still break off"
    inner.failures = [ModelUnavailable("x")]
    assert await ask(breaker) == "ModelUnavailable"
    assert await ask(breaker) == "ModelResting"
    assert [chunk.text async for chunk in long] == ["done"]
    assert state_of(breaker) == "closed"


async def test_a_refusal_of_a_breaker_further_in_says_nothing_of_the_server() -> None:
    inner = Failing([ModelUnavailable("x"), ModelResting("not asked"), ModelUnavailable("x")])
    breaker = Breaker(inner, [Breaker(failures([]))], failures=2)
    for _ in range(3):
        await ask(breaker)
    assert state_of(breaker) == "open"


async def test_a_line_of_ours_that_is_full_says_nothing_of_the_server() -> None:
    inner = Failing([ModelUnavailable("x"), ModelBusy("full"), ModelUnavailable("x")])
    breaker = Breaker(inner, [Breaker(failures([]))], failures=2)
    for _ in range(3):
        await ask(breaker)
    assert state_of(breaker) == "open"


@pytest.mark.parametrize("unheard", [NoMemory("full", model="m"), RuntimeError("a template that cannot be filled in")])
async def test_a_call_that_no_model_heard_of_neither_counts_nor_ends_the_row_nor_delays_the_next_try(
    unheard: Exception,
) -> None:
    clock = Clock()
    failing = Failing([ModelUnavailable("no", model="m"), unheard, ModelUnavailable("no", model="m"), unheard])
    breaker = Breaker(failing, [Breaker(Scripted("other", "well"))], failures=2, rest=10.0, clock=clock)
    for now, expected in ((0, "closed"), (0, "closed"), (0, "open"), (11, "half_open")):
        clock.now = now
        with pytest.raises(type(unheard) if failing.failures[0] is unheard else ModelUnavailable):
            await collect(breaker.stream(ASK))
        assert state_of(breaker) == expected
    assert await ask(breaker) == "done", "it may be tried at once"


async def test_a_server_that_says_it_is_full_is_alive() -> None:
    inner = failures([ModelUnavailable, ModelOverloaded, ModelUnavailable])
    breaker = Breaker(inner, [Breaker(failures([]))], failures=2)
    for _ in range(3):
        await ask(breaker)
    assert state_of(breaker) == "closed"


async def test_the_only_model_is_always_asked() -> None:
    inner = failures([ModelUnavailable] * 20)
    breaker = Breaker(inner, failures=2, rest=1000.0)
    for _ in range(20):
        assert await ask(breaker) == "ModelUnavailable"
    assert inner.calls == 20
    assert state_of(breaker) == "open"
    assert breaker.waiting == Waiting(), "nobody waits for what is not refused"
    assert await ask(breaker) == "done"
    assert state_of(breaker) == "closed"


async def test_while_all_models_fail_all_are_asked_and_one_that_recovers_takes_over() -> None:
    fellows: list[Breaker] = []
    first, second = failures([ModelUnavailable] * 6), failures([ModelUnavailable] * 3)
    one, two = (Breaker(inner, fellows, failures=2, rest=1000.0) for inner in (first, second))
    for breaker in (one, one, one, two, two, two):
        await ask(breaker)
    assert (first.calls, second.calls) == (2, 3), "the first one rests until the second has failed as well"
    assert await ask(one) == "ModelUnavailable"
    assert first.calls == 3
    assert await ask(two) == "done"
    assert await ask(one) == "ModelResting"
    assert first.calls == 3, "now there is another one to ask"


async def test_a_model_that_is_gone_is_no_fellow_any_more() -> None:
    fellows: list[Breaker] = []
    gone, inner = Breaker(failures([]), fellows), failures([ModelUnavailable] * 3)
    breaker = Breaker(inner, fellows, failures=2, rest=1000.0)
    await gone.close()
    for _ in range(3):
        await ask(breaker)
    assert inner.calls == 3


async def test_the_state_of_a_model_can_be_read_through_all_that_stands_around_it() -> None:
    inner = failures([ModelUnavailable] * 5)
    limited = limit(inner, ModelSpec("x", retries=0), [Breaker(failures([]))])
    assert states(limited) == ModelState("f", "closed", 0, 0, 0.0, True)
    for _ in range(5):
        with pytest.raises(ModelUnavailable):
            await collect(limited.stream(ASK))
    found = states(limited)
    assert found.breaker == "open"
    assert 9.0 < found.seconds <= 10.0
