"""The place of a question that was not embedded when it was asked: given to it when somebody judges its answer."""

import asyncio
from collections.abc import Sequence

from sqlalchemy import update
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col, select

from models.embedding import Embedder
from models.errors import StoreError
from router.normal import embedded
from store.database import Database, reason
from store.lines import to_bytes
from store.redaction import is_redacted
from store.space import UNPLACED
from store.tables import TABLES, QueryRow


class Placing:
    """Embeds questions late, each once."""

    def __init__(self, database: Database, embedder: Embedder) -> None:
        self._database, self._embedder = database, embedder

    async def place(self, ids: Sequence[str]) -> None:
        """Give these questions their places, those that have none and are no side requests. Raises StoreError."""
        texts = await asyncio.to_thread(self._unplaced, ids)
        if not texts:
            return
        vectors = await self._embedder.embed([embedded(text) for text in texts.values()])
        found = {key: to_bytes(vector) for key, vector in zip(texts, vectors, strict=True)}
        await asyncio.to_thread(self._keep, found)

    def _unplaced(self, ids: Sequence[str]) -> dict[str, str]:
        wanted = select(QueryRow.id, QueryRow.text).where(
            col(QueryRow.id).in_(ids), col(QueryRow.embedder) == UNPLACED, col(QueryRow.side).is_(None)
        )
        with self._database.read() as session:
            found = session.exec(wanted).all()
        return {key: text for key, text in found if not is_redacted(text)}  # what was hidden has no place

    def _keep(self, vectors: dict[str, bytes]) -> None:
        queries = TABLES["queries"]
        try:
            with self._database.write() as connection:
                for key, vector in vectors.items():
                    placed = {"embedder": self._embedder.name, "embedding": vector}
                    connection.execute(update(queries).where(queries.c.id == key).values(placed))
        except SQLAlchemyError as error:
            raise StoreError(f"the feedback was not taken down: {reason(error)}") from error
