"""`POST /v1/responses`: OpenAI's Responses API over the run of a chat completion; its id is the decision's, too."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any  # JSON

from fastapi import APIRouter, Request
from fastapi.responses import Response

from models.errors import PointsmanError
from models.quick_json import dumps
from router.types import Event
from service.account import Account
from service.asking import decided
from service.errors import fault_of
from service.following import follow, while_there
from service.house import House, HouseOf
from service.json_reply import JsonReply
from service.openai_api import KEEP_ALIVE
from service.responses_body import ResponsesBody
from service.responses_events import Output
from service.responses_past import INSTRUCTED, said_before
from service.streaming import EventStream
from strategies.core import Failed, Noted, Token

Json = dict[str, Any]
INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}
"""From a chat completion's reason to this API's."""

router = APIRouter(tags=["openai"])


@router.post("/v1/responses")
async def respond(body: ResponsesBody, request: Request, house: HouseOf) -> Response:
    """Answer an input, whole or streamed. `previous_response_id` goes on from an answer that the log holds."""
    with house.runs.one():  # from here to the first piece, or the end, the house stays open
        return await while_there(request.receive, _answer(body, request, house))


async def _answer(body: ResponsesBody, request: Request, house: House) -> Response:
    """The whole answer, or a stream that has begun. A run counts itself as long as it goes."""
    caller = getattr(request.state, "key", None)
    before = await said_before(house.store.log, body.previous_response_id, getattr(caller, "id", None))
    facts = {} if body.instructions is None else {INSTRUCTED: True}
    decision = await decided(body.chat(before), request, house, facts)
    account, frame = Account(decision, request.state.begun), _frame(body)
    run = house.run(decision)
    if body.stream:
        pieces = _pieces(follow(run, KEEP_ALIVE), account, frame)
        first = await anext(pieces)
        overhead = account.overhead(streaming=True)
        house.metrics.overhead.observe(overhead)
        return EventStream(first, pieces, account.headers(overhead))
    async with aclosing(run) as events:
        async for event in events:
            account.take(event)
    overhead = account.overhead(streaming=False)
    house.metrics.overhead.observe(overhead)
    output = Output(decision.id)
    if account.reply is not None:
        output.take_whole(account.reply)
    return JsonReply(_response(account, frame, output), headers=account.headers(overhead))


async def _pieces(
    run: AsyncGenerator[Event | None, None], account: Account, frame: Json
) -> AsyncGenerator[bytes, None]:
    """The stream in the order of the API's own; an error before the first piece is raised, a later one is an event."""
    begun = created = failed = False
    number, output = 0, Output(account.decision.id)

    def told(event: Mapping[str, Any]) -> bytes:
        nonlocal number
        data = dumps({**event, "sequence_number": number})
        number += 1
        return b"event: %b\ndata: %b\n\n" % (str(event["type"]).encode(), data)

    def opening() -> bytes:
        response = {**frame, **_head(account), "status": "in_progress"}
        return b"".join(told({"type": f"response.{kind}", "response": response}) for kind in ("created", "in_progress"))

    async with aclosing(run) as events:
        try:
            async for event in events:
                if event is None:
                    begun = True
                    yield b": still working\n\n"
                    continue
                account.take(event)
                failed = failed or isinstance(event, Failed)
                if isinstance(event, Noted) and (begun or not failed):
                    begun = True
                    yield f": {' '.join(event.text.split())}\n\n".encode()
                elif isinstance(event, Token):
                    if not created:
                        begun = created = True
                        yield opening()
                    yield b"".join(map(told, output.take(event)))
        except PointsmanError as error:
            if not begun:
                raise
            fault = fault_of(error)
            gone = {"code": fault.code or "server_error", "message": fault.message}
            if not created:
                yield opening()
            response = {**_response(account, frame, output), "status": "failed", "error": gone}
            yield told({"type": "response.failed", "response": response})
            return
    if not created:
        yield opening()
    yield b"".join(map(told, output.close()))
    response = _response(account, frame, output)
    yield told({"type": f"response.{response['status']}", "response": response})


def _frame(body: ResponsesBody) -> Json:
    """What of the request a response repeats."""
    return {
        "error": None,
        "incomplete_details": None,
        "instructions": body.instructions,
        "max_output_tokens": body.max_output_tokens,
        "metadata": body.metadata or {},
        "output": [],
        "parallel_tool_calls": True,
        "previous_response_id": body.previous_response_id,
        "reasoning": {"effort": (body.reasoning or {}).get("effort"), "summary": None},
        "store": True,
        "temperature": body.temperature,
        "text": {"format": (body.text.format if body.text else None) or {"type": "text"}},
        "tool_choice": body.tool_choice or "auto",
        "tools": body.tools or [],
        "top_p": body.top_p,
        "truncation": "disabled",
        "usage": None,
    }


def _head(account: Account) -> Json:
    return {
        "id": account.decision.id,
        "object": "response",
        "created_at": account.created,
        "model": account.arm,
    }


def _response(account: Account, frame: Json, output: Output) -> Json:
    """The response with all that is known at its end."""
    reason = INCOMPLETE.get(account.reply.finish_reason) if account.reply else None
    usage = account.outcome.usage if account.outcome else None
    return {
        **frame,
        **_head(account),
        "status": "completed" if reason is None else "incomplete",
        "incomplete_details": None if reason is None else {"reason": reason},
        "output": output.items,
        "usage": usage
        and {
            "input_tokens": usage.prompt_tokens,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": usage.completion_tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        },
        "pointsman": account.told(),
    }
