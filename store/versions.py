"""Versions of what was fitted for a policy: each with its report; at most one of each policy is in use."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any  # JSON

from sqlalchemy import insert, update
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col, select

from models.errors import StoreError, UserError
from store.database import Database, reason
from store.lines import utc
from store.recorder import Recorder
from store.tables import TABLES, PolicyVersionRow


class UnknownVersion(UserError):
    """No policy version has this number (404)."""


class Versions:
    """The table of policy versions. Decisions of a policy are marked with the version in use."""

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
        """Use this version from now on, in place of any other of its policy. Raises UnknownVersion, StoreError."""
        await asyncio.to_thread(self._promote, version)

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
        table = TABLES["policy_versions"]
        with self._database.read() as session:
            row = session.get(PolicyVersionRow, version)
            if row is None:
                raise UnknownVersion(f"there is no policy version {version!r}", param="version", code="not_found")
            policy = row.policy
        try:
            with self._database.write() as connection:
                connection.execute(update(table).where(table.c.policy == policy).values(promoted_at=None))
                now = utc(time.time())
                connection.execute(update(table).where(table.c.id == version).values(promoted_at=now))
        except SQLAlchemyError as error:
            raise StoreError(f"version {version} was not promoted: {reason(error)}") from error
        self._recorder.versions = self._in_use()
