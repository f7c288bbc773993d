"""`POST /v1/chat/completions`: OpenAI's chat completions, answered by the arm that the router picks."""

from contextlib import aclosing

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from service.account import Account
from service.following import follow, while_there
from service.house import HouseOf
from service.streaming import EventStream, events_of
from service.wire import ChatBody

KEEP_ALIVE = 10.0
"""Seconds of silence after which a comment is sent, so that no proxy takes the line for dead."""

router = APIRouter(tags=["openai"])


@router.post("/v1/chat/completions")
async def complete(body: ChatBody, request: Request, house: HouseOf) -> Response:
    """Answer a conversation, whole or streamed; `model` is auto, auto@STRATEGY, MODEL or STRATEGY@MODEL."""
    decision = await house.engine.decide(body.request(), body.model, body.wish.constraints(), body.wish.conversation)
    account = Account(decision, request.state.begun)
    run = house.run(decision)
    if body.stream:
        with_usage = body.stream_options is not None and body.stream_options.include_usage
        pieces = events_of(follow(run, KEEP_ALIVE), account, with_usage=with_usage)
        first = await while_there(request.receive, anext(pieces))
        overhead = account.overhead(streaming=True)
        house.metrics.overhead.observe(overhead)
        return EventStream(first, pieces, account.headers(overhead))

    async def read() -> None:
        async with aclosing(follow(run)) as events:
            async for event in events:
                if event is not None:
                    account.take(event)

    await while_there(request.receive, read())
    overhead = account.overhead(streaming=False)
    house.metrics.overhead.observe(overhead)
    return JSONResponse(account.completion(), headers=account.headers(overhead))
