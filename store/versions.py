"""Versions of what was fitted: which policy with which parameters, each with its report; at most one is in use."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any  # JSON

import structlog
from sqlalchemy import insert, update
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col, select

from models.errors import StoreError, UserError
from store.database import Database, reason
from store.lines import utc
from store.recorder import Recorder
from store.tables import TABLES, PolicyVersionRow

log = structlog.get_logger()


class UnknownVersion(UserError):
    """No policy version has this number (404)."""


@dataclass(frozen=True, slots=True)
class Version:
    """What was fitted, as JSON that may not be what it should: whoever uses it checks."""

    id: int
    policy: str
    fitted: object


class Versions:
    """The table of policy versions. Decisions of its policy are marked with the version in use."""

    def __init__(self, database: Database, recorder: Recorder) -> None:
        self._database, self._recorder = database, recorder
        recorder.versions = self._in_use()

    async def all(self) -> list[dict[str, Any]]:
        """Every version, newest first, as JSON; `promoted_at` is null for one that is not in use."""
        return await asyncio.to_thread(self._all)

    async def add(self, policy: str, fitted: Mapping[str, Any], report: Mapping[str, Any]) -> int:
        """Keep a version, not in use yet; returns its number. Raises StoreError."""
        return await asyncio.to_thread(self._add, policy, fitted, report)

    async def promote(self, version: int) -> None:
        """Use this version from now on, in place of any other; also the way back. Raises UnknownVersion, StoreError."""
        await asyncio.to_thread(self._promote, version)

    async def withdraw(self) -> None:
        """Use no version from now on: the settings alone say what serves. Raises StoreError."""
        await asyncio.to_thread(self._use, None)

    def current(self) -> Version | None:
        """The version in use; None where there is none, or where its row cannot be read, which the log says. Blocks.

        Raises StoreError.
        """
        newest = col(PolicyVersionRow.promoted_at).desc()
        wanted = select(PolicyVersionRow).where(col(PolicyVersionRow.promoted_at).is_not(None)).order_by(newest)
        try:
            with self._database.read() as session:
                row = session.exec(wanted.limit(1)).first()
        except ValueError as error:  # JSON that is none
            log.warning("the policy version in use cannot be read and is not used", error=str(error))
            return None
        return None if row is None else Version(row.id or 0, row.policy, row.fitted)

    def number(self) -> int | None:
        """The number of the version in use, if there is one. Blocks. Raises StoreError."""
        newest = col(PolicyVersionRow.promoted_at).desc()
        wanted = select(PolicyVersionRow.id).where(col(PolicyVersionRow.promoted_at).is_not(None)).order_by(newest)
        with self._database.read() as session:
            return session.exec(wanted.limit(1)).first()

    def ignore(self) -> None:
        """Mark no decision: what serves is not the version in use."""
        self._recorder.versions = {}

    def _all(self) -> list[dict[str, Any]]:
        with self._database.read() as session:
            rows = session.exec(select(PolicyVersionRow).order_by(col(PolicyVersionRow.id).desc())).all()
            return [row.model_dump(mode="json") for row in rows]

    def _in_use(self) -> dict[str, int]:
        wanted = select(PolicyVersionRow.policy, PolicyVersionRow.id).where(
            col(PolicyVersionRow.promoted_at).is_not(None)
        )
        with self._database.read() as session:
            return {policy: version for policy, version in session.exec(wanted) if version is not None}

    def _add(self, policy: str, fitted: Mapping[str, Any], report: Mapping[str, Any]) -> int:
        table = TABLES["policy_versions"]
        row = {"at": utc(time.time()), "policy": policy, "fitted": dict(fitted), "report": dict(report)}
        try:
            with self._database.write() as connection:
                return int(connection.execute(insert(table).returning(table.c.id), row).scalar_one())
        except SQLAlchemyError as error:
            raise StoreError(f"the version was not kept: {reason(error)}") from error

    def _promote(self, version: int) -> None:
        with self._database.read() as session:
            there = list(session.exec(select(PolicyVersionRow.id).order_by(col(PolicyVersionRow.id))))
        if version not in there:
            known = ", ".join(map(str, there)) or "none yet"
            raise UnknownVersion(
                f"there is no policy version {version!r}; there are: {known}", param="version", code="not_found"
            )
        self._use(version)

    def _use(self, version: int | None) -> None:
        table = TABLES["policy_versions"]
        try:
            with self._database.write() as connection:
                connection.execute(update(table).values(promoted_at=None))
                if version is not None:
                    now = utc(time.time())
                    connection.execute(update(table).where(table.c.id == version).values(promoted_at=now))
        except SQLAlchemyError as error:
            raise StoreError(f"version {version} was not promoted: {reason(error)}") from error
        self._recorder.versions = self._in_use()
