"""Requests to a service whose models fail and which is killed, by clients that may leave: what they hear."""

import asyncio
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Literal  # Any: JSON

import aiohttp

from benchmarks.faults_kinds import FINE, KINDS

DEADLINE = 25.0
"""Seconds after which a client calls it a hang; the service itself ends every answer after DEADLINE - 5."""
LEAVE, TOGETHER, STREAM = 0.12, 0.4, 0.5
"""Shares of the requests that are left by their clients, that allow a second model, and that are streamed."""
LONGEST_STAY = 0.6
"""Seconds after which a client that leaves has left."""
End = Literal["whole", "left", "unsent", "cut", "nobody", "late", "broken"]
"""How it ended: to the last byte; left by its client, or before all of it was sent; cut by a kill; nobody listened
during one; not within DEADLINE; a line that broke without one."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """One request: its number, the model with the fault, and how it is asked; `leaves` is after so many seconds."""

    number: int
    kind: str
    stream: bool
    together: bool
    leaves: float | None

    @property
    def question(self) -> str:
        """What is asked."""
        return f"Question {self.number}"


@dataclass(frozen=True, slots=True)
class Heard:
    """All that its client got; `at` is when it ended by time.monotonic()."""

    drawn: Drawn
    end: End
    status: int = 0
    content_type: str = ""
    after: str | None = None
    body: bytes = b""
    at: float = 0.0
    problem: str = ""


@dataclass(slots=True)
class Standing:
    """Where the service listens now, when it was killed, and whether it is up."""

    url: str
    kills: list[float] = field(default_factory=list)
    up: asyncio.Event = field(default_factory=asyncio.Event)


def draws(seed: int) -> Iterator[Drawn]:
    """Requests without end, the same for the same seed."""
    draw, number = random.Random(seed), 0
    while True:
        kind = draw.choice(sorted(KINDS))
        stream, together = draw.random() < STREAM or kind == "no_done", draw.random() < TOGETHER
        leaves = LONGEST_STAY * draw.random() ** 2 if draw.random() < LEAVE else None
        yield Drawn(number, kind, stream, together, leaves)
        number += 1


def tracing() -> aiohttp.TraceConfig:
    """Notes when all of a request is sent."""
    trace = aiohttp.TraceConfig()

    async def sent(_: aiohttp.ClientSession, of: SimpleNamespace, __: aiohttp.TraceRequestChunkSentParams) -> None:
        of.trace_request_ctx.append(time.monotonic())

    trace.on_request_chunk_sent.append(sent)
    return trace


async def ask(http: aiohttp.ClientSession, standing: Standing, drawn: Drawn) -> Heard:
    """Send the request and hear what comes. Never raises."""
    body: dict[str, Any] = {
        "model": "auto" if drawn.together else f"direct@{drawn.kind}",
        "messages": [{"role": "user", "content": drawn.question}],
        "stream": drawn.stream,
    }
    if drawn.together:
        body["pointsman"] = {"models": [drawn.kind, FINE]}
    patience = DEADLINE if drawn.leaves is None else drawn.leaves
    sent, said, kills = list[float](), bytearray(), len(standing.kills) - (not standing.up.is_set())
    status, content_type, after, problem = 0, "", None, ""
    end: End = "whole"
    try:
        async with (
            asyncio.timeout(patience),
            http.post(f"{standing.url}/v1/chat/completions", json=body, trace_request_ctx=sent) as reply,
        ):
            status, content_type, after = reply.status, reply.content_type, reply.headers.get("retry-after")
            async for piece in reply.content.iter_any():
                said += piece
    except TimeoutError:
        end = "late" if drawn.leaves is None else "left" if sent else "unsent"
    except (aiohttp.ClientError, OSError) as error:
        problem = f"{type(error).__name__}: {error}"
        nobody = isinstance(error, aiohttp.ClientConnectorError)
        end = "broken" if len(standing.kills) == kills else "nobody" if nobody else "cut"
    return Heard(drawn, end, status, content_type, after, bytes(said), time.monotonic(), problem)
