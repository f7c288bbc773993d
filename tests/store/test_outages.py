"""A database that is busy, restarts, or is not there yet; and a log that is long."""

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import event, text
from structlog.testing import capture_logs

from models.errors import StoreError
from store import open_store
from store.database import Database
from store.migrate import migrate
from tests.router.yard import Words
from tests.store import cluster
from tests.store.cluster import new_database
from tests.store.runs import decision, tell_run

READERS = 40
"""More than the pool has connections."""
ROWS = 20_000
LATE = 2_000_000_000
"""The moment of the newest row, in seconds since 1970."""


def test_more_readers_than_connections_wait_their_turn(url: str) -> None:
    database = Database(url)
    migrate(database)

    def read(_: int) -> int:
        with database.read() as session:
            found: int = session.connection().execute(text("SELECT count(*) FROM decisions")).scalar_one()
            time.sleep(0.02)
            return found

    with ThreadPoolExecutor(READERS) as readers:
        assert list(readers.map(read, range(2 * READERS))) == [0] * 2 * READERS
    database.close()


async def test_a_server_that_restarts_is_used_again_without_opening_the_store_anew(
    server: Path, tmp_path: Path
) -> None:
    store = await asyncio.to_thread(open_store, new_database(server, "restarted"), Words(), tmp_path / "events")
    before = tell_run(store.recorder, decision("Before?"))
    await store.ratings.rate(before.id, 1.0)
    await asyncio.to_thread(cluster.stop, server)
    await asyncio.to_thread(cluster.start, server)
    await store.ratings.rate(before.id, 0.75)  # no connection from before is used
    await asyncio.to_thread(cluster.stop, server)
    try:
        during = tell_run(store.recorder, decision("During?"))
        assert not await store.ready()
        with pytest.raises(StoreError):
            list(store.history.feedback())
    finally:
        await asyncio.to_thread(cluster.start, server)
    assert await store.recorder.flush(15)
    await store.ratings.rate(during.id, 1.0)
    assert await store.ready()
    assert [row["id"] for row in await store.log.decisions()] == [during.id, before.id]
    assert store.recorder.lost == 0
    await store.close()


def test_a_server_that_is_still_starting_is_waited_for_and_that_is_said_once(server: Path, tmp_path: Path) -> None:
    url = new_database(server, "late")
    cluster.stop(server)
    starting = threading.Timer(1.0, cluster.start, [server])
    starting.start()
    with capture_logs() as said:
        store = open_store(url, Words(), tmp_path / "events", wait=30)
    starting.join()
    assert [line["event"] for line in said] == ["the database is not there yet", "the database is there"]
    asyncio.run(store.close())


def test_after_the_wait_it_is_said_what_is_wrong_and_a_refusal_is_not_waited_for(server: Path, tmp_path: Path) -> None:
    nowhere = f"postgresql://postgres:secret@/nothing?host={tmp_path}"
    with pytest.raises(StoreError, match=r"waited 0\.6 s.*No such file") as told:
        open_store(nowhere, Words(), wait=0.6)
    assert "secret" not in str(told.value)
    began = time.monotonic()
    with pytest.raises(StoreError, match='database "nothing" does not exist'):
        open_store(f"postgresql://postgres@/nothing?host={server}", Words(), wait=30)
    assert time.monotonic() - began < 5


@pytest.fixture
def long(url: str) -> Iterator[Database]:
    """A log of many decisions of two arms, one of which is rare."""
    database = Database(url)
    migrate(database)
    name = "chr(97) || n" if not database.is_sqlite else "'a' || n"
    at = f"to_timestamp({LATE} - n)" if not database.is_sqlite else f"datetime({LATE} - n, 'unixepoch') || '.000000'"
    arm = "CASE WHEN n % 1000 = 0 THEN 'rare' ELSE 'usual' END"
    rows = f"WITH RECURSIVE many(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < {ROWS})"
    empty = "''" if not database.is_sqlite else "x''"
    with database.write() as connection:
        for into in (
            f"INSERT INTO queries (id, at, text, request, constraints, embedder, embedding) {rows} "
            f"SELECT {name}, {at}, 'Why?', '{{}}', '{{}}', 'words', {empty} FROM many",
            "INSERT INTO decisions (id, at, arm, model, strategy, policy, propensity, propensities, estimates, "
            f"neighbours, why, embed_seconds, decide_seconds) {rows} SELECT {name}, {at}, 'direct@' || {arm}, {arm}, "
            "'direct', 'thompson', 1, '{}', '{}', '[]', '', 0, 0 FROM many",
            "INSERT INTO outcomes (decision_id, at, arm, status, text, prompt_tokens, completion_tokens, seconds, "
            f"calls) {rows} SELECT {name}, {at}, 'direct@' || {arm}, 'ok', 'So.', 1, 1, 1, 1 FROM many",
        ):
            connection.execute(text(into))
    if not database.is_sqlite:  # PostgreSQL does so by itself, SQLite never
        with database.write() as connection:
            connection.exec_driver_sql("ANALYZE")
    yield database
    database.close()


async def test_pages_of_a_long_log_are_read_by_an_index_and_nothing_is_sorted(long: Database, tmp_path: Path) -> None:
    store = await asyncio.to_thread(open_store, long.url.render_as_string(False), Words(), tmp_path / "events")
    assert await store.log.decisions(arm="nobody") == []
    asked: list[tuple[str, object]] = []

    @event.listens_for(store.database.engine, "before_cursor_execute")
    def before(_c: object, _u: object, sql: str, parameters: object, _x: object, _m: object) -> None:
        if sql.startswith("SELECT") and "decisions" in sql:
            asked.append((sql, parameters))

    for wanted in ({}, {"before": "a5000"}, {"arm": "direct@rare"}, {"arm": "rare"}, {"arm": "direct"}):
        page = await store.log.decisions(limit=10, **wanted)
        assert len(page) == 10, wanted
    assert await store.log.decision("a5000") is not None
    explain = "EXPLAIN QUERY PLAN " if long.is_sqlite else "EXPLAIN "
    plans = {}
    with long.engine.connect() as connection:
        for sql, parameters in asked:
            found = connection.exec_driver_sql(explain + sql, parameters)  # type: ignore[arg-type]  # the driver's own
            plans[sql] = [str(row[-1]) for row in found]
    assert len(plans) > 5
    whole = ("Seq Scan on decisions", "SCAN decisions")
    sorts = ("->  Sort", "FOR ORDER BY")
    slow = [
        (sql, plan)
        for sql, plan in plans.items()
        for step in plan
        if (any(word in step for word in whole) and "INDEX" not in step) or any(word in step for word in sorts)
    ]
    assert slow == []
    await store.close()
