"""What a call took where nobody counted: four characters are a token, at the prices of the model.

Servers tell the usage with the last piece of a reply. A caller that leaves before it has taken something all the same,
and so has one whose server counts nothing.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

from models.backend import Backend
from models.types import Chunk, Part, Reply, Request, Usage, reply_of

CHARACTERS = 4
"""As many make a token, about."""
GIVEN_UP = ("cancelled", "out of time")
"""What became of a call that we ended: the server may have worked on it, whether or not anything came."""


@runtime_checkable
class Pricing(Protocol):
    """A back-end that knows what its tokens cost."""

    def priced(self, usage: Usage) -> Usage: ...


def counted(
    backend: Backend, request: Request, chunks: Sequence[Chunk], seconds: float, error: str | None, held: bool = False
) -> Reply | None:
    """The reply that the chunks make up, its usage estimated where none of them told it; `error` is why the call ended.

    None where the call failed before anything came, or ended while it was `held` back here: nothing is charged for it.
    """
    if not chunks and (held or (error is not None and error not in GIVEN_UP)):
        return None
    reply = reply_of(chunks, backend.name)
    if any(chunk.usage is not None for chunk in chunks):
        return reply
    usage = estimate(request, reply, seconds)
    return replace(reply, usage=backend.priced(usage) if isinstance(backend, Pricing) else usage)


def estimate(request: Request, reply: Reply, seconds: float) -> Usage:
    """About what a call took that asked this and brought that much of a reply; dollars and GPU-seconds are unknown."""
    asked = sum(len(message.text) + _arguments(message.tool_calls) for message in request.messages)
    said = len(reply.text) + len(reply.reasoning) + _arguments(reply.tool_calls)
    return Usage(math.ceil(asked / CHARACTERS), math.ceil(said / CHARACTERS), seconds, estimated=True)


def _arguments(calls: Sequence[Part]) -> int:
    """The characters of the calls of tools, or of pieces of them."""
    functions = [one for call in calls if isinstance(one := call.get("function"), Mapping)]
    return sum(len(str(one.get(name) or "")) for one in functions for name in ("name", "arguments"))
