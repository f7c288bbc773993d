"""Passages and their vectors in memory, searched by cosine with faiss."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import faiss
import numpy as np

from strategies.core.query import Passage, Vector


@dataclass(frozen=True, slots=True)
class Entry:
    """A passage and the document that it belongs to."""

    id: str
    document_id: str
    title: str
    text: str


class Index:
    """An exact index. Any thread may use it; vectors are unit rows [n, size]."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._entries: list[Entry] = []
        self._faiss = faiss.IndexFlatIP(size)

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entries: Sequence[Entry], vectors: Vector) -> None:
        """Take passages in, one vector each."""
        with self._lock:
            self._faiss.add(np.ascontiguousarray(vectors, dtype=np.float32).reshape(len(entries), self._size))
            self._entries.extend(entries)

    def remove(self, document_id: str) -> None:
        """Take out the passages of a document."""
        with self._lock:
            gone = [i for i, entry in enumerate(self._entries) if entry.document_id == document_id]
            if gone:
                self._faiss.remove_ids(
                    faiss.IDSelectorBatch(np.asarray(gone, dtype=np.int64))
                )  # the rest moves up, and so does our list
                self._entries = [entry for entry in self._entries if entry.document_id != document_id]

    def search(self, vector: Vector, k: int) -> list[Passage]:
        """The k nearest passages, best first; `score` is the cosine."""
        with self._lock:
            k = min(k, len(self._entries))
            if k < 1:
                return []
            scores, rows = self._faiss.search(np.ascontiguousarray(vector, dtype=np.float32).reshape(1, self._size), k)
            found = [(self._entries[row], score) for row, score in zip(rows[0], scores[0], strict=True)]
        return [Passage(entry.id, entry.text, entry.title, float(score)) for entry, score in found]
