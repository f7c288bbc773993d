"""Choosing demonstrations: token vectors are kept, within bounds, also when many questions come at once."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence

import pytest

from strategies.core import picking
from strategies.core.coverage import Vectors
from strategies.core.picking import Known
from tests.strategies.stage import WordEmbedder


class Slow(WordEmbedder):
    """Embeds after others had their turn, and counts the texts."""

    asked = 0

    async def embed(self, texts: Sequence[str]) -> Vectors:
        await asyncio.sleep(0.001 * (len(texts) % 3))
        self.asked += len(texts)
        return await super().embed(texts)


async def test_many_at_once_never_lose_what_they_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picking, "KEPT", 3)
    known, embedder = Known(), Slow()
    rows = [[f"word{(i + j) % 9} of {j}" for j in range(5)] for i in range(40)]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(known.of(embedder, row)) for row in rows]
    assert [len(task.result()) for task in tasks] == [5] * 40
    assert len(known.rows) <= 3


async def test_a_text_is_embedded_once_while_it_is_kept() -> None:
    known, embedder = Known(rows=OrderedDict()), Slow()
    first = await known.of(embedder, ["red fox", "blue jay"])
    asked = embedder.asked
    again = await known.of(embedder, ["blue jay", "red fox"])
    assert embedder.asked == asked > 0
    assert [row.tolist() for row in again] == [row.tolist() for row in reversed(first)]
