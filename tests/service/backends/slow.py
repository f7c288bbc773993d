"""A back-end for tests that takes its time, or fails, and writes down what became of each call.

`extra`: `journal` (a file), `pieces` (how many), `pause` (seconds between them), `fail_after` (pieces; absent: never),
`word` (what each piece is).
"""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

from models.backend import Internals, ModelSpec
from models.errors import ModelUnavailable
from models.types import Chunk, Request, Usage


class Slow:
    """Says the same word again and again."""

    offers: frozenset[str] = frozenset()
    internals: Internals | None = None

    def __init__(self, name: str, spec: ModelSpec) -> None:
        self.name = name
        self._journal = Path(spec.extra["journal"])
        self._pieces = int(spec.extra.get("pieces", 5))
        self._pause = float(spec.extra.get("pause", 0.0))
        self._word = str(spec.extra.get("word", "tick "))
        self._fail_after = spec.extra.get("fail_after")

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """The pieces; writes started, and then finished, failed or cancelled."""
        self._note("started")
        fate = "cancelled"
        try:
            for i in range(self._pieces):
                if i == self._fail_after:
                    fate = "failed"
                    raise ModelUnavailable(f"{self.name} broke", model=self.name)
                await asyncio.sleep(self._pause)
                yield Chunk(self._word)
            fate = "finished"
            yield Chunk(finish_reason="stop", usage=Usage(len(request.messages), self._pieces))
        finally:
            self._note(fate)

    async def close(self) -> None:
        """Nothing is open."""

    def _note(self, word: str) -> None:
        with self._journal.open("a") as journal:
            journal.write(f"{word}\n")


def open_backend(name: str, spec: ModelSpec) -> Slow:
    """The back-end of the settings."""
    return Slow(name, spec)
