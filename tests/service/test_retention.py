"""`retention_days`: what is too old is gone soon after the start, and a database that is busy is tried again."""

import asyncio
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from models.errors import StoreError
from service import retention
from service.retention import Forgetting
from store.database import Database
from store.retention import BATCH, Retention
from tests.service.serving import served, settings


def test_old_questions_are_gone_soon_after_the_start(tmp_path: Path) -> None:
    with served(settings(tmp_path)) as running:
        old, young = (running.ask(text).json()["id"] for text in ("Old?", "Young?"))
        for one in (old, young):
            running.decision(one, until="ok")
    file = sqlite3.connect(tmp_path / "test.db", isolation_level=None)
    file.execute("UPDATE queries SET at = datetime('now', '-31 days') WHERE id = ?", [old])
    file.close()
    store = {"url": f"sqlite:///{tmp_path / 'test.db'}", "retention_days": 30}
    with served(settings(tmp_path, store=store)) as running:
        deadline = time.monotonic() + 10
        while running.http.get(f"/v1/decisions/{old}").status_code != 404:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert running.http.get(f"/v1/decisions/{young}").status_code == 200
        assert running.http.post("/v1/feedback", json={"id": old, "score": 1}).status_code == 404


class Reluctant(Retention):
    """Fails at first; then it forgets a full step and half of one."""

    def __init__(self, folder: Path) -> None:
        super().__init__(Database(f"sqlite:///{folder / 'none.db'}"))
        self.steps = iter([None, ["x"] * BATCH, ["y"] * 5])

    def forget(self, days: float, most: int = BATCH) -> Sequence[str]:
        step = next(self.steps, [])
        if step is None:
            raise StoreError("the database is busy")
        return step


async def test_it_goes_on_until_nothing_old_is_left_also_after_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "AGAIN", 0.01)
    heard: list[int] = []
    both, loop = asyncio.Event(), asyncio.get_running_loop()

    def hear(ids: Sequence[str]) -> None:
        heard.append(len(ids))
        if len(heard) == 2:
            loop.call_soon_threadsafe(both.set)

    forgetting = Forgetting(Reluctant(tmp_path), hear, days=1.0)
    forgetting.start()
    async with asyncio.timeout(5):
        await both.wait()
    await forgetting.close()
    assert heard == [BATCH, 5]


async def test_without_days_nothing_is_forgotten(tmp_path: Path) -> None:
    forgetting = Forgetting(Reluctant(tmp_path), lambda _: pytest.fail("something was forgotten"), days=None)
    forgetting.start()
    await asyncio.sleep(0.05)
    await forgetting.close()
