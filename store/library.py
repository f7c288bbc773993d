"""The library: documents in, cut into passages, embedded, kept in SQL, and found again by meaning."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models.embedding import Embedder
from models.errors import BadRequest
from store.chunks import Chunking, passages_of
from store.database import Database
from store.extract import media_type_of, text_of
from store.index import Index
from store.lines import to_vector
from store.shelf import Shelf, Stamp
from store.tables import DocumentRow
from strategies.core.query import Passage, Vector

BATCH = 64
Progress = Callable[[int, int], None]
"""Told how many passages are embedded, and of how many."""


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """A document as it is listed; `bytes` is its length, `passages` their number, `at` when it came in (ISO 8601)."""

    id: str
    title: str
    media_type: str
    bytes: int
    sha256: str
    passages: int
    at: str


class Library:
    """`strategies.core.query.Library` over SQL and an index in memory, which is read in when it is first wanted.

    Documents that other processes add or remove are noticed at the next search.
    """

    def __init__(self, database: Database, embedder: Embedder, chunking: Chunking = Chunking()) -> None:  # noqa: B008
        self._shelf, self._embedder, self._chunking = Shelf(database), embedder, chunking
        self._index = Index(embedder.size)
        self._stamp: Stamp | None = None
        self._lock = asyncio.Lock()
        self._size = self._shelf.count()

    @property
    def size(self) -> int:
        """How many passages there are."""
        return self._size

    def offers(self) -> frozenset[str]:
        """What strategies may count on: "documents" while there are any."""
        return frozenset({"documents"}) if self._size else frozenset()

    async def add(self, title: str, data: bytes, kind: str, progress: Progress | None = None) -> DocumentInfo:
        """Take a document in; `kind` is its media type or file name. The same bytes twice are one document.

        Raises BadRequest for one that cannot be read or holds no text, StoreError.
        """
        media_type = media_type_of(kind)
        if not title.strip():
            raise BadRequest("a document needs a title", param="title")
        digest = hashlib.sha256(data).hexdigest()
        known = await asyncio.to_thread(self._shelf.find, digest)
        if known is not None:
            return _info(*known)
        text = await asyncio.to_thread(text_of, data, media_type)
        pieces = passages_of(text, self._chunking)
        vectors = await self._embed(pieces, progress)
        async with self._lock:
            await self._refresh()
            before = self._stamp
            entry = (" ".join(title.replace("\x00", "").split()), media_type, digest, len(data), self._embedder.name)
            row, entries = await asyncio.to_thread(self._shelf.put, *entry, pieces, vectors)
            if entries:  # else another process was faster with the same document
                self._index.add(entries, vectors)
                await self._settle(before, +1)
        return _info(row, len(pieces))

    async def documents(self) -> list[DocumentInfo]:
        """All documents, in the order in which they came."""
        return [_info(*one) for one in await asyncio.to_thread(self._shelf.all)]

    async def remove(self, document_id: str) -> bool:
        """Take a document out with its passages; False if there is none of that id."""
        async with self._lock:
            await self._refresh()
            before = self._stamp
            gone = await asyncio.to_thread(self._shelf.take, document_id)
            if gone:
                self._index.remove(document_id)
                await self._settle(before, -1)
            return gone

    async def search(self, text: str, k: int) -> list[Passage]:
        """The k passages nearest in meaning, best first, with their cosines; empty if the library is."""
        async with self._lock:
            await self._refresh()
        if not self._size or k < 1 or not text.strip():
            return []
        vector = (await self._embedder.embed([text]))[0]
        return await asyncio.to_thread(self._index.search, vector, k)

    async def _embed(self, texts: list[str], progress: Progress | None) -> Vector:
        parts = []
        for start in range(0, len(texts), BATCH):
            parts.append(await self._embedder.embed(texts[start : start + BATCH]))
            if progress is not None:
                progress(min(start + BATCH, len(texts)), len(texts))
        return np.concatenate(parts)

    async def _refresh(self) -> None:
        """Read the index in if SQL holds other documents than it does."""
        stamp = await asyncio.to_thread(self._shelf.stamp)
        if stamp == self._stamp:
            return
        for document_id in await asyncio.to_thread(self._shelf.foreign, self._embedder.name):
            texts = await asyncio.to_thread(self._shelf.texts, document_id)
            vectors = await self._embed(texts, None)
            await asyncio.to_thread(self._shelf.embed_anew, document_id, self._embedder.name, vectors)
        index = Index(self._embedder.size)
        entries, raw = await asyncio.to_thread(self._shelf.passages)
        if entries:
            await asyncio.to_thread(index.add, entries, np.stack([to_vector(one) for one in raw]))
        self._index, self._size, self._stamp = index, len(index), stamp

    async def _settle(self, before: Stamp | None, change: int) -> None:
        """Our own document needs no reading in; anybody else's in between does."""
        self._size = len(self._index)
        stamp = await asyncio.to_thread(self._shelf.stamp)
        self._stamp = stamp if before is not None and stamp.documents == before.documents + change else None


def _info(row: DocumentRow, passages: int) -> DocumentInfo:
    at = row.at.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return DocumentInfo(row.id, row.title, row.media_type, row.bytes, row.sha256, passages, at)
