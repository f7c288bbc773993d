"""Documents and passages in SQL: put, find, list, take."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, func, insert, update
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col, select

from models.errors import StoreError
from store.database import Database, reason
from store.index import Entry
from store.lines import to_bytes, utc
from store.tables import TABLES, DocumentRow, PassageRow
from store.writing import insert_new
from strategies.core.query import Vector


@dataclass(frozen=True, slots=True)
class Stamp:
    """What changes whenever a document comes or goes."""

    documents: int
    latest: datetime | None


class Shelf:
    """The library's two tables. Every method blocks; each raises StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self) -> int:
        """How many passages there are."""
        with self._database.read() as session:
            return session.exec(select(func.count()).select_from(PassageRow)).one()

    def stamp(self) -> Stamp:
        """The state of the library, to compare with a later one."""
        with self._database.read() as session:
            documents, latest = session.exec(select(func.count(), func.max(DocumentRow.at))).one()
        return Stamp(documents, latest)

    def find(self, digest: str) -> tuple[DocumentRow, int] | None:
        """The document with these bytes, and the number of its passages."""
        return next(iter(self.all(digest)), None)

    def all(self, digest: str | None = None) -> list[tuple[DocumentRow, int]]:
        """All documents (or those with these bytes) in the order in which they came, and their numbers of passages."""
        wanted = (
            select(DocumentRow, func.count(col(PassageRow.id)))
            .outerjoin(PassageRow, col(PassageRow.document_id) == col(DocumentRow.id))
            .group_by(*TABLES["documents"].columns)
            .order_by(col(DocumentRow.at), col(DocumentRow.id))
        )
        if digest is not None:
            wanted = wanted.where(DocumentRow.sha256 == digest)
        with self._database.read() as session:
            return [(row, count) for row, count in session.exec(wanted)]

    def passages(self) -> tuple[list[Entry], list[bytes]]:
        """Every passage with its embedding."""
        wanted = (
            select(PassageRow, DocumentRow.title)
            .join(DocumentRow, col(DocumentRow.id) == col(PassageRow.document_id))
            .order_by(col(DocumentRow.at), col(DocumentRow.id), col(PassageRow.position))
        )
        with self._database.read() as session:
            rows = list(session.exec(wanted))
        return [Entry(row.id, row.document_id, title, row.text) for row, title in rows], [r.embedding for r, _ in rows]

    def put(
        self, title: str, media_type: str, digest: str, size: int, embedder: str, pieces: Sequence[str], vectors: Vector
    ) -> tuple[DocumentRow, list[Entry]]:
        """Keep a document with its passages; no entries if it was there already."""
        key = f"doc-{digest[:20]}"
        row = DocumentRow(
            id=key,
            at=utc(time.time()),
            title=title,
            media_type=media_type,
            sha256=digest,
            bytes=size,
            embedder=embedder,
        )
        passages = [
            {"id": f"{key}/{i}", "document_id": key, "position": i, "text": text, "embedding": to_bytes(vectors[i])}
            for i, text in enumerate(pieces)
        ]
        try:
            with self._database.write() as connection:
                if not insert_new(self._database, connection, TABLES["documents"], [row.model_dump()]):
                    return row, []
                connection.execute(insert(TABLES["passages"]), passages)
        except SQLAlchemyError as error:
            raise StoreError(f"the document was not kept: {reason(error)}") from error
        return row, [Entry(f"{key}/{i}", key, title, text) for i, text in enumerate(pieces)]

    def take(self, document_id: str) -> bool:
        """Take a document out with its passages; False if there is none of that id."""
        table = TABLES["documents"]
        try:
            with self._database.write() as connection:
                return connection.execute(delete(table).where(table.c.id == document_id)).rowcount > 0
        except SQLAlchemyError as error:
            raise StoreError(f"the document was not taken out: {reason(error)}") from error

    def foreign(self, embedder: str) -> list[str]:
        """The documents that another embedder has placed."""
        with self._database.read() as session:
            return list(session.exec(select(DocumentRow.id).where(DocumentRow.embedder != embedder)))

    def texts(self, document_id: str) -> list[str]:
        """The passages of a document, in order."""
        wanted = select(PassageRow.text).where(PassageRow.document_id == document_id)
        with self._database.read() as session:
            return list(session.exec(wanted.order_by(col(PassageRow.position))))

    def embed_anew(self, document_id: str, embedder: str, vectors: Vector) -> None:
        """Put other embeddings in the place of a document's."""
        documents, passages = TABLES["documents"], TABLES["passages"]
        place = (passages.c.document_id == document_id) & (passages.c.position == bindparam("place"))
        rows = [{"place": i, "vector": to_bytes(vector)} for i, vector in enumerate(vectors)]
        try:
            with self._database.write() as connection:
                connection.execute(update(passages).where(place).values(embedding=bindparam("vector")), rows)
                connection.execute(update(documents).where(documents.c.id == document_id).values(embedder=embedder))
        except SQLAlchemyError as error:
            raise StoreError(f"the documents were not embedded anew: {reason(error)}") from error
