"""What is too old goes with all that hangs on it, in small steps; what is young stays."""

import asyncio
import time
from datetime import timedelta

from sqlalchemy import func, update
from sqlmodel import col, select

from store import Store
from store.lines import utc
from store.retention import Retention
from store.tables import TABLES, CallRow, DecisionRow, FeedbackRow, NoteRow, OutcomeRow, QueryRow
from tests.store.runs import decision, tell_run

HANGING = (QueryRow, DecisionRow, CallRow, NoteRow, OutcomeRow, FeedbackRow)


async def aged(store: Store, days: list[float]) -> list[str]:
    """Runs that were judged, asked so many days ago."""
    ids = [tell_run(store.recorder, decision()).id for _ in days]
    await store.recorder.flush()
    for decision_id, ago in zip(ids, days, strict=True):
        await store.ratings.rate(decision_id, 1.0)
        with store.database.write() as connection:
            queries = TABLES["queries"]
            then = utc(time.time()) - timedelta(days=ago)
            connection.execute(update(queries).where(queries.c.id == decision_id).values(at=then))
    return ids


def sizes(store: Store) -> list[int]:
    """How many rows each table has."""
    with store.database.read() as session:
        return [session.exec(select(func.count()).select_from(kind)).one() for kind in HANGING]


async def test_old_questions_go_with_all_that_hangs_on_them(store: Store) -> None:
    old, young = await aged(store, [31, 29])
    before = sizes(store)
    assert await asyncio.to_thread(Retention(store.database).forget, 30) == [old]
    assert sizes(store) == [count // 2 for count in before]
    with store.database.read() as session:
        assert session.exec(select(QueryRow.id)).all() == [young]
        assert session.exec(select(col(FeedbackRow.decision_id))).all() == [young]
    assert await asyncio.to_thread(Retention(store.database).forget, 30) == []


async def test_the_oldest_go_first_and_no_more_than_asked_for(store: Store) -> None:
    ids = await aged(store, [40, 60, 50])
    assert await asyncio.to_thread(Retention(store.database).forget, 30, 2) == [ids[1], ids[2]]
    assert sizes(store)[0] == 1


async def test_forgotten_answers_are_no_examples_any_more(store: Store) -> None:
    ids = await aged(store, [40, 40, 40, 40])
    place = decision().query.embedding
    assert len(await store.history.examples(place, 4)) == 4
    gone = await asyncio.to_thread(Retention(store.database).forget, 30)
    store.history.forget(gone)
    assert sorted(gone) == sorted(ids)
    assert await store.history.examples(place, 4) == []
    assert list(store.history.feedback()) == []
