"""Opening the store: a database migrated, a recorder running, and everything that reads and writes over them."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # JSON

from models.embedding import Embedder
from store.database import Database
from store.examples import Examples
from store.history import History
from store.library import Habits, Library
from store.log import Log
from store.migrate import migrate
from store.news import News
from store.placing import Placing
from store.ratings import Ratings
from store.recorder import Recorder
from store.redaction import Redaction
from store.space import Space
from store.versions import Versions
from store.waiting import wait_for


@dataclass(frozen=True, slots=True)
class Store:
    """All that Pointsman remembers. Close it: that writes what still waits."""

    database: Database
    recorder: Recorder
    history: History
    library: Library
    log: Log
    ratings: Ratings
    policies: Versions
    news: News

    def offers(self) -> frozenset[str]:
        """What strategies may count on now: "documents", "examples"."""
        return self.library.offers() | self.history.offers()

    async def versions(self) -> list[dict[str, Any]]:
        """Every version of every policy, newest first."""
        return await self.policies.all()

    async def ready(self) -> bool:
        """Whether the database answers and takes what is told."""
        return not self.recorder.stalled and await asyncio.to_thread(self.database.is_reachable)

    async def close(self) -> None:
        """Write what waits and give everything back; what cannot be written stays in the spool for the next start."""
        await self.library.close()
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self.recorder.close()
        self.database.close()


def open_store(
    url: str,
    embedder: Embedder,
    spool: Path | None = None,
    habits: Habits = Habits(),  # noqa: B008  # frozen
    redaction: Redaction | None = None,
    wait: float = 0.0,
) -> Store:
    """Open the store at this URL, bring its tables up to date, and take over what a killed process left. Blocks.

    `spool` names the file in which events wait for SQL; None puts it beside the SQLite file, or in the working folder
    under a name that belongs to the database. `habits` are the library's, `redaction` says what is kept of texts. A
    server that is not there yet is waited for, up to `wait` seconds. Raises BadSettings, StoreError.
    """
    database = Database(url)
    wait_for(database, wait)
    migrate(database)
    base = spool_base(database, spool)
    recorder = Recorder(database, base, embedder.name, redaction)
    space = Space.of(embedder)
    examples = Examples(database, space)
    news = News(database, examples, space)
    return Store(
        database,
        recorder,
        History(database, examples, space),
        Library(database, embedder, habits),
        Log(database, recorder),
        Ratings(database, recorder, examples, space, Placing(database, embedder), news),
        Versions(database, recorder),
        news,
    )


def spool_base(database: Database, spool: Path | None) -> Path:
    """The path that the spools of all processes on this database begin with."""
    if spool is not None:
        return spool.with_suffix("") if spool.suffix == ".spool" else spool
    return database.file or Path(f"pointsman-{database.fingerprint}")
