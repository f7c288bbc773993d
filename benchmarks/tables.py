"""Outcome tables with the embeddings of their queries, for the benchmarks that replay them."""

import asyncio
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
    return Laid(table, asyncio.run(_embeddings(table)))


async def _embeddings(table: OutcomeTable) -> Vector:
    embedder = await asyncio.to_thread(open_embedder, None)
    try:
        return await embedded(embedder, table.texts, KEPT)
    finally:
        await embedder.close()
