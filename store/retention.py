"""Forgetting: old questions go, with their decisions, calls, notes, outcomes and feedback, a few at a time."""

import time
from collections.abc import Sequence

from sqlalchemy import delete, text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col, select

from models.errors import StoreError
from store.database import Database, reason
from store.lines import utc
from store.tables import TABLES, QueryRow

BATCH = 100
"""Questions per transaction: those who write wait for no longer than that takes."""
DAY = 86_400.0


class Retention:
    """What the log forgets. SQLite's file does not become smaller: what is freed is overwritten, and used again."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def forget(self, days: float, most: int = BATCH) -> Sequence[str]:
        """Take away up to `most` questions older than that, the oldest first; returns their ids. Blocks.

        Raises StoreError.
        """
        table, before = TABLES["queries"], utc(time.time() - days * DAY)
        oldest = select(QueryRow.id).where(col(QueryRow.at) < before).order_by(col(QueryRow.at)).limit(most)
        with self._database.read() as session:
            ids = list(session.exec(oldest))
        if not ids:
            return ids
        try:
            with self._database.write() as connection:
                if self._database.is_sqlite:
                    connection.execute(text("PRAGMA secure_delete=ON"))
                connection.execute(delete(table).where(table.c.id.in_(ids)))  # all that hangs on it goes with it
        except SQLAlchemyError as error:
            raise StoreError(f"old questions were not deleted: {reason(error)}") from error
        return ids
