"""One route under every name that clients call it by: with and without `/v1`, a trailing or a doubled slash, HEAD.

Chat apps and client libraries put a route together from a base URL that a person typed. Pure ASGI, before all else, so
that keys, counts and routes see one path only.
"""

import re
from collections.abc import Iterable

from starlette.types import ASGIApp, Receive, Scope, Send

ALIASES = {"/health": "/healthz", "/v1/health": "/healthz"}
SLASHES = re.compile(r"//+")


class Paths:
    """ASGI middleware; `routes` are the paths of the application, those under `/v1` are found without it as well."""

    def __init__(self, app: ASGIApp, routes: Iterable[str]) -> None:
        self._app = app
        self._first = {route.split("/")[2] for route in routes if route.startswith("/v1/")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["path"] = self.plain(scope["path"])
            if scope["method"] == "HEAD":  # the server leaves the body out: it knows the request by its own scope
                scope.setdefault("state", {})
                scope = {**scope, "method": "GET"}
        await self._app(scope, receive, send)

    def plain(self, path: str) -> str:
        """The path as the application names it."""
        if "//" in path:
            path = SLASHES.sub("/", path)
        if path.endswith("/") and path != "/" and not path.startswith("/pages/"):
            path = path[:-1]
        if path.startswith("/v1/v1/"):  # a base URL that has it, before a client that adds it
            path = path[3:]
        if path in ALIASES:
            return ALIASES[path]
        return f"/v1{path}" if path[1:].partition("/")[0] in self._first else path
