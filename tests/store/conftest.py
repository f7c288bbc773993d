"""A store over each kind of database."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from store import Store, open_store
from tests.router.yard import Words
from tests.store.cluster import cluster, new_database, programs

NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def server() -> Iterator[Path]:
    found = programs()
    if found is None:
        pytest.skip("no PostgreSQL server programs (initdb, pg_ctl) on this machine")
    with cluster(found) as folder:
        yield folder


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'test.db'}"
    return new_database(request.getfixturevalue("server"), f"test_{next(NUMBERS)}")


@pytest_asyncio.fixture
async def store(url: str, tmp_path: Path) -> AsyncIterator[Store]:
    opened = await asyncio.to_thread(open_store, url, Words(), tmp_path / "events.spool")
    yield opened
    await opened.close()
