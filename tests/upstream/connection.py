"""One connection to the stub upstream: HTTP/1.1 parsed by hand, one request after another, and when the client left."""

import asyncio
import json
import re
import socket
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any  # Any: JSON

from tests.upstream import replies
from tests.upstream.behaviour import Behaviour, Fault

if TYPE_CHECKING:
    from tests.upstream.server import Seen, Upstream

LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
CLOSE = re.compile(rb"\r\nconnection:\s*close", re.IGNORECASE)
CONTINUE = re.compile(rb"\r\nexpect:\s*100-continue", re.IGNORECASE)
HALVES: tuple[Fault, ...] = ("hang_midstream", "truncate")


class Connection(asyncio.Protocol):
    """Reads requests and answers each; what needs no waiting is written at once, without a task."""

    def __init__(self, upstream: "Upstream") -> None:
        self._upstream = upstream
        self._buffer = bytearray()
        self._asked: Seen | None = None
        self._task: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport
        self._last = False
        self._continued = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client came."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        # asyncio itself does so only for sockets that were made with the protocol's number
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._upstream.came(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """It left; a request that is not answered to its end counts as aborted."""
        self._upstream.left(self)
        if (asked := self._asked) is not None:
            self._end()
            asked.aborted = time.monotonic()
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        """More of a request; a second one waits in the buffer until the first is answered."""
        self._buffer += data
        while self._asked is None and self._buffer and not self._transport.is_closing():
            if not self._take():
                return

    def abort(self) -> None:
        """Drop the connection."""
        self._transport.abort()

    def _take(self) -> bool:
        """Answer the next request of the buffer; False while it is not whole."""
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = bytes(self._buffer[:end])
        found = LENGTH.search(head)
        size = end + 4 + (int(found[1]) if found else 0)
        if len(self._buffer) < size:
            if not self._continued and CONTINUE.search(head):
                self._continued = True
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return False
        body = bytes(self._buffer[end + 4 : size])
        del self._buffer[:size]
        self._last, self._continued = CLOSE.search(head) is not None, False
        self._answer(head, body)
        return True

    def _answer(self, head: bytes, raw: bytes) -> None:
        method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ", 2)
        route = path.partition("?")[0].removeprefix("/v1").rstrip("/")
        try:
            body: dict[str, Any] = json.loads(raw) if raw else {}
        except ValueError:
            body = {}
        self._asked = self._upstream.note(method, path, head, body)
        mode = self._upstream.mode(route, str(body.get("model", "")))
        told, struck = mode.behaviour, mode.strikes()
        fault = told.fault if struck else ""
        if route == "/chat/completions" and method == "POST":
            ask = replies.Ask(
                str(body.get("model", "")), bool((body.get("stream_options") or {}).get("include_usage")), fault
            )
        match method, route:
            case _, _ if struck and told.status != 200:
                whole = replies.error(told.status, f"the stub was told to answer {told.status}", told.retry_after)
            case "GET", "/models":
                whole = replies.models(self._upstream.names)
            case "GET", "/stub/seen":
                whole = replies.plain(200, json.dumps(self._upstream.counts()).encode())
            case "POST", "/embeddings":
                whole = replies.embeddings(body)
            case "POST", "/chat/completions" if body.get("stream"):
                self._task = asyncio.ensure_future(self._stream(told, fault, replies.events(told, ask, body)))
                return
            case "POST", "/chat/completions":
                whole = replies.completion(told, ask, body)
            case _:
                whole = replies.error(404, f"the stub has no {method} {path}")
        if told.delay or fault in ("hang", "close", "split_character", *HALVES):
            self._task = asyncio.ensure_future(self._slowly(told, fault, whole))
        else:
            self._transport.write(whole)
            self._finish()

    async def _slowly(self, told: Behaviour, fault: Fault, whole: bytes) -> None:
        """A plain reply that has to wait or comes in parts."""
        if not await self._begin(told, fault):
            return
        cut = len(whole) * 3 // 4 if fault in HALVES else None
        if fault == "split_character":
            cut = next((i + 1 for i, byte in enumerate(whole) if byte > 0xC0), None)
        self._transport.write(whole[:cut])
        if fault in HALVES:
            await self._leave_off(fault)
        elif cut is not None:
            await asyncio.sleep(0.02)
            self._transport.write(whole[cut:])
        self._finish()

    async def _stream(self, told: Behaviour, fault: Fault, packets: Sequence[bytes]) -> None:
        """Server-sent events, a packet for each."""
        if not await self._begin(told, fault):
            return
        self._transport.write(replies.STREAM_HEAD)
        for packet in packets:
            self._transport.write(packet)
            await asyncio.sleep(0.02 if fault == "split_character" else told.pace)
        if fault in HALVES:
            await self._leave_off(fault)
        self._finish()

    async def _begin(self, told: Behaviour, fault: Fault) -> bool:
        """What comes before the headers; False if they never do."""
        if told.delay:
            await asyncio.sleep(told.delay)
        if fault == "close":
            self._hang_up()
            return False
        if fault == "hang":
            await asyncio.Event().wait()
        return True

    async def _leave_off(self, fault: Fault) -> None:
        """In the middle: silence for ever, or the end of the connection."""
        if fault == "hang_midstream":
            await asyncio.Event().wait()
        self._hang_up()

    def _hang_up(self) -> None:
        self._last = True
        self._finish()

    def _finish(self) -> None:
        """The reply is written; on to the next request, or the end."""
        if self._asked is None:
            return
        self._asked.finished = time.monotonic()
        self._end()
        self._task = None
        if self._last:
            self._transport.close()
        elif self._buffer:
            asyncio.get_running_loop().call_soon(self.data_received, b"")

    def _end(self) -> None:
        self._asked = None
        self._upstream.ended()
