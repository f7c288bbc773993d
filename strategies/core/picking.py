"""Choosing which demonstrations to show: the nearest by embedding, then those that cover the tokens of the question."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.embedding import Embedder
from strategies.core.context import Context
from strategies.core.coverage import Vectors, by_bsr, by_set, recall, token_vectors

Halves = NDArray[np.float16]

NEAREST = 16
"""Candidates whose tokens are compared; their vectors are kept, since the same examples are shown again and again."""
KEPT = 1024


@dataclass(slots=True)
class Known:
    """The token vectors of the texts that were compared last, for one embedder."""

    embedder: str = ""
    rows: OrderedDict[str, Halves] = field(default_factory=OrderedDict)

    async def of(self, embedder: Embedder, texts: Sequence[str]) -> list[Vectors]:
        """The token vectors of the texts; those that are not known are embedded."""
        if self.embedder != embedder.name:
            self.embedder, self.rows = embedder.name, OrderedDict()
        found = {text: self.rows[text] for text in texts if text in self.rows}
        new = [text for text in dict.fromkeys(texts) if text not in found]
        # Others may come in between and push rows out, which is why those found are held here.
        for text, rows in zip(new, await token_vectors(embedder, new) if new else (), strict=True):
            found[text] = self.rows[text] = rows.astype(np.float16)  # half the memory; the fourth digit differs
        while len(self.rows) > KEPT:
            self.rows.popitem(last=False)
        return [found[text].astype(np.float32) for text in texts]


KNOWN = Known()


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
    different = list(dict(zip(reversed(candidates), reversed(range(len(candidates))), strict=True)).values())[::-1]
    if ctx.embedder is None or not different:
        return different[:k][::-1]
    if len(different) > NEAREST:
        cosines = await ctx.embed([candidates[i] for i in different]) @ ctx.query.embedding
        best = np.argsort(-cosines, kind="stable")[:NEAREST]
        different = sorted(different[i] for i in best.tolist())
    query, *rows = await KNOWN.of(ctx.embedder, [ctx.question, *(candidates[i] for i in different)])
    lengths = None if sizes is None else [sizes[i] for i in different]
    chosen = (by_set if as_set else by_bsr)(recall(query, rows), k, lengths=lengths, budget=budget)
    return [different[i] for i in chosen]
