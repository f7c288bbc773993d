"""Documents and passages in SQL: put, find, list, take."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, bindparam, delete, func, insert, update
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col, select

from models.errors import StoreError
from store.database import Database, reason
from store.entry import Entry
from store.lines import to_bytes
from store.tables import TABLES, DocumentRow, PassageRow
from store.writing import insert_new
from strategies.core.query import Vector

AT_ONCE = 200
"""Documents that are read together."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What changes whenever a document comes or goes."""

    documents: int
    bytes: int
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
            wanted = select(func.count(), func.coalesce(func.sum(DocumentRow.bytes), 0), func.max(DocumentRow.at))
            documents, size, latest = session.exec(wanted).one()
        return Stamp(documents, int(size), latest)

    def find(self, digest: str) -> tuple[DocumentRow, int] | None:
        """The document with these bytes, and the number of its passages."""
        return next(iter(self.all(col(DocumentRow.sha256) == digest)), None)

    def read(self, document_id: str) -> tuple[DocumentRow, int] | None:
        """The document of this id, and the number of its passages."""
        return next(iter(self.all(col(DocumentRow.id) == document_id)), None)

    def all(self, which: ColumnElement[bool] | None = None) -> list[tuple[DocumentRow, int]]:
        """All documents (or some) in the order in which they came, and their numbers of passages."""
        wanted = (
            select(DocumentRow, func.count(col(PassageRow.id)))
            .outerjoin(PassageRow, col(PassageRow.document_id) == col(DocumentRow.id))
            .group_by(*TABLES["documents"].columns)
            .order_by(col(DocumentRow.at), col(DocumentRow.id))
        )
        if which is not None:
            wanted = wanted.where(which)
        with self._database.read() as session:
            return [(row, count) for row, count in session.exec(wanted)]

    def embedders(self) -> dict[str, str]:
        """Which embedder placed each document, by the documents' ids in the order in which they came."""
        wanted = select(DocumentRow.id, DocumentRow.embedder).order_by(col(DocumentRow.at), col(DocumentRow.id))
        with self._database.read() as session:
            return dict(session.exec(wanted).all())

    def passages(self, documents: Sequence[str]) -> Iterator[tuple[list[Entry], list[bytes]]]:
        """The passages of these documents with their embeddings, some documents at a time, each of them whole."""
        for start in range(0, len(documents), AT_ONCE):
            wanted = (
                select(PassageRow, DocumentRow.title)
                .join(DocumentRow, col(DocumentRow.id) == col(PassageRow.document_id))
                .where(col(DocumentRow.id).in_(documents[start : start + AT_ONCE]))
                .order_by(col(DocumentRow.at), col(DocumentRow.id), col(PassageRow.position))
            )
            with self._database.read() as session:
                rows = list(session.exec(wanted))
            entries = [Entry(row.id, row.document_id, title, row.text) for row, title in rows]
            yield entries, [row.embedding for row, _ in rows]

    def put(self, row: DocumentRow, pieces: Sequence[str], vectors: Vector) -> list[Entry]:
        """Keep a document with its passages, both or neither; no entries if it was there already."""
        passages = [
            {
                "id": f"{row.id}/{i}",
                "document_id": row.id,
                "position": i,
                "text": text,
                "embedding": to_bytes(vectors[i]),
            }
            for i, text in enumerate(pieces)
        ]
        try:
            with self._database.write() as connection:
                if not insert_new(self._database, connection, TABLES["documents"], [row.model_dump()]):
                    return []
                connection.execute(insert(TABLES["passages"]), passages)
        except SQLAlchemyError as error:
            raise StoreError(f"the document was not kept: {reason(error)}") from error
        return [Entry(f"{row.id}/{i}", row.id, row.title, text) for i, text in enumerate(pieces)]

    def take(self, document_id: str) -> bool:
        """Take a document out with its passages; False if there is none of that id."""
        table = TABLES["documents"]
        try:
            with self._database.write() as connection:
                return connection.execute(delete(table).where(table.c.id == document_id)).rowcount > 0
        except SQLAlchemyError as error:
            raise StoreError(f"the document was not taken out: {reason(error)}") from error

    def entries(self, document_id: str) -> list[Entry]:
        """The passages of a document, in order."""
        return [entry for entries, _ in self.passages([document_id]) for entry in entries]

    def embed_anew(self, document_id: str, embedder: str, vectors: Vector) -> bool:
        """Put other embeddings in the place of a document's, all or none; False if it is there no more."""
        documents, passages = TABLES["documents"], TABLES["passages"]
        place = (passages.c.document_id == document_id) & (passages.c.position == bindparam("place"))
        rows = [{"place": i, "vector": to_bytes(vector)} for i, vector in enumerate(vectors)]
        try:
            with self._database.write() as connection:
                connection.execute(update(passages).where(place).values(embedding=bindparam("vector")), rows)
                named = update(documents).where(documents.c.id == document_id).values(embedder=embedder)
                return connection.execute(named).rowcount > 0
        except SQLAlchemyError as error:
            raise StoreError(f"the documents were not embedded anew: {reason(error)}") from error
