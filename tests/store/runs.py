"""Runs as the engine tells them, for tests of what becomes of them."""

import os
import signal
import sqlite3
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from models.errors import UnreadableReply
from models.types import Message, Reply, Request, Usage
from router.types import Arm, Decided, Decision, Ended, Estimate, Neighbour, Outcome
from store import open_store
from store.database import Database
from store.migrate import migrate
from store.recorder import Recorder
from strategies.core import Answered, Called, Failed, Noted, Query, Token
from tests.router.yard import Words

USAGE = Usage(prompt_tokens=7, completion_tokens=3, seconds=0.25, gpu_seconds=0.125, usd=0.5)
ARMS: Mapping[Arm, float] = {Arm("well", "direct"): 0.75, Arm("ill", "direct"): 0.25}


def decision(text: str = "How are you?", arm: str = "direct@well", decision_id: str | None = None) -> Decision:
    """A decision between two arms."""
    estimates = {one: Estimate(0.8, 0.6, 0.9, 4.0, None, 0.5, None, 1.0, 0.7) for one in ARMS}
    request = Request((Message("system", "Be kind."), Message("user", text)), temperature=0.5, seed=7)
    return Decision(
        id=decision_id or f"chatcmpl-{uuid.uuid4().hex}",
        arm=Arm.parse(arm),
        policy="thompson",
        propensities=ARMS,
        estimates=estimates,
        why="It did well on such questions.",
        query=Query(request, Words().one(text)),
        seconds=0.001,
        embed_seconds=0.002,
        neighbours=(Neighbour("chatcmpl-before", 0.9, "direct@ill", None),),
    )


@contextmanager
def recording(folder: Path) -> Iterator[Recorder]:
    """A recorder over a new SQLite file, which gives up soon on a lock."""
    database = Database(f"sqlite:///{folder / 'test.db'}", patience=0.02)
    migrate(database)
    recorder = Recorder(database, folder / "test.db", "words")
    yield recorder
    recorder.close()
    database.close()


def tell_run(recorder: Recorder, made: Decision, answer: str = "I am well.", status: str = "ok") -> Decision:
    """Tell all events of a run with two calls, the second of which failed if the run did not end well."""
    failed = None if status == "ok" else UnreadableReply("no answer in it")
    request = made.query.request
    recorder.tell(made.id, Decided(made))
    recorder.tell(made.id, Called("draft", "well", request, Reply("A draft.", usage=USAGE), 0.0, 0.25))
    recorder.tell(made.id, Noted("two experts agree", {"experts": 2, "names": ["a", "b"]}))
    if failed is None:
        recorder.tell(made.id, Called("answer", "well", request, Reply(answer, usage=USAGE), 0.25, 0.25))
    else:
        recorder.tell(made.id, Called("answer", "well", request, None, 0.25, 0.25, str(failed)))
        recorder.tell(made.id, Failed(failed))
    recorder.tell(made.id, Token(answer))
    recorder.tell(made.id, Answered(Reply(answer, usage=USAGE)))
    error = None if failed is None else f"UnreadableReply: {failed}"
    blamed = status in ("degraded", "failed")
    outcome = Outcome(made.id, made.arm, USAGE, 0.5, 2, status, error, 0.3, blamed)
    recorder.tell(made.id, Ended(outcome, made, answer))
    return made


def tell_and_die(url: str, spool: Path, ids: list[str]) -> None:
    """In a process of its own: tell runs while somebody holds the database, and be killed at once."""
    store = open_store(url, Words(), spool)
    if store.database.file is not None:
        holder = sqlite3.connect(store.database.file, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
    for decision_id in ids:
        tell_run(store.recorder, decision(decision_id=decision_id))
    os.kill(os.getpid(), signal.SIGKILL)


def open_and_close(url: str, spool: Path) -> None:
    """In a process of its own: open a database that others are opening."""
    store = open_store(url, Words(), spool)
    store.recorder.close()
    store.database.close()
