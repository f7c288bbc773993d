"""What of the library lies in memory: an index by meaning and one by words, kept in step with SQL."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

import numpy as np

from models.embedding import Embedder
from store.entry import Entry
from store.fusion import fused
from store.index import Index
from store.lexical import Lexical
from store.lines import to_vector
from store.shelf import Shelf, Stamp
from strategies.core.query import Passage, Vector

Search = Literal["hybrid", "dense"]
Embed = Callable[[Sequence[str]], Awaitable[Vector]]

DEPTH = 100
"""How many passages of each ranking are fused."""
WORDS_WAIT = 0.1
"""Seconds that a search waits for new passages to be indexed by their words; they are found by meaning meanwhile."""
SMALL = 5000
"""Passages up to which every change is indexed by its words at once, and searches wait for it."""
WORDS_EVERY, WORDS_SHARE = 5.0, 0.01
"""Of more, changes are indexed once these seconds are over, or once the size has changed by this share."""
EMBED_WAIT = 2.0
"""Seconds from their beginning on that searches wait for documents of another embedder to be placed anew."""


class Loaded:
    """Both indices. What takes long is done beside the searches, which use what there is.

    Whoever changes documents, in SQL and here, holds `lock` meanwhile; `refresh` wants it held.
    """

    def __init__(self, shelf: Shelf, embedder: Embedder, embed: Embed, search: Search) -> None:
        self._shelf, self._embedder, self._embed, self._search = shelf, embedder, embed, search
        self.lock = asyncio.Lock()
        self._index = Index(embedder.size)
        self._words, self._words_version = Lexical(), 0
        self._words_size, self._words_at = 0, float("-inf")
        self._stamp: Stamp | None = None
        self._building: asyncio.Task[None] | None = None
        self._placing: asyncio.Task[None] | None = None
        self._placing_until = 0.0

    async def close(self) -> None:
        """End what is under way."""
        if self._placing is not None:
            self._placing.cancel()
        left = [task for task in (self._placing, self._building) if task is not None]
        if left:
            await asyncio.wait(left)

    async def refresh(self) -> int:
        """Take in what SQL holds by now, and say how many passages that are. Raises StoreError."""
        stamp = await asyncio.to_thread(self._shelf.stamp)
        if stamp != self._stamp:
            embedders = await asyncio.to_thread(self._shelf.embedders)
            here = self._index.documents
            await asyncio.to_thread(self._index.remove, here - embedders.keys())
            new = [one for one in embedders if one not in here]
            foreign = [one for one in new if embedders[one] != self._embedder.name]
            foreign += await asyncio.to_thread(self._load, [one for one in new if one not in set(foreign)])
            self._stamp = stamp if self._place(foreign) else None
        return len(self._index)

    async def placed(self, known: int) -> int:
        """Wait until all documents are placed, at most EMBED_WAIT after that was begun; returns the number of passages.

        It is at least `known` while some are not yet placed. Raises ModelUnavailable.
        """
        task = self._placing
        if task is None:
            return len(self._index)
        left = self._placing_until - asyncio.get_running_loop().time()
        if left > 0:
            await asyncio.wait([task], timeout=left)
        if not task.done() or task.cancelled():
            return max(known, len(self._index))
        if self._placing is task:
            self._placing = None
            if task.exception() is not None:
                self._stamp = None  # the next search tries again
        task.result()
        return len(self._index)

    async def added(self, entries: Sequence[Entry], vectors: Vector) -> int:
        """Take in a document of our own that was just kept, and say how many passages there are."""
        await asyncio.to_thread(self._index.add, entries, vectors)
        return await self._settle(+1)

    async def removed(self, document_id: str) -> int:
        """Let go of a document that was just taken out, and say how many passages there are."""
        await asyncio.to_thread(self._index.remove, {document_id})
        return await self._settle(-1)

    async def find(self, text: str, vector: Vector, k: int) -> list[Passage]:
        """The k passages that meaning and words together place first; `score` is the cosine."""
        if self._search == "hybrid":
            await self._indexed()
        return await asyncio.to_thread(self._find, self._words, text, vector, k)

    def _find(self, words: Lexical, text: str, vector: Vector, k: int) -> list[Passage]:
        if self._search == "dense":
            return self._index.passages(self._index.nearest(vector, k), vector, k)
        depth = max(DEPTH, k)
        order = fused([self._index.nearest(vector, depth), words.best(text, depth)])
        return self._index.passages(order, vector, k)

    def _load(self, documents: Sequence[str]) -> list[str]:
        """Read these documents in; returns those whose vectors are none of this embedder's, whatever it is called."""
        strange: set[str] = set()
        for entries, raw in self._shelf.passages(documents):
            wrong = {e.document_id for e, one in zip(entries, raw, strict=True) if len(one) != 4 * self._embedder.size}
            fit = [i for i, entry in enumerate(entries) if entry.document_id not in wrong]
            if fit:
                self._index.add([entries[i] for i in fit], np.stack([to_vector(raw[i]) for i in fit]))
            strange |= wrong
        return [one for one in documents if one in strange]

    async def _settle(self, change: int) -> int:
        """Our own document needs no reading in; anybody else's in between does, at the next search."""
        before, stamp = self._stamp, await asyncio.to_thread(self._shelf.stamp)
        self._stamp = stamp if before is not None and stamp.documents == before.documents + change else None
        return len(self._index)

    def _place(self, foreign: Sequence[str]) -> bool:
        """Begin to place these documents; False if others still are and the next search has to ask again."""
        if foreign and self._placing is not None and not self._placing.done():
            return False
        if foreign:
            self._placing = asyncio.create_task(self._embed_anew(foreign))
            self._placing_until = asyncio.get_running_loop().time() + EMBED_WAIT
        return True

    async def _embed_anew(self, foreign: Sequence[str]) -> None:
        """Embed documents one by one; each is in SQL as a whole before the next one is begun."""
        for document_id in foreign:
            entries = await asyncio.to_thread(self._shelf.entries, document_id)
            if not entries:
                continue
            vectors = await self._embed([entry.text for entry in entries])
            async with self.lock:  # or what is removed in between would come back
                if await asyncio.to_thread(self._shelf.embed_anew, document_id, self._embedder.name, vectors):
                    await asyncio.to_thread(self._index.add, entries, vectors)

    async def _indexed(self) -> None:
        """See that all passages are indexed by their words, or soon will be."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + WORDS_WAIT
        while self._words_version != self._index.version and (left := deadline - loop.time()) > 0:
            if self._building is None or self._building.done():
                if not self._due():
                    return
                self._building = asyncio.create_task(self._build())
            if len(self._index) > SMALL:
                return
            await asyncio.wait([self._building], timeout=left)
            if self._building.done():
                self._building.result()

    def _due(self) -> bool:
        """Whether the changes since the words were indexed are worth doing it again."""
        size, change = len(self._index), abs(len(self._index) - self._words_size)
        waited = asyncio.get_running_loop().time() - self._words_at
        return size <= SMALL or waited >= WORDS_EVERY or change >= WORDS_SHARE * size

    async def _build(self) -> None:
        version, entries = self._index.version, self._index.entries
        self._words, self._words_version = await asyncio.to_thread(Lexical, entries), version
        self._words_size, self._words_at = len(entries), asyncio.get_running_loop().time()
