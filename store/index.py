"""Passages and their vectors in memory, searched by cosine with faiss."""

import threading
from collections.abc import Collection, Sequence

import faiss
import numpy as np

from store.entry import Entry
from strategies.core.query import Passage, Vector

EXACT = 20_000
"""As many passages keep all bits of their vectors; from there on 16 bits a number, which is read in half the time."""


class Index:
    """Compares with every passage. Any thread may use it; vectors are unit rows [n, size]."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._entries: list[Entry] = []
        self._rows: dict[str, int] = {}
        self._documents: set[str] = set()
        self._faiss: faiss.Index = faiss.IndexFlatIP(size)
        self.version = 0
        """Grows with every change."""

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def documents(self) -> frozenset[str]:
        """The ids of the documents that are here."""
        with self._lock:
            return frozenset(self._documents)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The passages that are here."""
        with self._lock:
            return tuple(self._entries)

    def add(self, entries: Sequence[Entry], vectors: Vector) -> None:
        """Take the passages of documents in, one vector each; those of a document that is here already stay out."""
        with self._lock:
            new = [i for i, entry in enumerate(entries) if entry.document_id not in self._documents]
            if new:
                self._faiss.add(np.ascontiguousarray(vectors[new], dtype=np.float32).reshape(len(new), self._size))
                for i in new:
                    self._rows[entries[i].id] = len(self._entries)
                    self._entries.append(entries[i])
                self._documents |= {entries[i].document_id for i in new}
                self._shorten()
                self.version += 1

    def remove(self, documents: Collection[str]) -> None:
        """Take out the passages of documents."""
        with self._lock:
            gone = [i for i, entry in enumerate(self._entries) if entry.document_id in documents]
            if gone:
                self._faiss.remove_ids(faiss.IDSelectorBatch(np.asarray(gone, dtype=np.int64)))
                # The rest moves up, and so does our list.
                self._entries = [entry for entry in self._entries if entry.document_id not in documents]
                self._rows = {entry.id: i for i, entry in enumerate(self._entries)}
                self._documents -= set(documents)
                self.version += 1

    def nearest(self, vector: Vector, k: int) -> list[str]:
        """The ids of the k passages of the highest cosine, best first."""
        with self._lock:
            k = min(k, len(self._entries))
            if k < 1:
                return []
            _, rows = self._faiss.search(np.ascontiguousarray(vector, dtype=np.float32).reshape(1, self._size), k)
            return [self._entries[row].id for row in rows[0]]

    def passages(self, ids: Sequence[str], vector: Vector, k: int) -> list[Passage]:
        """The first k of these passages that are still here, in this order; `score` is the cosine."""
        with self._lock:
            rows = [self._rows[one] for one in ids if one in self._rows][:k]
            vectors = [self._faiss.reconstruct(row) for row in rows]
            found = [self._entries[row] for row in rows]
        return [Passage(e.id, e.text, e.title, float(v @ vector)) for e, v in zip(found, vectors, strict=True)]

    def _shorten(self) -> None:
        """Keep 16 bits a number where there are many passages; a cosine is then right to a thousandth."""
        if len(self._entries) <= EXACT or isinstance(self._faiss, faiss.IndexScalarQuantizer):
            return
        short = faiss.IndexScalarQuantizer(self._size, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
        short.add(self._faiss.reconstruct_n(0, self._faiss.ntotal))
        self._faiss = short
