"""Choosing which demonstrations to show: the nearest by embedding, then those that cover the tokens of the question."""

from collections.abc import Sequence

import numpy as np

from strategies.core.context import Context
from strategies.core.coverage import by_bsr, by_set, recall, token_vectors
from strategies.core.parse import squeeze

NEAREST = 16
"""Candidates whose tokens are compared; the embedder keeps their vectors, since the same examples come again."""


async def picked(
    ctx: Context,
    candidates: Sequence[str],
    k: int,
    *,
    as_set: bool = True,
    sizes: Sequence[int] | None = None,
    budget: int | None = None,
) -> list[int]:
    """Which of the candidate questions to show, as indices, the best one last; at most k, each text once.

    Of the 16 nearest to the question, those whose tokens cover its tokens best: together (Set-BSR), or each by itself
    with `as_set` False. `sizes` in tokens and the `budget` bound what is shown. Without an embedder: the first k.
    """
    different = list({squeeze(text): i for i, text in reversed(list(enumerate(candidates)))}.values())[::-1]
    if ctx.embedder is None or not different:
        return different[:k][::-1]
    if len(different) > NEAREST:
        cosines = await ctx.embed([candidates[i] for i in different]) @ ctx.query.embedding
        best = np.argsort(-cosines, kind="stable")[:NEAREST]
        different = sorted(different[i] for i in best.tolist())
    query, *rows = await token_vectors(ctx.embedder, [ctx.question, *(candidates[i] for i in different)])
    lengths = None if sizes is None else [sizes[i] for i in different]
    chosen = (by_set if as_set else by_bsr)(recall(query, rows), k, lengths=lengths, budget=budget)
    return [different[i] for i in chosen]
