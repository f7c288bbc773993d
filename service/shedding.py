"""Turning new questions away while there is still room to say so: too many under way, or memory nearly used up.

It looks before a body is read. What is under way goes on; other routes (lists, health, feedback) always pass.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

from models.memory import used_share
from service.errors import Fault

ASKING = frozenset({"/v1/chat/completions", "/v1/responses", "/v1/embeddings", "/v1/route"})
"""The routes that make work; a decision alone may embed, and ask a moderator."""
LOOK = 0.5
"""Seconds for which a reading of the memory holds."""
SOON, LATER = 2.0, 10.0
"""Seconds after which to come again: a place becomes free soon, memory takes longer."""


@dataclass(slots=True)
class Load:
    """What is under way and what was turned away, and the limits; `memory` tells the share of memory that is used."""

    max_in_flight: int
    most_memory: float
    memory: Callable[[], float] = used_share
    clock: Callable[[], float] = time.monotonic
    in_flight: int = 0
    shed_busy: int = 0
    shed_memory: int = 0
    _used: float = 0.0
    _looked: float = float("-inf")

    def refusal(self) -> Fault | None:
        """Why a new question cannot be taken now; None if it can."""
        if self.in_flight >= self.max_in_flight:
            self.shed_busy += 1
            message = f"the service is busy: {self.in_flight} requests are under way, the most that it takes"
            return Fault(429, message, None, "server_busy", SOON)
        if self._share() >= self.most_memory:
            self.shed_memory += 1
            message = f"the service is short of memory: {self._used:.0%} are used, and it takes new requests below "
            return Fault(429, f"{message}{self.most_memory:.0%}", None, "server_busy", LATER)
        return None

    def _share(self) -> float:
        if self.clock() - self._looked >= LOOK:
            self._used, self._looked = self.memory(), self.clock()
        return self._used


class Shedding:
    """ASGI middleware, behind the check of the key; a question counts until its answer has been sent."""

    def __init__(self, app: ASGIApp, load: Load) -> None:
        self._app, self._load = app, load

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] not in ASKING:
            await self._app(scope, receive, send)
            return
        if (refusal := self._load.refusal()) is not None:
            await refusal.response()(scope, receive, send)
            return
        self._load.in_flight += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._load.in_flight -= 1
