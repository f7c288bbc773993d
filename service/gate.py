"""What every request passes first: its id, its clock, its key, the limits on its body, and the count in the metrics."""

import asyncio
import re
import time
from uuid import uuid4

from prometheus_client import Counter
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.errors import UserError
from service.errors import fault_of
from service.hosts import Hosts
from service.keys import Guard, Passed, UnknownToken
from service.nesting import DEEPEST, is_too_deep

TOO_SLOW = 408
PATIENCE = 8  # times the limit that is read and thrown away, so that the client hears why instead of a broken pipe
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
STALL = 30.0
"""Seconds without a piece of the body after which it is waited for no longer: it holds a place."""
SANE_ID = re.compile(r"[\w.:-]{1,128}")


class Gate:
    """ASGI middleware; plain, so that a client that leaves is noticed at once behind it.

    `state.key` of a request that passes is its Caller.
    """

    def __init__(self, app: ASGIApp, guard: Guard, hosts: Hosts, max_body: int, requests: Counter) -> None:
        self._app, self._guard, self._hosts = app, guard, hosts
        self._max_body, self._requests = max_body, requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if SANE_ID.fullmatch(given) else uuid4().hex
        state = scope.setdefault("state", {})
        state.update(request_id=request_id, begun=time.perf_counter())
        passed: Passed | None = None

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                told = MutableHeaders(scope=message)
                told["x-request-id"] = request_id
                told["x-content-type-options"] = "nosniff"  # what a model wrote is never a page
                if message["status"] == TOO_SLOW:
                    told["connection"] = "close"  # the rest of the body may come, and is no request
                if passed is not None and passed.limit is not None:
                    told["x-ratelimit-limit-requests"] = str(passed.limit)
                    told["x-ratelimit-remaining-requests"] = str(passed.left)
                route = getattr(scope.get("route"), "path", "none")
                method = scope["method"] if scope["method"] in METHODS else "other"  # anything can be sent as one
                self._requests.labels(route, method, str(message["status"])).inc()
            await send(message)

        try:
            passed = await self._admitted(headers, scope)
        except UserError as error:
            await fault_of(error).response()(scope, receive, send_with_id)
            return
        state["key"] = passed.caller
        await self._app(scope, self._limited(headers, receive), send_with_id)

    async def _admitted(self, headers: Headers, scope: Scope) -> Passed:
        """Raises NotAllowed, Forbidden, QuotaExceeded."""
        asked = (headers.get("authorization", ""), scope["method"], scope["path"])
        if not self._guard.is_locked:
            self._hosts.check(headers, scope["method"], scope["path"])
        try:
            return self._guard.admit(*asked)
        except UnknownToken:
            await self._guard.look_again()  # it may have been made a moment ago
        return self._guard.admit(*asked)

    def _limited(self, headers: Headers, receive: Receive) -> Receive:
        seen = 0
        kind = headers.get("content-type", "").lower()
        whole = False
        pieces: list[bytes] | None = [] if "json" in kind or not kind else None

        async def counted() -> Message:
            nonlocal seen, whole
            message = await (receive() if whole else _piece(receive))
            if message["type"] != "http.request":
                return message
            body = message.get("body", b"")
            seen += len(body)
            whole = not message.get("more_body")
            if seen <= self._max_body:
                self._look_into(body, pieces, whole=whole)
                return message
            while message.get("more_body") and seen <= PATIENCE * self._max_body:
                message = await _piece(receive)
                seen += len(message.get("body", b""))
            raise HTTPException(413, f"the body is larger than {self._max_body} bytes, the limit of this service")

        return counted

    def _look_into(self, body: bytes, pieces: list[bytes] | None, *, whole: bool) -> None:
        """Refuse JSON that is nested so deeply that reading it takes more than it is worth."""
        if pieces is None:
            return
        pieces.append(body)
        if whole and is_too_deep(pieces):
            raise HTTPException(400, f"the body is nested more than {DEEPEST} levels deep, the limit of this service")


async def _piece(receive: Receive) -> Message:
    """The next piece of a body."""
    try:
        async with asyncio.timeout(STALL):
            return await receive()
    except TimeoutError as error:
        message = f"nothing came of the body for {STALL:g} seconds, the longest that this service waits"
        raise HTTPException(TOO_SLOW, message) from error
