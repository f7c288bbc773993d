"""An answer as server-sent events, in the shape of OpenAI's streamed chat completions."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from typing import Any  # JSON

from fastapi.responses import Response
from starlette.types import Receive, Scope, Send

from models.errors import PointsmanError
from models.quick_json import dumps
from router.types import Event
from service.account import Account
from service.errors import ClientLeft, fault_of
from service.following import while_there
from service.wire import logprobs_json, usage_json
from strategies.core import Failed, Noted, Token

KIND = "chat.completion.chunk"
ROLE = {"role": "assistant", "content": ""}


async def events_of(
    run: AsyncGenerator[Event | None, None], account: Account, *, with_usage: bool
) -> AsyncGenerator[bytes, None]:
    """The stream: the role, the pieces, the end with its reason, the usage if wanted, `[DONE]`; notes are comments.

    The last chunk carries the `pointsman` object. An error before the first piece is raised; a later one is sent.
    """
    begun = role_sent = failed = False
    calls = 0  # how many tool calls came whole, that is without an index of their own
    async with aclosing(run) as events:
        try:
            async for event in events:
                if event is None:
                    yield b": still working\n\n"
                    begun = True
                    continue
                account.take(event)
                failed = failed or isinstance(event, Failed)
                if isinstance(event, Noted) and (begun or not failed):  # after a failure the status is open yet
                    yield f": {' '.join(event.text.split())}\n\n".encode()
                    begun = True
                elif isinstance(event, Token):
                    if not role_sent:
                        yield _chunk(account, ROLE)
                        role_sent = True
                    yield _chunk(account, _delta(event, calls), logprobs_json(event.logprobs))
                    calls += sum("index" not in call for call in event.tool_calls)
                    begun = True
        except PointsmanError as error:
            if not begun:
                raise
            yield _data(fault_of(error).body())
            return
    if not role_sent:
        yield _chunk(account, ROLE)
    for piece in _end(account, with_usage):
        yield piece


class EventStream(Response):
    """Sends a stream whose first piece is at hand already; closes the stream when the client leaves."""

    media_type = "text/event-stream"

    def __init__(self, first: bytes, rest: AsyncGenerator[bytes, None], headers: Mapping[str, str]) -> None:
        self.status_code, self.background = 200, None
        self._first, self._rest = first, rest
        self.init_headers({"cache-control": "no-cache", "x-accel-buffering": "no", **headers})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._rest):
            with suppress(ClientLeft):  # the row says so; there is nobody left to tell
                await while_there(receive, self._send(send))

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self._first, "more_body": True})
        async for piece in self._rest:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _delta(token: Token, calls: int) -> dict[str, Any]:
    delta: dict[str, Any] = {}
    if token.text:
        delta["content"] = token.text
    if token.reasoning:
        delta["reasoning_content"] = token.reasoning
    if token.tool_calls:
        delta["tool_calls"] = [{"index": calls + i, **call} for i, call in enumerate(token.tool_calls)]
    return delta


def _end(account: Account, with_usage: bool) -> list[bytes]:
    reason = account.reply.finish_reason if account.reply else "stop"
    finish: dict[str, Any] = _frame(account, {}, None, reason)
    last = finish
    pieces = [finish]
    if with_usage and account.outcome is not None:
        last = {**account.frame(KIND), "choices": [], "usage": usage_json(account.outcome.usage)}
        pieces.append(last)
    last["pointsman"] = account.told()
    return [*(_data(piece) for piece in pieces), b"data: [DONE]\n\n"]


def _chunk(account: Account, delta: Mapping[str, Any], logprobs: dict[str, Any] | None = None) -> bytes:
    return _data(_frame(account, delta, logprobs, None))


def _frame(account: Account, delta: Mapping[str, Any], logprobs: Any, reason: str | None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": reason}
    return {**account.frame(KIND), "choices": [choice]}


def _data(value: Mapping[str, Any]) -> bytes:
    return b"data: %b\n\n" % dumps(value)
