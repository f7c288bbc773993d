"""A server that never stops: what is read of it has an end, and its connection is closed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from models.backend import ModelSpec
from models.errors import ModelUnavailable
from models.events import LONGEST
from models.openai_server import LONGEST_REFUSAL, LONGEST_REPLY, OpenAIServer
from models.types import collect
from tests.models.failing import ASK

PIECE = b"x" * 65536
SLACK = 16 * 2**20
"""Bytes that lie in the buffers of two sockets at most."""


@dataclass(slots=True)
class Endless:
    """Sends a head and then letters until the other side hangs up; `sent` counts their bytes."""

    head: bytes
    url: str = ""
    sent: int = 0
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(self.head)
        try:
            while self.sent < 4 * LONGEST_REPLY:
                writer.write(PIECE)
                await writer.drain()
                self.sent += len(PIECE)
        except ConnectionError:
            self.hung_up.set()
        finally:
            writer.close()


@asynccontextmanager
async def endless(status: str, kind: str) -> AsyncIterator[Endless]:
    """The server on a free port."""
    found = Endless(f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\nconnection: close\r\n\r\n".encode())
    server = await asyncio.start_server(found.answer, "127.0.0.1", 0)
    found.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    async with server:
        yield found


@pytest.mark.parametrize(
    ("status", "kind", "told", "most"),
    [
        ("500 Broken", "text/plain", "answered 500: xxx", LONGEST_REFUSAL),
        ("200 OK", "application/json", "a reply of more than 64 MB", LONGEST_REPLY),
        ("200 OK", "text/event-stream", "an event of more than 16 MB", LONGEST),
    ],
    ids=["refusal", "whole", "stream"],
)
async def test_what_is_read_of_an_answer_without_an_end_has_one(status: str, kind: str, told: str, most: int) -> None:
    async with endless(status, kind) as server:
        model = OpenAIServer("far", ModelSpec("remote", model="m", api_base=server.url, timeout=20))
        with pytest.raises(ModelUnavailable, match=told) as failure:
            await collect(model.stream(ASK))
        assert len(str(failure.value)) < 1000
        async with asyncio.timeout(5):
            await server.hung_up.wait()
        assert server.sent <= most + SLACK
        await model.close()
