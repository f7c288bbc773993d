"""`POST /v1/chat/completions`: OpenAI's chat completions, answered by the arm that the router picks."""

from contextlib import aclosing

from fastapi import APIRouter, Request
from fastapi.responses import Response

from service.account import Account
from service.asking import decided
from service.following import follow, while_there
from service.house import House, HouseOf
from service.json_reply import JsonReply
from service.streaming import EventStream, events_of
from service.wire import ChatBody

KEEP_ALIVE = 10.0
"""Seconds of silence after which a comment is sent, so that no proxy takes the line for dead."""

PATH = "/v1/chat/completions"

router = APIRouter(tags=["openai"])


@router.post(PATH)
async def complete(body: ChatBody, request: Request, house: HouseOf) -> Response:
    """Answer a conversation, whole or streamed; `model` is auto, auto@STRATEGY, MODEL or STRATEGY@MODEL."""
    with house.runs.one():  # from here to the first piece, or the end, the house stays open
        return await while_there(request.receive, _answer(body, request, house))


async def _answer(body: ChatBody, request: Request, house: House) -> Response:
    """The whole answer, or a stream that has begun. A run counts itself as long as it goes."""
    decision = await decided(body, request, house)
    account = Account(decision, request.state.begun)
    run = house.run(decision)
    if body.stream:
        with_usage = body.stream_options is not None and bool(body.stream_options.include_usage)
        pieces = events_of(follow(run, KEEP_ALIVE), account, with_usage=with_usage)
        first = await anext(pieces)
        overhead = account.overhead(streaming=True)
        house.metrics.overhead.observe(overhead)
        return EventStream(first, pieces, account.headers(overhead))
    async with aclosing(run) as events:
        async for event in events:
            account.take(event)
    overhead = account.overhead(streaming=False)
    house.metrics.overhead.observe(overhead)
    return JsonReply(account.completion(), headers=account.headers(overhead))
