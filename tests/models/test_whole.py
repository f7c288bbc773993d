"""A call whose pieces nobody reads comes in one piece: the loop is woken once, and the reply is the one of a stream."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any  # what the loop is asked to call

import pytest

from models.backend import ModelSpec, connect
from models.errors import ModelUnavailable
from models.in_process import InProcess
from models.types import Chunk, Message, Reply, Request, reply_of
from tests.models.tiny import write_tiny

STREAMED = Request((Message("user", "Hello?"),), max_tokens=60, temperature=0.7, seed=8)
WHOLE = replace(STREAMED, whole=True)


@pytest.fixture(scope="module")
def near(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    backend = connect("tiny", ModelSpec("in_process", path=str(write_tiny(tmp_path_factory.mktemp("tiny")))))
    assert isinstance(backend, InProcess)
    yield backend
    asyncio.run(backend.close())


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many requests were told something, each time that the model's thread woke the running loop."""
    told: list[int] = []
    loop_of = asyncio.SelectorEventLoop
    plain = loop_of.call_soon_threadsafe

    def counted(self: Any, callback: Any, *given: Any, context: Any = None) -> Any:
        if callback.__name__ == "_hear_all":
            told.append(len(given[0]))
        return plain(self, callback, *given, context=context)

    monkeypatch.setattr(loop_of, "call_soon_threadsafe", counted)
    return told


async def pieces(near: InProcess, request: Request) -> list[Chunk]:
    return [chunk async for chunk in near.stream(request)]


async def say(near: InProcess, request: Request) -> Reply:
    return reply_of(await pieces(near, request))


async def test_the_loop_is_woken_once_and_the_reply_is_that_of_a_stream(near: InProcess, woken: list[int]) -> None:
    streamed = await say(near, replace(STREAMED, stop=("\0",)))  # looked at after each token
    each = len(woken)
    woken.clear()
    whole = await say(near, WHOLE)
    assert woken == [1]
    assert each == streamed.usage.completion_tokens > 10
    assert (whole.text, whole.finish_reason) == (streamed.text, streamed.finish_reason)
    assert whole.usage.completion_tokens == streamed.usage.completion_tokens
    assert whole.usage.gpu_seconds


async def test_log_probabilities_are_all_there(near: InProcess) -> None:
    asked = replace(STREAMED, logprobs=True, top_logprobs=2, max_tokens=9)
    streamed, whole = await say(near, asked), await say(near, replace(asked, whole=True))
    assert [entry.token for entry in whole.logprobs] == [entry.token for entry in streamed.logprobs]
    assert [entry.logprob for entry in whole.logprobs] == pytest.approx([one.logprob for one in streamed.logprobs])
    assert {len(entry.top) for entry in whole.logprobs} == {2}


async def test_a_stop_string_ends_it_at_the_step_that_completes_it(near: InProcess, woken: list[int]) -> None:
    text = (await say(near, STREAMED)).text
    before, stop, _ = text.partition("Ee'F")
    woken.clear()
    reply = await say(near, replace(WHOLE, stop=("\0", stop)))
    assert woken == [1]
    assert (reply.text, reply.finish_reason) == (before, "stop")
    needed = replace(WHOLE, max_tokens=reply.usage.completion_tokens)
    assert (await say(near, needed)).text == before + stop
    await say(near, replace(WHOLE, max_tokens=2))  # a place is free from the next step on
    assert near._seat.batcher.load == 0


async def test_stop_strings_that_never_come_change_nothing(near: InProcess, woken: list[int]) -> None:
    plain = await say(near, WHOLE)
    woken.clear()
    assert (await say(near, replace(WHOLE, stop=("\0", "\1\1")))).text == plain.text
    assert woken == [1]


async def test_giving_it_up_frees_its_place_at_once(near: InProcess) -> None:
    sampler = near._seat.batcher.sampler
    await say(near, replace(WHOLE, max_tokens=2))
    task = asyncio.create_task(say(near, replace(WHOLE, max_tokens=100)))
    beside = near.stream(replace(STREAMED, stop=("\0",)))
    await anext(beside)
    await anext(beside)
    await beside.aclose()
    with near._seat.pause():
        task.cancel()
        await asyncio.wait([task])
        written = sampler.tokens
    await say(near, replace(WHOLE, max_tokens=2))
    own = len("u:Hello?\na:") + 1
    assert sampler.tokens - written <= own + 1  # the step that was being prepared still has it
    assert near._seat.batcher.load == 0


async def test_a_stream_beside_it_comes_piece_by_piece(near: InProcess) -> None:
    beside = [asyncio.create_task(say(near, WHOLE)) for _ in range(4)]
    seen = [chunk.text async for chunk in near.stream(replace(STREAMED, stop=("\0",)))]
    whole = [await task for task in beside]
    assert len([piece for piece in seen if piece]) > 10
    assert {reply.text for reply in whole} == {"".join(seen)}


async def test_it_fails_at_once_when_the_model_is_closed(tmp_path: Any) -> None:
    backend = connect("brief", ModelSpec("in_process", path=str(write_tiny(tmp_path))))
    assert isinstance(backend, InProcess)
    with backend._seat.pause():
        task = asyncio.create_task(say(backend, replace(WHOLE, max_tokens=110)))
        await asyncio.sleep(0.01)
        closing = asyncio.create_task(backend.close())
        await asyncio.sleep(0.05)
    await closing
    async with asyncio.timeout(5):
        with pytest.raises(ModelUnavailable):
            await task


def test_requests_that_differ_in_nothing_else_are_equal() -> None:
    assert WHOLE == STREAMED
    assert replace(WHOLE, seed=6).whole
