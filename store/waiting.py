"""Waiting for a database server that is still starting; SQLite is there at once or never."""

import re
import time

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from models.errors import StoreError
from store.database import Database, reason

EVERY = 0.5
"""Seconds between two tries."""
FINAL = re.compile(r"FATAL:(?!.*(starting up|shutting down|recovery|too many|remaining connection))", re.IGNORECASE)
"""A server that is there and refuses: a wrong password or an unknown database do not become right by waiting."""

log = structlog.get_logger()


def wait_for(database: Database, seconds: float) -> None:
    """Return when the server takes connections. Blocks. Raises StoreError when it refuses, or after so many seconds."""
    until, told = time.monotonic() + seconds, False
    while not database.is_sqlite:
        try:
            with database.engine.connect() as connection:
                connection.execute(text("SELECT 1"))
            if told:
                log.info("the database is there")
            return
        except SQLAlchemyError as error:
            why = reason(error)
            if FINAL.search(why) or time.monotonic() >= until:
                waited = f" (waited {seconds:g} s)" if told else ""
                raise StoreError(f"{database.shown} cannot be opened{waited}: {why}") from error
            if not told:
                log.warning("the database is not there yet", database=database.shown, seconds=seconds, reason=why)
            told = True
        time.sleep(min(EVERY, max(0.0, until - time.monotonic())))
