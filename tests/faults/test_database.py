"""T2: while the database is locked, moved away or stopped, answers go on, their rows wait, and nothing is lost."""

import shutil
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from store import recorder
from tests.faults.standing import WORDS, over, refused
from tests.service.serving import Served, served
from tests.store import cluster
from tests.store.cluster import new_database, programs
from tests.upstream import Upstream


@pytest.fixture
def up() -> Iterator[Upstream]:
    with Upstream() as upstream:
        yield upstream


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests wait less than a service does."""
    monkeypatch.setattr(recorder, "STALLED", 1.0)
    monkeypatch.setattr(recorder, "LONGEST_WAIT", 0.5)
    monkeypatch.setattr(recorder, "CLOSING", 0.5)


def until(service: Served, ready: bool, patience: float = 20.0) -> None:
    """Wait until /readyz says so."""
    deadline = time.monotonic() + patience
    while (service.http.get("/readyz").status_code == 200) is not ready:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def pending(service: Served) -> float:
    """Events not yet in SQL, as /metrics counts them."""
    text = service.http.get("/metrics").text
    return float(text.partition("\npointsman_log_pending ")[2].partition("\n")[0])


def ask(service: Served, n: int) -> list[str]:
    """So many answers, each right and at once; their ids."""
    ids = []
    for i in range(n):
        begun = time.monotonic()
        reply = service.ask(f"What is {i}?", stream=False)
        assert reply.status_code == 200, reply.text
        assert reply.json()["choices"][0]["message"]["content"] == WORDS
        assert time.monotonic() - begun < 1.0, "an answer waited for the log"
        ids.append(reply.json()["id"])
    return ids


def rate(service: Served, decision_id: str) -> httpx.Response:
    """A thumb up."""
    return service.http.post("/v1/feedback", json={"id": decision_id, "thumb": "up"})


def outage(service: Served, before: list[str]) -> list[str]:
    """What must hold while it lasts; the ids of the answers that were given meanwhile."""
    ids = ask(service, 10)
    assert pending(service) >= 2 * len(ids)
    until(service, ready=False)
    assert service.http.get("/healthz").status_code == 200, "the process is well: a restart would mend nothing"
    late = rate(service, before[0])
    assert (late.status_code, refused(late)["code"]) == (503, "store_unavailable")
    assert int(late.headers["retry-after"]) >= 1
    return ids + ask(service, 10)


def recovered(service: Served, ids: list[str]) -> None:
    """What must hold soon after, with no hand at work."""
    until(service, ready=True)
    for decision_id in ids:
        assert service.decision(decision_id, "ok")["answer"] == WORDS
    assert pending(service) == 0
    assert "\npointsman_log_lost 0.0" in service.http.get("/metrics").text
    assert rate(service, ids[0]).json()["repeated"] is False
    assert rate(service, ids[-1]).status_code == 200


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Another connection that keeps the right to write to itself."""
    with closing(sqlite3.connect(file, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        yield


def test_a_locked_database_delays_rows_and_no_answer(tmp_path: Path, up: Upstream) -> None:
    with served(over(tmp_path, up, "one")) as service:
        before = ask(service, 3)
        service.decision(before[-1], "ok")
        with locked(tmp_path / "test.db"):
            held = time.monotonic()
            ids = outage(service, before)
            time.sleep(max(0.0, 3.0 - (time.monotonic() - held)))
        recovered(service, before + ids)


def test_feedback_waits_out_a_short_lock(tmp_path: Path, up: Upstream) -> None:
    with served(over(tmp_path, up, "one")) as service:
        (decision_id,) = ask(service, 1)
        service.decision(decision_id, "ok")
        with ThreadPoolExecutor(1) as pool:
            with locked(tmp_path / "test.db"):
                rating = pool.submit(rate, service, decision_id)
                time.sleep(0.5)
                assert not rating.done()
            assert rating.result().status_code == 200


def test_a_file_that_was_moved_away_is_not_replaced_and_used_again_when_it_is_back(
    tmp_path: Path, up: Upstream
) -> None:
    away = tmp_path / "away"
    away.mkdir()
    with served(over(tmp_path, up, "one")) as service:
        before = ask(service, 3)
        service.decision(before[-1], "ok")
        for file in tmp_path.glob("test.db*"):
            if not file.name.endswith(".spool"):
                shutil.move(file, away)
        ids = outage(service, before)
        assert refused(service.http.get("/v1/decisions"))["code"] == "store_unavailable"
        assert not (tmp_path / "test.db").exists(), "an empty file took its place"
        for file in away.iterdir():
            shutil.move(file, tmp_path)
        recovered(service, before + ids)


def test_what_a_file_that_never_comes_back_would_have_held_is_in_the_next_one(tmp_path: Path, up: Upstream) -> None:
    with served(over(tmp_path, up, "one")) as service:
        service.decision(ask(service, 1)[0], "ok")
        for file in tmp_path.glob("test.db*"):
            if not file.name.endswith(".spool"):
                file.unlink()
        ids = ask(service, 5)
        until(service, ready=False)
    with served(over(tmp_path, up, "one")) as service:
        for decision_id in ids:
            assert service.decision(decision_id, "ok")["answer"] == WORDS


def test_a_server_that_was_stopped_delays_rows_and_no_answer(tmp_path: Path, up: Upstream) -> None:
    found = programs()
    if found is None:
        pytest.skip("no PostgreSQL server programs (initdb, pg_ctl) on this machine")
    with cluster.cluster(found) as folder:
        store = {"url": new_database(folder, "faults"), "spool": str(tmp_path / "events")}
        with served(over(tmp_path, up, "one", store=store)) as service:
            before = ask(service, 3)
            service.decision(before[-1], "ok")
            cluster.stop(folder)
            try:
                ids = outage(service, before)
            finally:
                cluster.start(folder)
            recovered(service, before + ids)
