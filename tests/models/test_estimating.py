"""What a call took is estimated where nobody counted it: whoever leaves early has taken something all the same."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from models.backend import Backend, ModelSpec, connect
from models.errors import BudgetExceeded, ModelUnavailable
from models.estimating import estimate
from models.limits import limit
from models.scripted import Scripted
from models.types import Chunk, Message, Part, Reply, Request, Usage
from store.rows import rows_of
from strategies.core import Budget, Called, Context, Query
from strategies.core.events import RunEvent
from tests.models.fake_openai import fake_openai
from tests.strategies.stage import WordEmbedder

ASK = Request((Message("system", "Be kind."), Message("user", "How are you today, my friend?")))
PROMPT = 10  # a fourth of 37 characters


class Endless(Scripted):
    """Says four letters again and again, then does what `then` says."""

    def __init__(self, then: str = "go on", pieces: int = 3) -> None:
        super().__init__("endless", "")
        self._then, self._pieces = then, pieces

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        for _ in range(self._pieces):
            yield Chunk("word")
        if self._then == "break":
            raise ModelUnavailable("gone", model=self.name)
        await asyncio.sleep(30)


async def called(model: Scripted, seconds: float | None = None) -> Called:
    """The only call, which is given up after a while."""
    told: list[RunEvent] = []
    spec = ModelSpec("x", usd_per_1m_in=1e6, usd_per_1m_out=2e6, gpu_seconds_per_1k=1000.0, retries=0)
    ctx = Context(Query(ASK, (await WordEmbedder().embed(["so"]))[0]), limit(model, spec), told.append)
    ctx.budget = Budget(seconds=seconds)
    work = asyncio.create_task(ctx.answer())
    done, _ = await asyncio.wait([work], timeout=0.3)
    work.cancel()
    with pytest.raises((asyncio.CancelledError, BudgetExceeded, ModelUnavailable)):
        await work
    assert bool(done) is (seconds is not None or model.__dict__.get("_then") == "break")
    (call,) = [event for event in told if isinstance(event, Called)]
    return call


@pytest.mark.parametrize(("pieces", "words"), [(3, 3), (0, 0)])
@pytest.mark.parametrize("seconds", [None, 0.1])
async def test_a_call_that_was_given_up_costs_what_was_asked_and_what_came(
    pieces: int, words: int, seconds: float | None
) -> None:
    call = await called(Endless(pieces=pieces), seconds)
    assert call.reply is not None
    usage = call.reply.usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.estimated) == (PROMPT, words, True)
    assert (usage.usd, usage.gpu_seconds) == (PROMPT + 2 * words, PROMPT + words)
    assert usage.seconds > 0
    ((_, row),) = rows_of("chatcmpl-x", call, 0, 0.0, "words")
    assert (row["prompt_tokens"], row["rest"]["estimated"]) == (PROMPT, True)


async def both(room: Backend, told: list[RunEvent]) -> list[asyncio.Task[Reply]]:
    """Two runs that ask at once."""
    query = Query(ASK, (await WordEmbedder().embed(["so"]))[0])
    return [asyncio.create_task(Context(query, room, told.append).answer()) for _ in range(2)]


async def test_a_call_that_was_given_up_before_its_turn_costs_nothing() -> None:
    room = limit(Endless(), ModelSpec("x", usd_per_1m_in=1e6, concurrency=1))
    told: list[RunEvent] = []
    calls = await both(room, told)
    await asyncio.sleep(0.1)
    for call in calls:
        call.cancel()
    await asyncio.wait(calls)
    first, second = sorted((one for one in told if isinstance(one, Called)), key=lambda one: one.reply is None)
    assert first.reply is not None
    assert first.reply.usage.usd == PROMPT
    assert second.reply is None


async def test_a_turn_that_was_waited_for_is_told_apart_from_the_models_own_time() -> None:
    room = limit(Scripted("m", "one two three", pace=0.1), ModelSpec("x", concurrency=1))
    told: list[RunEvent] = []
    await asyncio.wait(await both(room, told))
    first, second = (one for one in told if isinstance(one, Called))
    assert first.waited == 0.0
    assert second.waited == pytest.approx(first.seconds, rel=0.5)
    assert second.seconds - second.waited == pytest.approx(first.seconds, rel=0.5)


async def test_a_call_that_breaks_in_a_way_of_its_own_is_told_with_its_error() -> None:
    def say(request: Request) -> str:
        raise KeyError("oops")

    told: list[RunEvent] = []
    ctx = Context(Query(ASK, (await WordEmbedder().embed(["so"]))[0]), Scripted("m", say), told.append)
    with pytest.raises(KeyError):
        await ctx.answer()
    (call,) = [event for event in told if isinstance(event, Called)]
    assert (call.error, call.reply) == ("KeyError: 'oops'", None)


async def test_an_answer_that_broke_off_costs_and_one_that_never_began_costs_nothing() -> None:
    broken = await called(Endless("break"))
    assert broken.reply is not None
    assert broken.reply.usage.prompt_tokens == PROMPT
    assert (await called(Endless("break", pieces=0))).reply is None


async def test_a_server_that_counts_nothing_is_estimated_and_one_that_counts_is_believed() -> None:
    with fake_openai() as server:
        spec = ModelSpec("remote", model="openai/far", api_base=server.url, usd_per_1m_in=1e6)
        backend = limit(connect("far", spec), spec)
        usages = []
        for server.counts in (True, False):
            ctx = Context(Query(ASK, (await WordEmbedder().embed(["so"]))[0]), backend, lambda _: None)
            usages.append((await ctx.answer()).usage)
        await backend.close()
    assert [(one.prompt_tokens, one.completion_tokens, one.estimated) for one in usages] == [
        (7, 2, False),
        (PROMPT, 3, True),
    ]
    assert [one.usd for one in usages] == [7, PROMPT]


def test_calls_of_tools_are_counted_whatever_a_client_makes_of_them() -> None:
    calls: tuple[Part, ...] = (
        {"function": "x"},
        {"function": {"name": "look", "arguments": None}},
        {"function": None},
        {},
    )
    asked = Request((Message("assistant", "", tool_calls=calls), Message("user", "four")))
    assert estimate(asked, Reply("four"), 0.0).prompt_tokens == 2


def test_a_sum_is_estimated_if_a_part_of_it_is() -> None:
    assert (Usage(1, 1, estimated=True) + Usage(2, 2)).estimated
    assert (Usage(1, 1) + Usage(2, 2, estimated=True)).estimated
    assert not (Usage(1, 1) + Usage(2, 2)).estimated
