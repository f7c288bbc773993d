"""API keys in SQL: what each may do and how much of what it may take; the key itself is never kept.

What is kept is SHA-256 of the key. A slow hash protects what people choose; 192 random bits cannot be guessed at any
speed, and every request would pay for the slowness.
"""

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple  # Any: a row of the table

from sqlalchemy import insert, update
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, func, select

from models.errors import StoreError, UserError
from store.database import Database, reason
from store.lines import utc
from store.migrate import migrate
from store.readable import readable
from store.tables import TABLES, ApiKeyRow, OutcomeRow, QueryRow
from store.waiting import wait_for

Period = Literal["day", "month", "total"]
MANY = 500


class UnknownKey(UserError):
    """No API key has this id."""


class Spent(NamedTuple):
    """What runs took: dollars, seconds of GPU, tokens in and out."""

    usd: float = 0.0
    gpu_seconds: float = 0.0
    tokens: int = 0

    def plus(self, other: "Spent") -> "Spent":
        """Both together."""
        return Spent(self.usd + other.usd, self.gpu_seconds + other.gpu_seconds, self.tokens + other.tokens)


@dataclass(frozen=True, slots=True)
class Key:
    """A key's rights: `scopes`, the `models` it may ask (none: all), requests per minute, and budgets per period.

    None is no limit. Periods begin at midnight UTC, the first of the month, or with the log ("total").
    """

    id: str
    name: str
    digest: str
    scopes: tuple[str, ...]
    models: tuple[str, ...] = ()
    requests_per_minute: int | None = None
    period: Period = "month"
    usd: float | None = None
    gpu_seconds: float | None = None
    tokens: int | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    at: datetime | None = None

    @property
    def budget(self) -> tuple[float | None, ...]:
        """Its limits in the order of `Spent`."""
        return (self.usd, self.gpu_seconds, self.tokens)

    @property
    def has_budget(self) -> bool:
        """Whether anything that it takes has to be counted."""
        return any(limit is not None for limit in self.budget)


class Counted(NamedTuple):
    """What each key has taken, and which of the runs that were asked about the log already holds."""

    spent: Mapping[str, Spent]
    there: frozenset[str]


class Keys:
    """The table of keys."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[Key]:
        """Every key, the oldest first, without those whose row is damaged: these open nothing. Raises StoreError."""
        order = (col(ApiKeyRow.at), col(ApiKeyRow.id))
        with self._database.read() as session:
            ids = list(session.exec(select(ApiKeyRow.id).order_by(*order)))
        return readable(ids, self._read)

    def count(self) -> int:
        """How many keys were ever made, damaged and revoked ones too. Raises StoreError."""
        with self._database.read() as session:
            return session.exec(select(func.count()).select_from(ApiKeyRow)).one()

    def add(self, key: Key) -> None:
        """Keep a new key. Raises StoreError."""
        row = {**asdict(key), "at": utc(time.time()), "scopes": list(key.scopes), "models": list(key.models)}
        try:
            with self._database.write() as connection:
                connection.execute(insert(TABLES["api_keys"]), row)
        except SQLAlchemyError as error:
            raise StoreError(f"the key was not kept: {reason(error)}") from error

    def revoke(self, key_id: str) -> None:
        """Let the key open nothing any more. Raises UnknownKey, StoreError."""
        table = TABLES["api_keys"]
        try:
            with self._database.write() as connection:
                there = connection.execute(select(table.c.id).where(table.c.id == key_id)).first()
                if there is None:
                    raise UnknownKey(f"there is no key {key_id!r}; `keys list` shows those there are", param="id")
                open_still = (table.c.id == key_id) & table.c.revoked_at.is_(None)
                connection.execute(update(table).where(open_still).values(revoked_at=utc(time.time())))
        except SQLAlchemyError as error:
            raise StoreError(f"the key was not revoked: {reason(error)}") from error

    def counted(self, keys: Sequence[Key], now: float, runs: Sequence[str] = ()) -> Counted:
        """What each of the keys has taken since its period began, and which `runs` are in that, as one moment saw it.

        Raises StoreError.
        """
        with self._database.read() as session:
            if not self._database.is_sqlite:  # there, a transaction that reads sees one moment anyway
                session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            there: set[str] = set()
            for first in range(0, len(runs), MANY):
                some = col(OutcomeRow.decision_id).in_(runs[first : first + MANY])
                there.update(session.exec(select(OutcomeRow.decision_id).where(some)))
            spent = {key.id: _spent(session, key, began(key.period, now)) for key in keys}
        return Counted(spent, frozenset(there))

    def _read(self, ids: Sequence[str]) -> list[Key]:
        with self._database.read() as session:
            found = {row.id: row.model_dump() for row in session.exec(select(ApiKeyRow).where(_among(ids)))}
        return [_key(found[one]) for one in ids if one in found]


@contextmanager
def opened_keys(url: str, wait: float = 0.0) -> Iterator[Keys]:
    """The keys of the database at this URL, its tables brought up to date. Raises BadSettings, StoreError.

    A server that is not there yet is waited for, up to `wait` seconds.
    """
    database = Database(url)
    try:
        wait_for(database, wait)
        migrate(database)
        yield Keys(database)
    finally:
        database.close()


def digest_of(key: str | bytes) -> str:
    """What is kept in the place of a key: SHA-256 in hexadecimal digits."""
    return hashlib.sha256(key.encode() if isinstance(key, str) else key).hexdigest()


def began(period: Period, now: float) -> float:
    """When the period of `now` began, in seconds since 1970; 0 for "total"."""
    if period == "total":
        return 0.0
    moment = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return (moment if period == "day" else moment.replace(day=1)).timestamp()


def ends(period: Period, now: float) -> float | None:
    """When the period of `now` ends, in seconds since 1970; None for "total"."""
    if period == "total":
        return None
    moment = datetime.fromtimestamp(began(period, now), UTC)
    month = (moment + timedelta(days=32)).replace(day=1)
    return (moment + timedelta(days=1) if period == "day" else month).timestamp()


def _spent(session: Session, key: Key, since: float) -> Spent:
    tokens = col(OutcomeRow.prompt_tokens) + col(OutcomeRow.completion_tokens)
    took = (func.sum(OutcomeRow.usd), func.sum(OutcomeRow.gpu_seconds), func.sum(tokens))
    wanted = (
        select(*took)
        .join(QueryRow, col(QueryRow.id) == col(OutcomeRow.decision_id))
        .where(col(QueryRow.key) == key.id, col(QueryRow.at) >= utc(since))
    )
    usd, gpu_seconds, count = session.exec(wanted).one()
    return Spent(float(usd or 0.0), float(gpu_seconds or 0.0), int(count or 0))


def _among(ids: Sequence[str]) -> Any:
    return col(ApiKeyRow.id).in_(ids)


def _key(row: dict[str, Any]) -> Key:
    """The row as a key. Raises ValueError, TypeError for one that cannot be meant."""
    if row["period"] not in ("day", "month", "total"):
        raise ValueError(f"a key has the period {row['period']!r}")
    if not all(isinstance(row[name], list) for name in ("scopes", "models")):
        raise TypeError("a key's scopes and models are lists")
    return Key(**{**row, "scopes": tuple(row["scopes"]), "models": tuple(row["models"])})
