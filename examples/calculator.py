"""A model without weights: exact on sums, differences and products of whole numbers, and honest about all else."""

import re
import time
from collections.abc import AsyncGenerator, Callable

from models.backend import Internals, ModelSpec
from models.types import Chunk, Request, Usage

ASKED = re.compile(r"(-?\d+)\s*([-+*]|plus|minus|times)\s*(-?\d+)", re.IGNORECASE)
WORK: dict[str, Callable[[int, int], int]] = {
    "+": int.__add__,
    "plus": int.__add__,
    "-": int.__sub__,
    "minus": int.__sub__,
    "*": int.__mul__,
    "times": int.__mul__,
}


def open_backend(name: str, spec: ModelSpec) -> "Calculator":
    """Called once at start with what `[models.NAME]` says; here is where a server would be checked."""
    return Calculator(name)


class Calculator:
    """Answers the last message; `offers` is empty, so strategies that need log-probabilities skip it."""

    offers: frozenset[str] = frozenset()
    internals: Internals | None = None

    def __init__(self, name: str) -> None:
        self.name = name

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """One piece of text, then the end with what it took."""
        begun = time.perf_counter()
        found = ASKED.search(request.messages[-1].text)
        text = str(WORK[found[2].lower()](int(found[1]), int(found[3]))) if found else "I only add, subtract, multiply."
        yield Chunk(text=text)
        seconds = time.perf_counter() - begun
        yield Chunk(finish_reason="stop", usage=Usage(1, 1, seconds, gpu_seconds=0.0, usd=0.0))

    async def close(self) -> None:
        """Nothing is open."""
