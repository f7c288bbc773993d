"""The recorder: takes every event of every run, never keeps an answer waiting, and loses none."""

import asyncio
import itertools
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import structlog
from sqlalchemy.exc import SQLAlchemyError

from router.types import Decided, Event
from store.database import Database
from store.lines import pack
from store.redaction import Redaction
from store.rows import rows_of
from store.spool import Spool, left_behind, spools
from store.writing import is_outage, write_lines

BATCH = 200
GATHER = 0.05
"""Seconds that events gather before they are written together; a flush cuts this short."""
FIRST_WAIT, LONGEST_WAIT = 0.05, 5.0
"""Seconds between two attempts at a database that cannot be written, doubling."""
CLOSING = 5.0
STALLED = 2.0
"""Seconds without progress, while events wait, after which the log counts as one that cannot be written."""

log = structlog.get_logger()


class Recorder:
    """Events in, rows out: `tell` puts an event into the spool, one thread writes the spool into SQL."""

    def __init__(self, database: Database, base: Path, embedder: str, redaction: Redaction | None = None) -> None:
        self._database, self._base, self._embedder = database, base, embedder
        self.redaction = redaction or Redaction()
        """What is kept of texts."""
        self.versions: dict[str, int] = {}
        """The promoted version of each policy, which its decisions are marked with."""
        self.lost = 0
        """Events that are neither in SQL nor waiting: 0 unless an event could not be put into words or was refused."""
        self._positions = itertools.count()
        self._spool = Spool(base)
        self._bell, self._hurry, self._closing = threading.Event(), threading.Event(), threading.Event()
        self._written = threading.Condition()
        self._done, self._moved = 0, time.monotonic()
        self._wait = 0.0
        for path in spools(base):
            self._safely(partial(self._take_over, path))
        self._thread = threading.Thread(target=self._work, name="recorder", daemon=True)
        self._thread.start()

    @property
    def pending(self) -> int:
        """How many events are not in SQL yet."""
        return len(self._spool)

    @property
    def stalled(self) -> bool:
        """Whether events wait and none has come into SQL for a while. A log that is only busy is not."""
        return self.pending > 0 and time.monotonic() - self._moved > STALLED

    def tell(self, decision_id: str, event: Event) -> None:
        """Take an event. When this returns, a killed process does not lose it. Never blocks, never raises."""
        if not self._safely(partial(self._take, decision_id, event)):
            self.lost += 1

    async def flush(self, timeout: float | None = None) -> bool:
        """Wait until all that was told before is in SQL, whatever is told meanwhile; False if that takes longer than
        `timeout` seconds."""
        return self.pending == 0 or await asyncio.to_thread(self.flush_here, timeout)

    def flush_here(self, timeout: float | None = None) -> bool:
        """As `flush`, in this thread."""
        with self._written:
            told = self._done + self.pending
            self._hurry.set()
            self._bell.set()
            return self._written.wait_for(lambda: self._done >= told, timeout)

    def close(self) -> None:
        """Write what waits; what the database will not take now stays in the spool for the next start."""
        self.flush_here(CLOSING)
        self._closing.set()
        self._hurry.set()
        self._bell.set()
        self._thread.join()
        if self.pending:
            log.error("events left in the spool for the next start", events=self.pending, spool=str(self._spool.path))
        self._spool.close()

    def _take(self, decision_id: str, event: Event) -> None:
        told = rows_of(decision_id, event, next(self._positions), time.time(), self._embedder)
        rows = self.redaction.rows(told)
        if not rows:
            return
        if isinstance(event, Decided) and event.decision.policy in self.versions:
            rows[-1][1]["policy_version"] = self.versions[event.decision.policy]
        if self.pending == 0:
            self._moved = time.monotonic()
        failure = self._spool.append(pack(rows))
        if failure is not None:
            log.error("the spool cannot be written; events wait in memory", error=str(failure))
        self._bell.set()

    def _work(self) -> None:
        while not (self._closing.is_set() and (self.pending == 0 or self._wait)):
            self._bell.wait()
            self._hurry.wait(self._wait or GATHER)
            self._hurry.clear()
            self._bell.clear()
            while self.pending and self._safely(self._write_some):
                self._wait = 0.0
            if self.pending:
                self._wait = min(LONGEST_WAIT, 2 * self._wait or FIRST_WAIT)
                self._bell.set()

    def _write_some(self) -> None:
        lines = self._spool.peek(BATCH)
        write_lines(self._database, lines, self._refuse)
        with self._written:
            self._spool.drop(lines)
            self._done += len(lines)
            self._moved = time.monotonic()
            self._written.notify_all()
        if self._wait:
            log.info("the log can be written again")

    def _take_over(self, path: Path) -> None:
        """Write what a process that died has left; what cannot be written now is left to the next start."""
        with left_behind(path) as lines:
            if lines is None:
                return
            taken = 0
            while batch := list(itertools.islice(lines, BATCH)):
                write_lines(self._database, batch, self._refuse)
                taken += len(batch)
        log.info("events of an earlier process taken over", events=taken, spool=str(path))

    def _refuse(self, line: bytes, reason: str) -> None:
        """Keep what no database takes in a file of its own, for a person to look at."""
        kept = self._base.with_name(f"{self._base.name}.refused")
        with kept.open("ab") as file:
            file.write(line)
        self.lost += 1
        log.error("an event cannot be kept in SQL", reason=reason.split("\n")[0], kept=str(kept))

    def _safely(self, work: Callable[[], None]) -> bool:
        """Do the work and say whether it was done. The one broad `except`: logging must not break an answer."""
        try:
            work()
        except Exception as error:  # noqa: BLE001
            outage = isinstance(error, SQLAlchemyError) and is_outage(error)
            if not (outage and self._wait):  # once is enough while it lasts
                why = str(getattr(error, "orig", None) or error)
                log.error("the log cannot be written", error=type(error).__name__, reason=why, waiting=self.pending)
            return False
        return True
