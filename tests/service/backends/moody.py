"""A back-end for tests that fails on every question in which "broken" stands, and answers the others."""

from collections.abc import AsyncGenerator

from models.backend import Internals, ModelSpec
from models.errors import ModelUnavailable
from models.types import Chunk, Request, Usage


class Moody:
    """Says "well", or nothing at all."""

    offers: frozenset[str] = frozenset()
    internals: Internals | None = None

    def __init__(self, name: str) -> None:
        self.name = name

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """One word. Raises ModelUnavailable."""
        if "broken" in request.messages[-1].text:
            raise ModelUnavailable(f"{self.name} broke", model=self.name)
        yield Chunk("well")
        yield Chunk(finish_reason="stop", usage=Usage(len(request.messages), 1))

    async def close(self) -> None:
        """Nothing is open."""


def open_backend(name: str, spec: ModelSpec) -> Moody:
    """The back-end of the settings."""
    return Moody(name)
