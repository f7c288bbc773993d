"""The recorder: everything told is in SQL once, whatever happens to the database, the disk or the process."""

import asyncio
import multiprocessing
import os
import sqlite3
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import event, func, select

from models.types import Message, Request
from router.types import Decided
from store import Store, open_store
from store.database import Database
from store.recorder import Recorder
from store.tables import TABLES
from strategies.core import Noted
from tests.router.yard import Words
from tests.store.runs import decision, recording, tell_and_die, tell_run

ROWS_OF_A_RUN = {"queries": 1, "decisions": 1, "calls": 2, "notes": 1, "outcomes": 1}


def counts(database: Database) -> dict[str, int]:
    """How many rows each table of the log holds."""
    with database.engine.connect() as connection:
        return {
            name: connection.execute(select(func.count()).select_from(TABLES[name])).scalar_one()
            for name in ROWS_OF_A_RUN
        }


def runs(n: int) -> dict[str, int]:
    """The rows of n runs that went well."""
    return {name: n * rows for name, rows in ROWS_OF_A_RUN.items()}


def spools(folder: Path) -> set[Path]:
    """The spool files of the folder."""
    return set(folder.glob("*.spool"))


@asynccontextmanager
async def opened(url: str, spool: Path) -> AsyncIterator[Store]:
    """A store that is closed at the end."""
    store = await asyncio.to_thread(open_store, url, Words(), spool)
    yield store
    await store.close()


async def test_every_event_of_a_run_is_in_sql_once(store: Store) -> None:
    for _ in range(30):
        tell_run(store.recorder, decision())
    assert await store.recorder.flush(30)
    assert counts(store.database) == runs(30)
    assert (store.recorder.pending, store.recorder.lost) == (0, 0)


async def test_runs_told_from_many_threads_do_not_mix(store: Store) -> None:
    made = await asyncio.to_thread(_tell_from_threads, store)
    await store.recorder.flush(30)
    assert counts(store.database) == runs(16)
    for one in made:
        row = await store.log.decision(one)
        assert row is not None
        assert [call["label"] for call in row["calls"]] == ["draft", "answer"]


def _tell_from_threads(store: Store) -> list[str]:
    with ThreadPoolExecutor(8) as pool:
        return [made.id for made in pool.map(lambda _: tell_run(store.recorder, decision()), range(16))]


async def test_a_killed_process_loses_nothing_and_nothing_is_doubled(url: str, tmp_path: Path) -> None:
    ids = [f"chatcmpl-{i}" for i in range(25)]
    spool = tmp_path / "events.spool"
    async with opened(url, spool):
        pass
    child = multiprocessing.get_context("spawn").Process(target=tell_and_die, args=(url, spool, ids))
    child.start()
    await asyncio.to_thread(child.join)
    assert child.exitcode == -9
    for _ in range(2):  # the second start must find nothing left to take over
        async with opened(url, spool) as store:
            assert counts(store.database) == runs(25)
            assert sorted(row["id"] for row in await store.log.decisions(limit=100)) == sorted(ids)
    assert spools(tmp_path) == set()


async def test_rows_that_were_written_before_the_kill_are_not_written_again(store: Store, tmp_path: Path) -> None:
    made = tell_run(store.recorder, decision())
    waiting = next(iter(spools(tmp_path))).read_bytes()
    assert await store.recorder.flush(30)
    left = tmp_path / "events.dead.spool"
    left.write_bytes(waiting + b'[["queries",{"id":"torn')
    twin = await asyncio.to_thread(Recorder, store.database, tmp_path / "events", "words")
    await asyncio.to_thread(twin.close)
    assert counts(store.database) == runs(1)
    assert await store.log.decision(made.id) is not None
    assert not left.exists()


async def test_the_spool_of_a_living_process_is_left_alone(store: Store, tmp_path: Path) -> None:
    mine = spools(tmp_path)
    twin = await asyncio.to_thread(Recorder, store.database, tmp_path / "events", "words")
    assert mine < spools(tmp_path)
    await asyncio.to_thread(twin.close)
    assert mine == spools(tmp_path)


async def test_a_locked_database_delays_rows_and_loses_none(tmp_path: Path) -> None:
    with recording(tmp_path) as recorder:
        holder = sqlite3.connect(tmp_path / "test.db", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        for _ in range(20):
            tell_run(recorder, decision())
        assert not await recorder.flush(0.3)
        assert recorder.pending == 5 * 20
        holder.execute("ROLLBACK")
        holder.close()
        assert await recorder.flush(30)
        assert counts(recorder._database) == runs(20)
        assert recorder.lost == 0


async def test_what_a_locked_database_does_not_take_before_the_end_is_there_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.recorder.CLOSING", 0.1)
    holder: sqlite3.Connection
    with recording(tmp_path) as recorder:
        holder = sqlite3.connect(tmp_path / "test.db", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        tell_run(recorder, decision())
    holder.close()
    assert len(spools(tmp_path)) == 1
    with recording(tmp_path) as recorder:
        assert counts(recorder._database) == runs(1)


async def test_a_full_disk_delays_rows_and_loses_none(tmp_path: Path) -> None:
    with recording(tmp_path) as recorder:
        engine = recorder._database.engine
        limit = ["PRAGMA max_page_count=1"]  # SQLite takes it as "no more pages than there are"

        @event.listens_for(engine, "checkout")
        def shrink(raw: sqlite3.Connection, _: object, __: object) -> None:
            raw.execute(limit[0])

        for _ in range(5):
            tell_run(recorder, decision("why " * 20_000))
        assert not await recorder.flush(0.3)
        assert recorder.pending == 5 * 5
        limit[0] = "PRAGMA max_page_count=1000000"
        assert await recorder.flush(30)
        assert counts(recorder._database) == runs(5)


async def test_a_spool_that_cannot_be_written_makes_events_wait_in_memory(store: Store) -> None:
    full = os.open("/dev/full", os.O_RDWR)
    os.dup2(full, store.recorder._spool._file)
    os.close(full)
    made = [tell_run(store.recorder, decision()).id for _ in range(3)]
    assert await store.recorder.flush(30)
    assert [row["id"] for row in await store.log.decisions()] == made[::-1]
    assert (counts(store.database), store.recorder.lost) == (runs(3), 0)


async def test_texts_that_no_database_takes_as_they_are_do_not_stop_the_log(store: Store) -> None:
    strange = tell_run(store.recorder, decision("a\x00b \ud800 c\\u0000"), answer="x\x00y \udfff")
    plain = tell_run(store.recorder, decision())
    row = await store.log.decision(strange.id)
    assert row is not None
    assert row["question"].startswith("a\ufffdb ")
    assert row["question"].endswith(" c\\u0000")
    assert row["answer"].startswith("x\ufffdy ")
    assert await store.log.decision(plain.id) is not None
    assert store.recorder.lost == 0


async def test_an_event_that_cannot_be_put_into_words_does_not_break_the_answer(store: Store) -> None:
    wrong = decision(arm="direct@nobody")  # no propensity for its own arm
    store.recorder.tell(wrong.id, Decided(wrong))
    assert store.recorder.lost == 1


async def test_a_row_that_the_database_refuses_is_set_aside_and_the_rest_goes_on(store: Store, tmp_path: Path) -> None:
    store.recorder.tell("chatcmpl-nobody", Noted("a note on no decision"))
    made = tell_run(store.recorder, decision())
    assert await store.recorder.flush(30)
    assert await store.log.decision(made.id) is not None
    assert store.recorder.lost == 1
    assert "a note on no decision" in (tmp_path / "events.refused").read_text()


async def test_a_request_keeps_everything_the_caller_said(store: Store) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:,"}}
    messages = (Message("user", ({"type": "text", "text": "What is this?"}, picture)),)
    request = Request(
        messages, stop=("END",), tools=({"type": "function"},), extra={"top_k": 5, "odd": {1, 2}}, whole=True
    )
    made = decision()
    object.__setattr__(made.query, "request", request)
    tell_run(store.recorder, made)
    row = await store.log.decision(made.id)
    assert row is not None
    assert row["query"]["messages"][0]["content"][1] == picture
    assert (row["query"]["stop"], row["query"]["tools"]) == (["END"], [{"type": "function"}])
    assert row["query"]["extra"] == {"top_k": 5, "odd": [1, 2]}
    assert "whole" not in row["query"]  # how the reply came is no part of what was asked


async def test_numbers_that_json_has_no_word_for_are_kept_as_none(store: Store) -> None:
    made = decision()
    odd = replace(made.estimates[made.arm], high=float("inf"), low=float("nan"), n=np.float32(4))  # type: ignore[arg-type]  # as a careless policy may give it
    made = replace(made, estimates={made.arm: odd})
    tell_run(store.recorder, made)
    row = await store.log.decision(made.id)
    assert row is not None
    told = row["estimates"]["direct@well"]
    assert (told["quality"], told["high"], told["low"], told["n"]) == (0.8, None, None, 4.0)
