"""Processes that are killed while they write to the library."""

import asyncio
import os
import signal

from sqlalchemy import event

from models.embedding import Embedder
from store import Store, open_store
from tests.router.yard import Words


class Others(Words):
    """Another embedder, with larger vectors."""

    name, size = "others", 24


def add_and_die(url: str, statement: str, nth: int) -> None:
    """In a process of its own: take a document in, and be killed at the nth statement that begins so."""
    store = _killed_at(url, Words(), statement, nth)
    asyncio.run(store.library.add("Herons", b"They eat fish.\n\nThey eat frogs.\n\n" * 20, "text/plain"))


def search_and_die(url: str, statement: str, nth: int) -> None:
    """In a process of its own: search with another embedder, and be killed at the nth statement that begins so."""
    store = _killed_at(url, Others(), statement, nth)
    asyncio.run(store.library.search("heron", 1))


def _killed_at(url: str, embedder: Embedder, statement: str, nth: int) -> Store:
    store = open_store(url, embedder)
    left = iter(range(nth - 1))

    def die() -> None:
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    if statement == "COMMIT":
        event.listen(store.database.engine, "commit", lambda connection: die())
    else:

        @event.listens_for(store.database.engine, "before_cursor_execute")
        def before(_c: object, _u: object, sql: str, _p: object, _x: object, _m: object) -> None:
            if sql.startswith(statement):
                die()

    return store
