"""Whether a question is like those whose answers were rated well: where it is not, something should be looked up."""

import asyncio
from collections.abc import Sequence

import numpy as np

from strategies.core.context import Context
from strategies.core.query import Sampled
from strategies.core.thrust import Seen

LEAST = 20  # seen questions; with fewer nothing is familiar
MOST = 500
KEPT = 4  # fits that are remembered


async def unfamiliar(ctx: Context, budget: float = 0.5) -> bool:
    """Whether the question lies farther off than a share of `budget` of the seen ones (their thrust, see thrust.py).

    The seen ones are a sample of the log that does not depend on the question, where the memory can give one, so that
    each question is measured against the same.
    """
    memory = ctx.memory
    told = await (memory.sample(MOST, ctx.query.origin.key) if isinstance(memory, Sampled) else ctx.examples(MOST))
    seen = sorted({one.question for one in told})
    if len(seen) < LEAST:
        ctx.note(f"only {len(seen)} rated questions to compare with", seen=len(seen))
        return True
    found = await FITS.of(ctx, seen, budget)
    share = found.percentile(ctx.query.embedding)
    ctx.note(
        f"more familiar than {share:.0%} of {len(seen)} rated questions",
        thrust=found.score(ctx.query.embedding),
        threshold=found.threshold,
        percentile=share,
        seen=len(seen),
    )
    return found.looks_up(ctx.query.embedding)


class Fits:
    """What was fitted to the questions seen last, by their texts and the embedder."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, int, float, tuple[str, ...]], Seen] = {}

    async def of(self, ctx: Context, seen: Sequence[str], budget: float) -> Seen:
        """The clusters of these questions: embedded and fitted once, in a thread, while the same ones are seen."""
        placed = ("", 0) if ctx.embedder is None else (ctx.embedder.name, ctx.embedder.size)
        key = (*placed, budget, tuple(seen))
        if key not in self._found:
            rows = np.asarray(await ctx.embed(seen), dtype=np.float32)
            found = await asyncio.to_thread(Seen.fit, rows, budget)
            while len(self._found) >= KEPT:
                self._found.pop(next(iter(self._found)))
            self._found[key] = found
        return self._found[key]


FITS = Fits()
