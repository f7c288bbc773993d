"""Forward from every released schema: a log that an older version wrote is read, judged and added to by this one."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any  # rows

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, Table, select

from store import open_store
from store.database import Database
from store.lines import to_bytes
from store.migrate import settings
from tests.router.yard import Words
from tests.store.runs import decision, tell_run

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
KEY, ARM = "chatcmpl-old", "direct@well"
ESTIMATES = {ARM: {"quality": 0.8, "low": 0.6, "high": 0.9, "n": 4.0, "seconds": 0.5, "utility": 0.7}}
# What the first version wrote, in the order in which tables hang together; later columns may all be empty.
ROWS: Sequence[tuple[str, dict[str, Any]]] = (
    ("policy_versions", {"id": 1, "at": AT, "policy": "thompson", "fitted": {}, "report": {}, "promoted_at": None}),
    (
        "queries",
        {
            "id": KEY,
            "at": AT,
            "text": "Why?",
            "request": {"messages": [{"role": "user", "content": "Why?"}], "seed": 7},
            "constraints": {"quality": 0.5},
            "conversation": "a talk",
            "embedder": Words.name,
            "embedding": to_bytes(Words().one("Why?")),
        },
    ),
    (
        "decisions",
        {
            "id": KEY,
            "at": AT,
            "arm": ARM,
            "model": "well",
            "strategy": "direct",
            "policy": "thompson",
            "policy_version": 1,
            "propensity": 0.75,
            "utility": 0.7,
            "propensities": {ARM: 0.75, "direct@ill": 0.25},
            "estimates": ESTIMATES,
            "neighbours": [],
            "why": "It did well.",
            "embed_seconds": 0.001,
            "decide_seconds": 0.002,
        },
    ),
    (
        "calls",
        {
            "decision_id": KEY,
            "position": 1,
            "at": AT,
            "label": "answer",
            "model": "well",
            "messages": [{"role": "user", "content": "Why?"}],
            "request": {},
            "reply": "Because.",
            "rest": {"finish_reason": "stop"},
            "started": 0.0,
            "seconds": 0.25,
        },
    ),
    ("notes", {"decision_id": KEY, "position": 2, "at": AT, "text": "two experts agree", "facts": {"experts": 2}}),
    (
        "outcomes",
        {
            "decision_id": KEY,
            "at": AT,
            "arm": ARM,
            "status": "ok",
            "text": "Because.",
            "prompt_tokens": 7,
            "completion_tokens": 3,
            "seconds": 0.5,
            "calls": 1,
        },
    ),
    (
        "feedback",
        {
            "decision_id": KEY,
            "at": AT,
            "rater": "user",
            "kind": "thumb",
            "value": "1.0",
            "reward": 1.0,
            "weight": 1.0,
            "comment": "yes",
        },
    ),
    (
        "documents",
        {
            "id": "doc-old",
            "at": AT,
            "title": "Herons",
            "media_type": "text/plain",
            "sha256": "0" * 64,
            "bytes": 15,
            "embedder": Words.name,
        },
    ),
    (
        "passages",
        {
            "id": "doc-old/0",
            "document_id": "doc-old",
            "position": 0,
            "text": "Herons eat fish.",
            "embedding": to_bytes(Words().one("Herons eat fish.")),
        },
    ),
)


def released() -> list[str]:
    """The revisions, oldest first."""
    return [one.revision for one in ScriptDirectory.from_config(settings()).walk_revisions()][::-1]


def written(url: str, revision: str) -> None:
    """A database as the version with this revision left it."""
    database, config = Database(url), settings()
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    with database.write() as connection:
        tables = MetaData()
        tables.reflect(connection)
        for name, row in ROWS:
            values = row if not database.is_sqlite else {**row, "at": AT.replace(tzinfo=None)} if "at" in row else row
            connection.execute(tables.tables[name].insert(), values)
    database.close()


def values(url: str) -> dict[str, Any]:
    """The migrated row of the question, column by column."""
    database = Database(url)
    with database.engine.connect() as connection:
        queries = Table("queries", MetaData(), autoload_with=connection)
        row = connection.execute(select(queries).where(queries.c.id == KEY)).mappings().one()
        found = dict(row)
    database.close()
    return found


def test_the_first_three_revisions_are_released_and_stay_what_they_are() -> None:
    assert released()[:3] == ["0001", "0002", "0003"]


@pytest.mark.parametrize("revision", released())
async def test_a_log_of_an_older_version_is_read_judged_and_added_to(url: str, tmp_path: Path, revision: str) -> None:
    await asyncio.to_thread(written, url, revision)
    store = await asyncio.to_thread(open_store, url, Words(), tmp_path / "events")
    (old,) = store.history.feedback()
    assert (old.decision_id, str(old.arm), old.reward, old.propensity) == (KEY, ARM, 1.0, 0.75)
    assert (old.expected, old.revision, old.at) == (0.8, "", AT.timestamp())
    (outcome,) = store.history.outcomes()
    assert (outcome.usage.prompt_tokens, outcome.status, outcome.question_chars) == (7, "ok", 4)
    (logged,) = store.history.decisions()
    assert (logged.id, str(logged.arm)) == (KEY, ARM)
    whole = await store.log.decision(KEY)
    assert whole is not None
    assert (whole["question"], whole["answer"], whole["at"]) == ("Why?", "Because.", "2026-01-02T03:04:05.000000Z")
    assert (whole["query"]["seed"], whole["policy_version"], whole["side"], whole["origin"]) == (7, 1, None, None)
    assert [call["reply"] for call in whole["calls"]] == ["Because."]
    assert [note["facts"] for note in whole["notes"]] == [{"experts": 2}]
    assert [one["comment"] for one in whole["feedback"]] == ["yes"]
    assert await store.log.latest("a talk") == KEY
    assert [one.title for one in await store.library.search("fish", 3)] == ["Herons"]
    assert values(url)["key"] is None

    assert (await store.ratings.rate(KEY, 1.0, kind="thumb")).repeated
    await store.ratings.rate(KEY, 0.5)
    new = tell_run(store.recorder, decision("And now?"))
    assert [row["id"] for row in await store.log.decisions()] == [new.id, KEY]
    assert store.recorder.lost == 0
    await store.close()
