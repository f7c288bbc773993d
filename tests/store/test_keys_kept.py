"""API keys in SQL: only digests are kept, what keys spent is counted from the log, and periods are those of UTC."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from models.errors import StoreError
from store import Store
from store.keys import Key, Keys, Spent, UnknownKey, began, digest_of, ends, opened_keys
from strategies.core.query import Origin, Query
from tests.store.runs import decision, tell_run

ONE = Key("pm-one", "bot", digest_of("pm-one-secret"), ("chat",), ("well",), 5, "month", 2.0, None, 100)


@pytest.fixture
def keys(url: str) -> Iterator[Keys]:
    with opened_keys(url) as opened:
        yield opened


def asked_by(key: str | None, store: Store) -> str:
    """A run that this key asked for, in the log."""
    made = decision()
    query = Query(made.query.request, made.query.embedding, origin=Origin(key=key))
    return tell_run(store.recorder, replace(made, query=query)).id


def test_a_key_comes_back_as_it_was_and_only_its_digest_was_kept(keys: Keys) -> None:
    assert keys.count() == 0
    until = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    keys.add(replace(ONE, expires_at=until))
    (kept,) = keys.all()
    assert kept.at is not None
    assert replace(kept, at=None) == replace(ONE, expires_at=until)
    with keys._database.read() as session:
        row = str(session.execute(text("SELECT * FROM api_keys")).all())
    assert "secret" not in row
    assert digest_of(b"pm-one-secret") in row


def test_the_same_key_cannot_be_kept_twice(keys: Keys) -> None:
    keys.add(ONE)
    with pytest.raises(StoreError, match="not kept"):
        keys.add(replace(ONE, id="pm-two"))


def test_a_revoked_key_stays_revoked_since_the_first_time(keys: Keys) -> None:
    keys.add(ONE)
    keys.revoke("pm-one")
    (first,) = keys.all()
    keys.revoke("pm-one")
    assert first.revoked_at is not None
    assert keys.all() == [first]
    with pytest.raises(UnknownKey, match="'pm-two'"):
        keys.revoke("pm-two")


def test_a_damaged_key_opens_nothing_and_the_others_do(keys: Keys) -> None:
    keys.add(ONE)
    keys.add(replace(ONE, id="pm-two", digest="other"))
    with keys._database.write() as connection:
        connection.execute(text("UPDATE api_keys SET period = 'year' WHERE id = 'pm-one'"))
    assert [key.id for key in keys.all()] == ["pm-two"]
    assert keys.count() == 2


async def test_what_a_key_spent_is_counted_from_the_log_since_its_period_began(store: Store) -> None:
    keys = Keys(store.database)
    runs = [asked_by("pm-one", store), asked_by("pm-one", store), asked_by("pm-two", store), asked_by(None, store)]
    await store.recorder.flush()
    now, two = time.time(), replace(ONE, id="pm-two", period="day")
    counted = keys.counted([ONE, two], now, [*runs, "chatcmpl-none"])
    assert counted.spent == {"pm-one": Spent(1.0, 0.25, 20), "pm-two": Spent(0.5, 0.125, 10)}
    assert counted.there == set(runs)
    later = now + 3 * 86_400
    assert keys.counted([two], later).spent == {"pm-two": Spent()}
    assert keys.counted([replace(ONE, period="total")], now + 400 * 86_400).spent == {"pm-one": Spent(1.0, 0.25, 20)}


def moment(*parts: int) -> float:
    """A moment of UTC in seconds since 1970."""
    return datetime(*parts, tzinfo=UTC).timestamp()  # type: ignore[misc,arg-type]  # parts are whole numbers


def test_periods_begin_at_midnight_utc_and_on_the_first() -> None:
    last = moment(2026, 12, 31, 23, 59)
    assert began("day", last) == moment(2026, 12, 31)
    assert ends("day", last) == moment(2027, 1, 1)
    assert began("month", last) == moment(2026, 12, 1)
    assert ends("month", last) == moment(2027, 1, 1)
    assert ends("month", moment(2028, 2, 1)) == moment(2028, 3, 1)
    assert (began("total", last), ends("total", last)) == (0.0, None)
