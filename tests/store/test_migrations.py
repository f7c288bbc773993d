"""Migrations: they make the tables that the code has, once, however many processes begin at the same time."""

import asyncio
import multiprocessing
from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from models.errors import BadSettings, StoreError
from store import open_store
from store.database import Database
from store.migrate import migrate, settings
from store.tables import METADATA
from tests.router.yard import Words
from tests.store.runs import decision, open_and_close, tell_run


def test_the_migrations_make_the_tables_that_the_code_has(url: str) -> None:
    database = Database(url)
    migrate(database)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
    migrate(database)
    database.close()


async def test_decisions_from_before_revisions_were_kept_stay_and_know_of_none(url: str, tmp_path: Path) -> None:
    store = await asyncio.to_thread(open_store, url, Words(), tmp_path / "events")
    old, new = decision(), replace(decision(), revision="abc")
    tell_run(store.recorder, old)
    await store.recorder.flush()
    config = settings()
    with store.database.write() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
    await asyncio.to_thread(migrate, store.database)
    tell_run(store.recorder, new)
    for one in (old, new):
        await store.ratings.rate(one.id, 1.0)
    assert [(one.decision_id, one.revision) for one in store.history.feedback()] == [(old.id, ""), (new.id, "abc")]
    await store.close()


def test_processes_that_start_at_once_do_not_collide(url: str, tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    children = [spawn.Process(target=open_and_close, args=(url, tmp_path / "events.spool")) for _ in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0, 0, 0]


def test_a_database_of_a_later_version_is_refused(url: str) -> None:
    database = Database(url)
    migrate(database)
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'later'"))
    with pytest.raises(StoreError, match="another version"):
        migrate(database)
    database.close()


def test_sqlite_is_in_wal_mode_with_foreign_keys(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'deep' / 'test.db'}")
    migrate(database)
    with database.engine.connect() as connection:
        pragmas = ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
        values = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in pragmas]
    assert values == ["wal", 1, 1, 5000]
    database.close()


@pytest.mark.parametrize("url", ["pointsman.db", "mysql://x/y", "sqlite://", "sqlite:///:memory:", "postgresql+no://x"])
def test_a_url_that_cannot_be_meant_is_refused(url: str) -> None:
    with pytest.raises(BadSettings, match=r"store\.url"):
        Database(url)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "test.db").write_text("This is a letter, not a database. " * 100)
    with pytest.raises(StoreError, match=r"test\.db"):
        Database(f"sqlite:///{tmp_path / 'test.db'}")


def test_a_server_that_is_not_there_is_told_without_its_password() -> None:
    database = Database("postgresql://me:secret@127.0.0.1:1/none", patience=1)
    with pytest.raises(StoreError) as told:
        migrate(database)
    assert "secret" not in str(told.value)
    assert "127.0.0.1" in str(told.value)
    database.close()
