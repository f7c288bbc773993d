"""What every request passes first: its id, its clock, the key, the limit on its body, and the count in the metrics."""

import hmac
import re
import time
from collections.abc import Sequence
from uuid import uuid4

from fastapi.responses import Response
from prometheus_client import Counter
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.errors import NotAllowed
from service.errors import fault_of

OPEN = ("/", "/healthz", "/readyz")  # the page asks for the key itself; probes have none
PATIENCE = 8  # times the limit that is read and thrown away, so that the client hears why instead of a broken pipe
SANE_ID = re.compile(r"[\w.:-]{1,128}")


class Gate:
    """ASGI middleware; plain, so that a client that leaves is noticed at once behind it."""

    def __init__(self, app: ASGIApp, keys: Sequence[str], max_body: int, requests: Counter) -> None:
        self._app, self._max_body, self._requests = app, max_body, requests
        self._keys = [key.encode() for key in keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if SANE_ID.fullmatch(given) else uuid4().hex
        scope.setdefault("state", {}).update(request_id=request_id, begun=time.perf_counter())

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["x-request-id"] = request_id
                route = getattr(scope.get("route"), "path", "none")
                self._requests.labels(route, scope["method"], str(message["status"])).inc()
            await send(message)

        if self._may_pass(scope["path"], headers):
            await self._app(scope, self._limited(headers, receive), send_with_id)
            return
        await _refusal(bool(headers.get("authorization")))(scope, receive, send_with_id)

    def _may_pass(self, path: str, headers: Headers) -> bool:
        if not self._keys or path in OPEN or path.startswith("/pages/"):
            return True
        scheme, _, token = headers.get("authorization", "").partition(" ")
        given = token.strip().encode("latin-1")
        matches = [hmac.compare_digest(given, key) for key in self._keys]  # all, so that time tells nothing
        return scheme.lower() == "bearer" and any(matches)

    def _limited(self, headers: Headers, receive: Receive) -> Receive:
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            if message["type"] != "http.request":
                return message
            seen += len(message.get("body", b""))
            if seen <= self._max_body:
                return message
            while message.get("more_body") and seen <= PATIENCE * self._max_body:
                message = await receive()
                seen += len(message.get("body", b""))
            raise HTTPException(413, f"the body is larger than {self._max_body} bytes, the limit of this service")

        return counted


def _refusal(has_key: bool) -> Response:
    why = "the API key is wrong" if has_key else "an API key is needed: send it as authorization: Bearer KEY"
    return fault_of(NotAllowed(why)).response()
