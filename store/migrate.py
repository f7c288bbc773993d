"""Bringing a database to the tables of this version; any number of processes may do so at once."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from models.errors import StoreError
from store.database import Database, reason

MIGRATIONS = Path(__file__).parent / "migrations"
ORDER = 7_206_030
"""The advisory lock under which PostgreSQL is migrated."""
PATIENCE_MS = 60_000
"""How long a process waits for another one that is migrating."""


def migrate(database: Database) -> None:
    """Apply the migrations that the database lacks, in one transaction. Raises StoreError."""
    config = settings()
    heads = set(ScriptDirectory.from_config(config).get_heads())
    try:
        with database.engine.connect() as connection:
            if set(MigrationContext.configure(connection).get_current_heads()) == heads:
                return
        if database.is_sqlite:
            with database.engine.connect() as connection:  # the transaction that follows takes this connection again
                connection.exec_driver_sql(f"PRAGMA busy_timeout={PATIENCE_MS}")
        with database.write() as connection:
            _take_turn(database, connection)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except SQLAlchemyError as error:
        raise StoreError(f"{database.shown} cannot be opened: {reason(error)}") from error
    except CommandError as error:
        raise StoreError(f"{database.shown} was written by another version of Pointsman: {error}") from error
    finally:
        database.engine.dispose()  # connections that are this patient are for migrating only


def settings() -> Config:
    """Alembic's settings, without a file."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _take_turn(database: Database, connection: Connection) -> None:
    """Wait for whoever is migrating; on SQLite the transaction itself is the lock."""
    if not database.is_sqlite:
        connection.execute(text("SELECT set_config('lock_timeout', :wait, true)"), {"wait": str(PATIENCE_MS)})
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ORDER})
