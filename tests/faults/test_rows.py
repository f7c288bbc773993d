"""T1: one row for each answer, whatever the load, and after the process was told to end or was killed."""

import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from threading import Event

import httpx
import pytest

from tests.faults.standing import WORDS, Process, process, refused, streamed
from tests.upstream import Behaviour, Upstream

AT_ONCE = 32
N = 300
LINKED = """SELECT d.id, o.status, o.text, (SELECT count(*) FROM calls c WHERE c.decision_id = d.id)
FROM decisions d JOIN queries q ON q.id = d.id JOIN outcomes o ON o.decision_id = d.id"""
HALVES = """SELECT 'decision', id FROM decisions WHERE id NOT IN (SELECT id FROM queries)
UNION ALL SELECT 'query', id FROM queries WHERE id NOT IN (SELECT id FROM decisions)
UNION ALL SELECT 'outcome', decision_id FROM outcomes WHERE decision_id NOT IN (SELECT id FROM decisions)
UNION ALL SELECT 'call', decision_id FROM calls WHERE decision_id NOT IN (SELECT id FROM decisions)"""


@dataclass(slots=True)
class Heard:
    """What the clients heard: ids of whole answers; how many were refused in OpenAI's shape or found nobody there; and
    the questions on lines that were cut, as happens to those that cross the end of a line that was kept alive."""

    answered: list[str] = field(default_factory=list)
    refused: int = 0
    nobody: int = 0
    cut: list[str] = field(default_factory=list)


@pytest.fixture
def up() -> Iterator[Upstream]:
    with Upstream() as upstream:
        yield upstream


def load(service: Process, n: int, enough: int = 0, then: Callable[[], None] = lambda: None) -> Heard:
    """Ask n questions, 32 at once, every second one streamed; with so many answers, `then` comes."""
    heard, numbers, told = Heard(), count(), Event()

    def client() -> None:
        with httpx.Client(base_url=service.url, timeout=30.0) as http:
            while (i := next(numbers)) < n:
                one(http, i)
                if len(heard.answered) >= enough and not told.is_set():
                    told.set()
                    then()

    def one(http: httpx.Client, i: int) -> None:
        stream = i % 2 == 1
        question = f"What is {i} and {i}?"
        body = {"messages": [{"role": "user", "content": question}], "stream": stream}
        try:
            reply = http.post("/v1/chat/completions", json=body)
        except httpx.ConnectError:
            heard.nobody += 1
            return
        except httpx.TransportError:
            heard.cut.append(question)
            return
        if reply.status_code != 200:
            refused(reply)
            heard.refused += 1
        elif stream:
            found = streamed(reply.text)
            assert (found.text, found.done) == (WORDS, True)
            heard.answered.append(reply.text.partition('"id":"')[2].partition('"')[0])
        else:
            assert reply.json()["choices"][0]["message"]["content"] == WORDS
            heard.answered.append(reply.json()["id"])

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for done in [pool.submit(client) for _ in range(AT_ONCE)]:
            done.result()
    return heard


def kept(service: Process, ids: list[str], patience: float = 10.0) -> dict[str, tuple[str, str, int]]:
    """Status, text and number of calls of each decision that is whole, once all of the ids are among them."""
    deadline = time.monotonic() + patience
    while True:
        found = {row[0]: (row[1], row[2], row[3]) for row in service.rows(LINKED)}
        if set(ids) <= set(found) or time.monotonic() > deadline:
            return found
        time.sleep(0.1)


def test_every_answer_has_its_row_and_every_call_belongs_to_one(tmp_path: Path, up: Upstream) -> None:
    with process(tmp_path, up) as service:
        heard = load(service, N)
        assert len(set(heard.answered)) == N
        rows = kept(service, heard.answered)
        assert rows == dict.fromkeys(heard.answered, ("ok", WORDS, 1))
        called = sum(one.path.endswith("/chat/completions") for one in up.seen)
        assert service.rows("SELECT count(*) FROM calls") == [(called,)] == [(N,)]
        assert service.rows(HALVES) == []


@contextmanager
def behind(service: Process) -> Iterator[None]:
    """Another connection locks the database, so that rows wait in the spool."""
    with closing(sqlite3.connect(service.database, isolation_level=None, timeout=10.0)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        yield


def test_a_process_that_is_told_to_end_answers_whom_it_took_and_keeps_their_rows(tmp_path: Path, up: Upstream) -> None:
    up.set("*", Behaviour(delay=0.05))
    with process(tmp_path, up) as service:

        def end() -> None:
            with behind(service):
                service.send(signal.SIGTERM)
                time.sleep(1.0)

        heard = load(service, N, 60, end)
        assert service.ended() in (0, -signal.SIGTERM)  # uvicorn passes the signal on when all is closed
        rows = kept(service, heard.answered)
    assert 60 <= len(heard.answered) < N
    taken = {one.body["messages"][-1]["content"] for one in up.seen if "messages" in one.body}
    assert not taken & set(heard.cut), "a question that was taken was not answered"
    assert heard.nobody + heard.refused + len(heard.cut) == N - len(heard.answered)
    assert rows == dict.fromkeys(heard.answered, ("ok", WORDS, 1))
    assert service.rows(HALVES) == []


def test_a_process_that_is_killed_loses_no_row_of_an_answer_that_was_given(tmp_path: Path, up: Upstream) -> None:
    up.set("*", Behaviour(delay=0.02))
    with process(tmp_path, up) as service, ThreadPoolExecutor(1) as pool:
        asking = pool.submit(load, service, N)
        up.until(lambda up: up.requests > N // 6, patience=20)
        with behind(service):
            up.until(lambda up: up.requests > N // 3, patience=20)
            service.send(signal.SIGKILL)
            assert service.ended() == -signal.SIGKILL
        heard = asking.result()
        assert 0 < len(heard.answered) < N
        assert service.rows("PRAGMA integrity_check") == [("ok",)]
        assert service.rows("PRAGMA foreign_key_check") == []
        assert len(kept(service, [])) < len(heard.answered), "no row waited in the spool; this shows nothing"
        service.start()  # it takes over what waited there
        rows = kept(service, heard.answered)
        assert {one: rows.get(one) for one in heard.answered} == dict.fromkeys(heard.answered, ("ok", WORDS, 1))
        assert service.rows(HALVES) == []
        assert list(tmp_path.glob("*.refused")) == []
        assert len(load(service, 10).answered) == 10
