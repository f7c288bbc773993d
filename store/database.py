"""One SQL database: SQLite in WAL mode or PostgreSQL, by URL; reading and writing are each one short transaction."""

import hashlib
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any  # driver connections, which SQLAlchemy does not type

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DisconnectionError, NoSuchModuleError, SQLAlchemyError
from sqlmodel import Session

from models.errors import BadSettings, StoreError
from models.quick_json import dumps

PATIENCE = 5.0
"""Seconds to wait for another writer's lock before giving up on one attempt."""
FEEDBACK_ORDER = 7_206_031
"""The advisory lock that makes feedback's ids grow in the order of its commits on PostgreSQL."""


class Database:
    """An open database. Raises BadSettings for a URL that cannot be meant, StoreError where none can be opened."""

    def __init__(self, url: str, patience: float = PATIENCE) -> None:
        self.url = parse_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        try:
            self.engine = _sqlite(self.url, patience) if self.is_sqlite else _server(self.url, patience)
        except (NoSuchModuleError, ImportError) as error:
            raise BadSettings(f"store.url = {self.shown!r}: {error}", param="store.url") from error
        self._writing = self.engine.execution_options(writes=True)

    @property
    def shown(self) -> str:
        """The URL without its password."""
        return self.url.render_as_string(hide_password=True)

    @property
    def fingerprint(self) -> str:
        """A few letters that belong to this database, whoever logs in to it."""
        place = f"{self.url.host}:{self.url.port}/{self.url.database}?{sorted(self.url.query.items())}"
        return hashlib.sha256(place.encode()).hexdigest()[:10]

    @property
    def file(self) -> Path | None:
        """The SQLite file; None for a server."""
        return Path(str(self.url.database)) if self.is_sqlite else None

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A transaction that reads. Raises StoreError."""
        try:
            with Session(self.engine) as session:
                yield session
        except SQLAlchemyError as error:
            raise StoreError(f"{self.shown} cannot be read: {reason(error)}") from error

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that writes, begun as one, so that it cannot lose its turn half-way. Raises SQLAlchemyError."""
        with self._writing.begin() as connection:
            yield connection

    def order_feedback(self, connection: Connection) -> None:
        """Let no other process write feedback until this transaction has ended; SQLite has one writer anyway."""
        if not self.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": FEEDBACK_ORDER})

    def is_reachable(self) -> bool:
        """Whether a query comes back."""
        try:
            with self.engine.connect() as connection:
                connection.execute(text("SELECT 1 FROM decisions LIMIT 1"))
        except SQLAlchemyError:
            return False
        return True

    def close(self) -> None:
        """Give back all connections."""
        self.engine.dispose()


def parse_url(url: str) -> URL:
    """The URL with the driver that is installed. Raises BadSettings."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise BadSettings(f"store.url = {url!r} is no database URL; try 'sqlite:///pointsman.db'") from error
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        shown = parsed.render_as_string(hide_password=True)
        raise BadSettings(f"store.url = {shown!r}: use sqlite:///FILE or postgresql+psycopg://...", param="store.url")
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise BadSettings(f"store.url = {url!r} names no file; the log must outlive the process", param="store.url")
    return parsed


def reason(error: SQLAlchemyError) -> str:
    """What the driver said, without SQL and parameters: these may hold what users asked."""
    return " ".join(str(getattr(error, "orig", None) or type(error).__name__).split())


def _json(value: Any) -> str:
    return dumps(value).decode()


def _server(url: URL, patience: float) -> Engine:
    waits = {"connect_timeout": max(2, round(patience)), "options": f"-c lock_timeout={round(patience * 1000)}"}
    return create_engine(url, json_serializer=_json, pool_pre_ping=True, pool_size=8, connect_args=waits)


def _sqlite(url: URL, patience: float) -> Engine:
    path = Path(str(url.database))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{path.parent} cannot be made: {error}") from error
    engine = create_engine(url, json_serializer=_json, connect_args={"timeout": patience})

    @event.listens_for(engine, "do_connect")
    def look(_: Any, __: Any, ___: Any, ____: Any) -> None:
        if _file_at(path) is None:  # SQLite would make an empty one in the place of a file that was moved away
            raise sqlite3.OperationalError(f"{path} is not there any more")

    @event.listens_for(engine, "checkout")
    def still_there(_: Any, record: Any, __: Any) -> None:
        if record.info.get("file") != _file_at(path):  # what is written to a file that was moved away may be lost
            raise DisconnectionError(f"{path} is another file now, or none")

    @event.listens_for(engine, "connect")
    def prepare(raw: Any, record: Any) -> None:
        record.info["file"] = _file_at(path)
        raw.isolation_level = None  # we say BEGIN ourselves: the driver's own would let readers turn writers and fail
        # NORMAL with WAL: a power cut can take back the last commits, never leave half of one.
        for pragma in ("synchronous=NORMAL", "foreign_keys=ON"):
            raw.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    _use_wal(path)
    return engine


def _file_at(path: Path) -> tuple[int, int] | None:
    """Which file lies there: its device and number; None for none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _use_wal(path: Path, patience: float = 30.0) -> None:
    """Turn WAL on, once for the file. SQLite does not wait for its lock here, so we do. Raises StoreError."""
    deadline = time.monotonic() + patience
    while True:
        try:
            raw = sqlite3.connect(path, timeout=patience)
            try:
                raw.execute("PRAGMA journal_mode=WAL")
            finally:
                raw.close()
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise StoreError(f"{path} cannot be opened: {error}") from error
            time.sleep(0.02)
        except sqlite3.DatabaseError as error:
            raise StoreError(f"{path} cannot be opened: {error}") from error
        else:
            return
