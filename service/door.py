"""What stands around every request: how many are under way, how many turned away and why; a line for each if wanted.

It sees replies as the client does, whoever of those behind it gave them.
"""

import json
import time

import structlog
from prometheus_client import Counter, Gauge
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import current
from service.errors import STATUS, USED_UP

TURNED_AWAY = {
    401: "invalid_api_key",
    403: "permission_denied",
    413: "too_large",
    429: "server_busy",
    503: "unavailable",
}
"""Statuses of requests that were turned away, and why where the reply names no code."""
REASONS = frozenset({*TURNED_AWAY.values(), USED_UP, *(code for _, code in STATUS.values() if code)})
CARRIED = ("traceparent", "tracestate")
LONGEST = 512
"""Characters of a header that carries a trace; a longer one is none."""

log = structlog.get_logger()


class Door:
    """ASGI middleware, the outermost that knows the request by its plain path."""

    def __init__(self, app: ASGIApp, in_progress: Gauge, rejected: Counter, access_log: bool = False) -> None:
        self._app, self._in_progress, self._rejected, self._access_log = app, in_progress, rejected, access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        headers = Headers(scope=scope)
        for name in CARRIED:
            if (value := headers.get(name)) and len(value) <= LONGEST:
                state[name] = value
        current.REQUEST.set(state)
        begun, status = time.perf_counter(), 500  # what is not caught here is answered outside as 500

        async def seen(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            elif status in TURNED_AWAY:
                self._rejected.labels(_reason(status, message.get("body", b""))).inc()
            await send(message)

        self._in_progress.inc()
        try:
            await self._app(scope, receive, seen)
        finally:
            self._in_progress.dec()
            if self._access_log:
                route = getattr(scope.get("route"), "path", "none")
                seconds = round(time.perf_counter() - begun, 4)
                log.info("request", method=scope["method"], route=route, status=status, seconds=seconds)


def _reason(status: int, body: bytes) -> str:
    """The code of the reply, if it is one of ours; a label never holds what somebody else has chosen."""
    try:
        code = json.loads(body)["error"]["code"]
    except (ValueError, LookupError, TypeError):
        code = None
    return code if code in REASONS else TURNED_AWAY[status]
