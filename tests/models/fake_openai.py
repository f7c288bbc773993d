"""A fake OpenAI server on a real socket: says what a test tells it to say, and notices when a client hangs up."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any  # JSON as it comes

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route


@dataclass(slots=True)
class FakeOpenAI:
    """What the server says and what it saw. `status` other than 200 is an error with `headers`; `hang` is in seconds.

    `deltas` are the pieces of the answer, as OpenAI's `delta` objects or texts, `pace` seconds apart; without `counts`,
    no usage comes behind them.
    """

    url: str = ""
    deltas: list[Any] = field(default_factory=lambda: ["Hello", " there"])
    logprobs: list[Any] = field(default_factory=list)
    finish_reason: str = "stop"
    status: int = 200
    message: str = "no"
    headers: dict[str, str] = field(default_factory=dict)
    failures: int = 10**9
    hang: float = 0.0
    pace: float = 0.0
    counts: bool = True
    bodies: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    asked: threading.Event = field(default_factory=threading.Event)
    hung_up: threading.Event = field(default_factory=threading.Event)

    async def answer(self, request: Request) -> Response:
        self.bodies.append(await request.json())
        self.keys.append(request.headers.get("authorization", ""))
        self.asked.set()
        await self._wait(request, self.hang)
        if self.status != 200 and self.failures > 0:
            self.failures -= 1
            error = {"error": {"message": self.message, "type": "fake", "code": self.status}}
            return JSONResponse(error, self.status, self.headers)
        return StreamingResponse(self._events(request), media_type="text/event-stream")

    async def _events(self, request: Request) -> AsyncIterator[str]:
        try:
            for i, delta in enumerate(self.deltas):
                await asyncio.sleep(self.pace)
                piece = {"content": delta} if isinstance(delta, str) else delta
                choice: dict[str, Any] = {"index": 0, "delta": piece, "finish_reason": None}
                if i < len(self.logprobs):
                    choice["logprobs"] = {"content": [self.logprobs[i]]}
                yield _event([choice])
            yield _event([{"index": 0, "delta": {}, "finish_reason": self.finish_reason}])
            usage = {"prompt_tokens": 7, "completion_tokens": len(self.deltas), "total_tokens": 7 + len(self.deltas)}
            if self.counts:
                yield _event([], usage)
            yield "data: [DONE]\n\n"
        except asyncio.CancelledError:
            self.hung_up.set()
            raise

    async def _wait(self, request: Request, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if await request.is_disconnected():
                self.hung_up.set()
                return
            await asyncio.sleep(0.01)


@contextmanager
def fake_openai() -> Iterator[FakeOpenAI]:
    """The server, running in a thread on a free port until the block is left."""
    fake = FakeOpenAI()
    app = Starlette(routes=[Route("/v1/chat/completions", fake.answer, methods=["POST"])])
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, access_log=False, lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.005)
        port = server.servers[0].sockets[0].getsockname()[1]
        fake.url = f"http://127.0.0.1:{port}/v1"
        yield fake
    finally:
        server.force_exit = server.should_exit = True
        thread.join(10)


def _event(choices: list[dict[str, Any]], usage: dict[str, int] | None = None) -> str:
    body = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "fake", "choices": choices}
    return f"data: {json.dumps(body | ({'usage': usage} if usage else {}))}\n\n"
