"""The library: documents in, cut into passages, embedded, kept in SQL, and found again by meaning and by words."""

import asyncio
import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from models.embedding import Embedder
from models.errors import BadRequest
from store.chunks import Chunking, passages_of
from store.database import Database
from store.extract import media_type_of, text_of
from store.lines import utc
from store.loaded import Loaded, Search
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


@dataclass(frozen=True, slots=True)
class Habits:
    """How a library cuts documents, and whether it searches by meaning and words or by meaning alone."""

    chunking: Chunking = field(default_factory=Chunking)
    search: Search = "hybrid"


class Library:
    """`strategies.core.query.Library` over SQL and indices in memory, which are read in when they are first wanted.

    Documents that other processes add or remove are noticed at the next search. Close it.
    """

    def __init__(self, database: Database, embedder: Embedder, habits: Habits = Habits()) -> None:
        self._shelf, self._embedder, self._chunking = Shelf(database), embedder, habits.chunking
        self._loaded = Loaded(self._shelf, embedder, self._embed, habits.search)
        self._size = self._shelf.count()
        self._seen: Stamp | None = None

    @property
    def size(self) -> int:
        """How many passages there are."""
        return self._size

    def offers(self) -> frozenset[str]:
        """What strategies may count on: "documents" while there are any."""
        return frozenset({"documents"}) if self._size else frozenset()

    async def add(self, title: str, data: bytes, kind: str, progress: Progress | None = None) -> DocumentInfo:
        """Take a document in; `kind` is its media type or file name. The same bytes, or words, twice are one document.

        It is kept as a whole or not at all. Raises BadRequest for one that cannot be read or holds no text, StoreError.
        """
        media_type = media_type_of(kind)
        if not title.strip():
            raise BadRequest("a document needs a title", param="title")
        digest = hashlib.sha256(data).hexdigest()
        known = await asyncio.to_thread(self._shelf.find, digest)
        if known is not None:
            return _info(*known)
        text = await asyncio.to_thread(text_of, data, media_type)
        key = f"doc-{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:20]}"
        known = await asyncio.to_thread(self._shelf.read, key)
        if known is not None:
            return _info(*known)
        pieces = await asyncio.to_thread(passages_of, text, self._chunking)
        vectors = await self._embed(pieces, progress)
        row = DocumentRow(
            id=key,
            at=utc(time.time()),
            title=" ".join(title.replace("\x00", "").split()),
            media_type=media_type,
            sha256=digest,
            bytes=len(data),
            embedder=self._embedder.name,
        )
        async with self._loaded.lock:
            await self._loaded.refresh()
            entries = await asyncio.to_thread(self._shelf.put, row, pieces, vectors)
            if entries:
                self._size = await self._loaded.added(entries, vectors)
                return _info(row, len(pieces))
        first = await asyncio.to_thread(self._shelf.read, key) or await asyncio.to_thread(self._shelf.find, digest)
        return _info(*first) if first is not None else _info(row, len(pieces))  # another task was faster

    async def documents(self) -> list[DocumentInfo]:
        """All documents, in the order in which they came."""
        return [_info(*one) for one in await asyncio.to_thread(self._shelf.all)]

    async def remove(self, document_id: str) -> bool:
        """Take a document out with its passages; False if there is none of that id."""
        async with self._loaded.lock:
            await self._loaded.refresh()
            gone = await asyncio.to_thread(self._shelf.take, document_id)
            if gone:
                self._size = await self._loaded.removed(document_id)
            return gone

    async def search(self, text: str, k: int) -> list[Passage]:
        """The k passages that fit best, best first, with their cosines; empty if the library is."""
        known = self._size
        async with self._loaded.lock:
            self._size = await self._loaded.refresh()
        self._size = await self._loaded.placed(known)
        if not self._size or k < 1 or not text.strip():
            return []
        vector = (await self._embedder.embed([text]))[0]
        return await self._loaded.find(text, vector, k)

    async def look(self) -> None:
        """Notice what other processes added or removed before anybody searches. Raises StoreError."""
        stamp = await asyncio.to_thread(self._shelf.stamp)
        if stamp != self._seen:
            async with self._loaded.lock:
                self._size = await asyncio.to_thread(self._shelf.count)
            self._seen = stamp

    async def close(self) -> None:
        """End what is under way beside the searches."""
        await self._loaded.close()

    async def _embed(self, texts: Sequence[str], progress: Progress | None = None) -> Vector:
        parts = []
        for start in range(0, len(texts), BATCH):
            parts.append(await self._embedder.embed(texts[start : start + BATCH]))
            if progress is not None:
                progress(min(start + BATCH, len(texts)), len(texts))
        return np.concatenate(parts)


def _info(row: DocumentRow, passages: int) -> DocumentInfo:
    at = row.at.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return DocumentInfo(row.id, row.title, row.media_type, row.bytes, row.sha256, passages, at)
