"""Being the only process on a database that does something, for as long as it lives."""

import fcntl
import os
import threading
import zlib

import structlog
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from models.errors import StoreError
from store.database import Database, reason

LOCKS = 7_206_000
"""The first of the two numbers that name an advisory lock; the other one comes from what is done alone."""

log = structlog.get_logger()


class Alone:
    """An advisory lock of a session on PostgreSQL, a lock on a file beside SQLite's; it falls when the process dies."""

    def __init__(self, database: Database, what: str) -> None:
        self._database, self._what = database, what
        self._connection: Connection | None = None
        self._file: int | None = None
        self._lock = threading.Lock()

    def is_mine(self) -> bool:
        """Whether it is this process's, taken if it is nobody's. Does not wait for others. Raises StoreError."""
        with self._lock:
            if self._database.is_sqlite:
                return self._file is not None or self._lock_file()
            try:
                return self._holds() or self._take()
            except SQLAlchemyError as error:
                self._let_go()
                raise StoreError(f"{self._database.shown} cannot be locked: {reason(error)}") from error

    def close(self) -> None:
        """Give it back."""
        with self._lock:
            self._let_go()
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def _lock_file(self) -> bool:
        try:
            file = os.open(f"{self._database.file}.{self._what}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(f"no lock can be had beside {self._database.file}: {error}") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        self._file = file
        return True

    def _holds(self) -> bool:
        """Whether the session that took the lock still lives: with it, the lock is gone."""
        if self._connection is None:
            return False
        try:
            self._connection.execute(text("SELECT 1"))
        except SQLAlchemyError as error:
            log.info("a lock went with its connection", what=self._what, reason=reason(error))
            self._let_go()
            return False
        return True

    def _take(self) -> bool:
        connection = self._database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        wanted = text("SELECT pg_try_advisory_lock(:first, :second)")
        key = {"first": LOCKS, "second": zlib.crc32(self._what.encode()) & 0x7FFF_FFFF}
        if connection.execute(wanted, key).scalar_one():
            self._connection = connection
            return True
        connection.close()
        return False

    def _let_go(self) -> None:
        """Close the connection itself: one that went back to the pool would keep the lock."""
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None
