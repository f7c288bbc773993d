"""The scripted model: what it says, how it streams and what its settings may be."""

import asyncio
from typing import Any  # settings as they stand in a file

import pytest

from models.backend import ModelSpec, connect
from models.errors import BadSettings, ModelRefused
from models.scripted import Scripted
from models.types import Message, Request, collect


def asking(text: str, **parameters: Any) -> Request:
    return Request((Message("user", text),), **parameters)


async def test_it_streams_word_by_word_and_counts_words() -> None:
    model = Scripted("s", "one two  three\n")
    chunks = [chunk async for chunk in model.stream(asking("a b"))]
    assert [chunk.text for chunk in chunks] == ["one", " two", "  three", "\n", ""]
    usage = chunks[-1].usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens) == (2, 4)


async def test_it_answers_from_functions_plain_or_async_and_keeps_the_requests() -> None:
    async def later(request: Request) -> str:
        await asyncio.sleep(0)
        return request.messages[-1].text.upper()

    model = Scripted("s", later)
    assert (await collect(model.stream(asking("hello")))).text == "HELLO"
    assert (await collect(Scripted("s", lambda r: str(r.seed)).stream(asking("x", seed=4)))).text == "4"
    assert [request.messages[0].text for request in model.requests] == ["hello"]


async def test_a_list_is_said_in_turn_and_its_last_text_stays() -> None:
    model = Scripted("s", ["first", "then"])
    assert [(await collect(model.stream(asking("x")))).text for _ in range(3)] == ["first", "then", "then"]


async def test_max_tokens_and_stops_cut_the_answer() -> None:
    model = Scripted("s", "one two three")
    short = await collect(model.stream(asking("x", max_tokens=2)))
    assert (short.text, short.finish_reason) == ("one two", "length")
    assert (await collect(model.stream(asking("x", stop=("thr", "two"))))).text == "one "


async def test_leaving_early_is_noticed() -> None:
    model = Scripted("s", "one two three", pace=0.01)
    stream = model.stream(asking("x"))
    await anext(stream)
    assert model.running == 1
    await stream.aclose()
    assert (model.running, model.closed_early) == (0, 1)


async def test_rules_from_the_settings_are_tried_in_order() -> None:
    spec = ModelSpec("scripted", extra={"replies": {"capital of (\\w+)": "Paris", "\\d": "a number"}, "reply": "hm"})
    model = connect("s", spec)
    said = [(await collect(model.stream(asking(q)))).text for q in ("The CAPITAL of France 1?", "12", "why")]
    assert said == ["Paris", "a number", "hm"]


async def test_a_question_without_a_rule_is_refused() -> None:
    model = connect("s", ModelSpec("scripted", extra={"replies": {"a": "b"}}))
    with pytest.raises(ModelRefused, match="'zzz'"):
        await collect(model.stream(asking("zzz")))


@pytest.mark.parametrize("extra", [{}, {"reply": 3}, {"replies": "x"}, {"replies": {"(": "x"}}])
def test_settings_that_say_nothing_useful_are_bad(extra: dict[str, Any]) -> None:
    with pytest.raises(BadSettings, match=r"models\.s"):
        connect("s", ModelSpec("scripted", extra=extra))
