"""Whether a question is like those whose answers were rated well: where it is not, something should be looked up."""

from functools import lru_cache

import numpy as np

from strategies.core.context import Context
from strategies.core.thrust import Seen

LEAST = 20  # seen questions; with fewer nothing is familiar
MOST = 500


async def unfamiliar(ctx: Context, budget: float = 0.5) -> bool:
    """Whether the question lies farther off than a share of `budget` of the seen ones (their thrust, see thrust.py)."""
    seen = sorted({one.question for one in await ctx.examples(MOST)})
    if len(seen) < LEAST:
        ctx.note(f"only {len(seen)} rated questions to compare with", seen=len(seen))
        return True
    rows = np.ascontiguousarray(await ctx.embed(seen), dtype=np.float32)
    found = _fitted(rows.tobytes(), rows.shape[1], budget)
    share = found.percentile(ctx.query.embedding)
    ctx.note(
        f"more familiar than {share:.0%} of {len(seen)} rated questions",
        thrust=found.score(ctx.query.embedding),
        threshold=found.threshold,
        percentile=share,
        seen=len(seen),
    )
    return found.looks_up(ctx.query.embedding)


@lru_cache(maxsize=4)
def _fitted(rows: bytes, size: int, budget: float) -> Seen:
    """The clusters of these embeddings, kept while the same questions are seen."""
    return Seen.fit(np.frombuffer(rows, dtype=np.float32).reshape(-1, size), budget)
