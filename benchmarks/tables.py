"""Outcome tables with the embeddings of their queries, for the benchmarks that replay them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from models.embedding import open_embedder
from router.embedded import embedded
from router.outcome_files import read_outcomes
from router.outcomes import OutcomeTable
from strategies.core.query import Vector

KEPT = Path.home() / ".cache" / "pointsman" / "embeddings"
"""Where `replay` keeps embeddings too."""


@dataclass(frozen=True, slots=True, eq=False)
class Laid:
    """A table and the unit embeddings of its queries, float32 [queries, size]."""

    table: OutcomeTable
    embeddings: Vector


@cache
def laid(path: Path) -> Laid:
    """The table of a file; its queries are embedded once, which may take minutes, and kept in the user's folder."""
    table = read_outcomes(path)
    return Laid(table, vectors(table.texts))


def vectors(texts: Sequence[str], cache: Path | None = KEPT) -> Vector:
    """The unit embeddings of texts, float32 [n, size], which are kept in the folder `cache`."""

    async def embeddings() -> Vector:
        embedder = await asyncio.to_thread(open_embedder, None)
        try:
            return await embedded(embedder, texts, cache)
        finally:
            await embedder.close()

    return asyncio.run(embeddings())
