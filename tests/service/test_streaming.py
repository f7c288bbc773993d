"""Events to server-sent events: roles, notes, silence, tool calls, errors before and after the first piece."""

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any  # JSON

import pytest

from models.errors import ModelTimeout, ModelUnavailable, NoArmLeft
from models.types import Reply, Usage
from router.types import Arm, Decided, Ended, Event, Outcome
from service.account import Account
from service.errors import ClientLeft, fault_of
from service.following import Runs, follow, while_there
from service.responses_api import _frame, _pieces
from service.responses_body import ResponsesBody
from service.streaming import events_of
from strategies.core import Answered, Failed, Noted, Token
from tests.service.test_wire import decision

DECISION = decision()
BROKEN = ModelUnavailable("gone", model="m")


def ended(status: str = "ok") -> Ended:
    """The last event."""
    return Ended(Outcome("chatcmpl-1", Arm("m", "direct"), Usage(3, 2), 0.5, 1, status), DECISION)


async def run_of(*steps: Event | Exception | float) -> AsyncGenerator[Event, None]:
    """A run that yields events, raises exceptions, and waits so many seconds."""
    for step in steps:
        if isinstance(step, Exception):
            raise step
        if isinstance(step, float):
            await asyncio.sleep(step)
        else:
            yield step


async def pieces(*steps: Event | Exception | float, silence: float | None = None, usage: bool = False) -> list[str]:
    """What the client reads of such a run."""
    account = Account(DECISION, 0.0)
    stream = events_of(follow(run_of(*steps), silence), account, with_usage=usage)
    return [piece.decode().removesuffix("\n\n") async for piece in stream]


def data(piece: str) -> dict[str, Any]:
    """The JSON of a piece."""
    value: dict[str, Any] = json.loads(piece.removeprefix("data: "))
    return value


async def test_role_first_then_pieces_then_the_reason_and_done() -> None:
    told = await pieces(
        Decided(DECISION),
        Token("a"),
        Token("b", reasoning="hm"),
        Answered(Reply("ab", finish_reason="length")),
        ended(),
    )
    deltas = [data(piece)["choices"][0]["delta"] for piece in told[:-1]]
    assert deltas == [
        {"role": "assistant", "content": ""},
        {"content": "a"},
        {"content": "b", "reasoning_content": "hm"},
        {},
    ]
    assert data(told[-2])["choices"][0]["finish_reason"] == "length"
    assert data(told[-2])["pointsman"]["calls"] == 1
    assert told[-1] == "data: [DONE]"


async def test_usage_comes_last_when_it_is_wanted() -> None:
    told = await pieces(Decided(DECISION), Token("a"), Answered(Reply("a")), ended(), usage=True)
    assert data(told[-2])["choices"] == []
    assert data(told[-2])["usage"] == {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    assert "pointsman" in data(told[-2])
    assert "pointsman" not in data(told[-3])


async def test_notes_are_comments_of_one_line() -> None:
    told = await pieces(Noted("two\nlines\n\ndata: x"), Token("a"), Answered(Reply("a")), ended())
    assert told[0] == ": two lines data: x"


async def test_silence_is_filled_with_comments() -> None:
    told = await pieces(0.15, Token("a"), Answered(Reply("a")), ended(), silence=0.05)
    assert told[0] == ": still working"
    assert "a" in data(told[3])["choices"][0]["delta"]["content"] or len(told) > 4


async def test_an_answer_without_words_still_has_its_role() -> None:
    told = await pieces(Decided(DECISION), Answered(Reply("")), ended())
    assert data(told[0])["choices"][0]["delta"]["role"] == "assistant"


async def test_tool_calls_without_an_index_get_one() -> None:
    calls = ({"id": "a", "function": {}}, {"id": "b", "function": {}})
    told = await pieces(Token(tool_calls=calls), Token(tool_calls=calls[:1]), Answered(Reply("")), ended())
    indices = [c["index"] for p in told[1:3] for c in data(p)["choices"][0]["delta"]["tool_calls"]]
    assert indices == [0, 1, 2]


async def test_an_error_before_the_first_piece_is_raised_even_after_a_fallback() -> None:
    with pytest.raises(NoArmLeft):
        await pieces(Decided(DECISION), Failed(BROKEN), Noted("m failed"), ended("failed"), NoArmLeft("no", (BROKEN,)))


async def test_an_error_after_the_first_piece_is_sent_and_ends_the_stream() -> None:
    told = await pieces(Decided(DECISION), Token("a"), Failed(BROKEN), ended("failed"), BROKEN)
    assert data(told[-1])["error"] == {"message": "gone", "type": "server_error", "param": None, "code": "model_error"}


async def test_a_response_that_fails_while_it_was_only_kept_alive_was_created_first() -> None:
    account = Account(DECISION, 0.0)
    run = run_of(Decided(DECISION), 0.2, Failed(BROKEN), ended("failed"), BROKEN)
    stream = _pieces(follow(run, 0.02), account, _frame(ResponsesBody(input="Hm?")))
    parts = b"".join([piece async for piece in stream]).decode().split("\n\n")
    assert parts[0] == ": still working"
    events = [data(part.partition("\n")[2]) for part in parts if part.startswith("event")]
    assert [event["type"] for event in events] == ["response.created", "response.in_progress", "response.failed"]
    assert [event["sequence_number"] for event in events] == [0, 1, 2]


async def test_closing_a_followed_run_cancels_it_and_waits() -> None:
    closed = []

    async def run() -> AsyncGenerator[Event, None]:
        try:
            yield Token("a")
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            closed.append(True)

    events = follow(run())
    assert isinstance(await anext(events), Token)
    await events.aclose()
    assert closed == [True]


async def test_work_ends_when_the_client_leaves() -> None:
    async def receive() -> dict[str, str]:
        await asyncio.sleep(0.02)
        return {"type": "http.disconnect"}

    fate = []

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            fate.append("cancelled")
            raise

    with pytest.raises(ClientLeft):
        await while_there(receive, work())
    assert fate == ["cancelled"]


async def test_work_that_ends_first_gives_its_result_or_its_error() -> None:
    async def receive() -> dict[str, str]:
        await asyncio.sleep(60)
        return {}

    async def good() -> int:
        return 7

    async def bad() -> int:
        raise BROKEN

    assert await while_there(receive, good()) == 7
    with pytest.raises(ModelUnavailable):
        await while_there(receive, bad())


@pytest.mark.parametrize(
    ("causes", "status"),
    [((BROKEN,), 502), ((BROKEN, ModelTimeout("late")), 502), ((ModelTimeout("late"),), 504), ((), 502)],
)
def test_the_status_is_the_one_that_all_causes_share(causes: Any, status: int) -> None:
    assert fault_of(NoArmLeft("no", causes)).status == status


async def test_nothing_is_closed_under_a_run() -> None:
    runs = Runs()
    await runs.ended(0.01)
    order = []

    async def one() -> None:
        with runs.one():
            await asyncio.sleep(0.05)
            order.append("run")

    async with asyncio.TaskGroup() as group:
        group.create_task(one())
        group.create_task(one())
        await asyncio.sleep(0)
        await runs.ended(10)
        order.append("closed")
    assert order == ["run", "run", "closed"]
