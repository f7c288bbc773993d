"""What the log keeps of texts: with redaction on, no word of a question or an answer reaches the disk."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any  # JSON

import pytest
import pytest_asyncio

from store import Store, open_store
from store.past import PastQuestions
from store.redaction import HIDDEN, Redaction, is_redacted
from strategies.core.query import Origin
from tests.router.yard import Words
from tests.store.runs import decision, tell_run

SECRET = "Mr Miller's number is 555-0199."


async def opened(folder: Path, redaction: Redaction) -> Store:
    """A store that keeps what the redaction lets it."""
    url = f"sqlite:///{folder / 'test.db'}"
    return await asyncio.to_thread(open_store, url, Words(), folder / "events.spool", redaction=redaction)


@pytest_asyncio.fixture
async def silent(tmp_path: Path) -> AsyncIterator[Store]:
    store = await opened(tmp_path, Redaction(keep_texts=False))
    yield store
    await store.close()


def on_disk(folder: Path) -> bytes:
    """Everything that lies in the folder."""
    return b"".join(path.read_bytes() for path in folder.iterdir())


async def test_without_texts_no_word_is_on_the_disk_and_lengths_are(silent: Store, tmp_path: Path) -> None:
    run = tell_run(silent.recorder, decision(SECRET), answer="Call Mr Miller.", status="degraded")
    await silent.recorder.flush()
    await silent.ratings.rate(run.id, 0.0, correction="Miller moved.", comment="Poor Miller!")
    assert b"Miller" not in on_disk(tmp_path)
    kept = await silent.log.decision(run.id)
    assert kept is not None
    assert kept["question"].startswith(f"{HIDDEN}{len(SECRET)} characters, ")
    assert [one["role"] for one in kept["query"]["messages"]] == ["system", "user"]
    assert kept["calls"][0]["model"] == "well"
    assert kept["query"]["temperature"] == 0.5
    assert kept["outcome"]["error"].startswith(f"{HIDDEN}UnreadableReply, ")
    assert {one["kind"] for one in kept["feedback"]} == {"failure", "correction"}


async def test_without_texts_the_router_learns_and_nothing_becomes_an_example(silent: Store) -> None:
    runs = [tell_run(silent.recorder, decision(f"Question {i}?")) for i in range(5)]
    await silent.recorder.flush()
    for run in runs:
        await silent.ratings.rate(run.id, 1.0)
    assert [(one.text, one.reward) for one in silent.history.feedback()] == [("", 1.0)] * 5
    assert {one.question_chars for one in silent.history.outcomes()} == {0}
    assert silent.history.offers() == frozenset()
    assert await silent.history.examples(runs[0].query.embedding, 3) == []
    assert silent.history.well_rated() == []
    assert await PastQuestions(silent.database, Words().name).past(10) == []


async def test_what_matches_a_pattern_is_cut_out_of_every_text(tmp_path: Path) -> None:
    store = await opened(tmp_path, Redaction(patterns=[r"\d{3}-\d{4}", "Miller"]))
    run = tell_run(store.recorder, decision(SECRET), answer="It is 555-0199.")
    await store.recorder.flush()
    await store.ratings.rate(run.id, 0.0, correction="It is 555-0100, Miller.")
    kept = await store.log.decision(run.id)
    await store.close()
    assert kept is not None
    assert kept["question"] == "Mr [redacted]'s number is [redacted]."
    assert kept["query"]["messages"][1]["content"] == "Mr [redacted]'s number is [redacted]."
    assert kept["answer"] == "It is [redacted]."
    assert kept["feedback"][0]["correction"] == "It is [redacted], [redacted]."
    assert not is_redacted(kept["question"]), "it may still become an example"
    assert b"555-01" not in on_disk(tmp_path)
    assert b"Miller" not in on_disk(tmp_path)


def test_equal_texts_are_known_as_equal_and_images_and_arguments_go_too() -> None:
    hidden = Redaction(keep_texts=False)
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    call = {"id": "c1", "type": "function", "function": {"name": "call", "arguments": '{"who": "Miller"}'}}
    message = {"role": "user", "content": [image, {"type": "text", "text": SECRET}], "tool_calls": [call]}
    first = hidden.row("queries", {"text": SECRET, "request": {"messages": [message], "top_p": 0.5}})
    second = hidden.row("queries", {"text": SECRET, "request": {}})
    assert first["text"] == second["text"] != hidden.row("queries", {"text": SECRET + "!"})["text"]
    assert "AAAA" not in str(first)
    assert "Miller" not in str(first)
    assert first["request"]["top_p"] == 0.5
    assert first["request"]["messages"][0]["content"][0]["type"] == "image_url"


@pytest.mark.parametrize("text", ["Miller: call me", "Oslo: what is it?"])
def test_without_texts_no_word_before_a_colon_is_kept_but_the_name_of_an_error(text: str) -> None:
    hidden = Redaction(keep_texts=False)
    word = text.partition(":")[0]
    rows: dict[str, dict[str, Any]] = {
        "queries": {"text": text, "request": {"messages": [{"role": "user", "content": text}]}},
        "calls": {"messages": [{"role": "user", "content": text}], "reply": text, "rest": {"reasoning": text}},
        "notes": {"text": text, "facts": {"failed": "UnreadableReply", "said": text}},
        "outcomes": {"text": text},
        "feedback": {"comment": text, "correction": text},
    }
    for table, row in rows.items():
        assert word not in str(hidden.row(table, row)), table
    assert hidden.row("outcomes", {"error": "ModelRefused: " + text})["error"].startswith(f"{HIDDEN}ModelRefused, ")
    told = hidden.row("notes", {"text": "ModelRefused: " + text, "facts": {"failed": "ModelRefused"}})
    assert told["text"].startswith(f"{HIDDEN}ModelRefused, ")


async def test_names_that_clients_give_go_where_a_pattern_matches_and_answers_are_found_by_them(tmp_path: Path) -> None:
    store = await opened(tmp_path, Redaction(patterns=["(?i)miller"]))
    made = decision("How are you?")
    query = replace(made.query, conversation="miller@example.com", origin=Origin(message="m-Miller"))
    run = tell_run(store.recorder, replace(made, query=query))
    await store.recorder.flush()
    for _ in range(2):
        rated = await store.ratings.rate(run.id, 1.0, rater="Ann Miller", idempotency_key="Miller-1")
    assert rated.repeated
    other = tell_run(store.recorder, decision("And you?"))
    await store.ratings.rate(run.id, 0.0, rater="Ann Miller", preferred=other.id)
    assert await store.log.latest("miller@example.com", "m-Miller") == run.id
    assert await store.log.latest("Miller@example.com") is None
    kept = await store.log.decision(run.id)
    await store.close()
    assert kept is not None
    assert kept["conversation"].startswith("redacted-")
    assert {one["rater"][:9] for one in kept["feedback"]} == {"redacted-"}
    assert b"miller" not in on_disk(tmp_path).lower()


def test_names_without_a_match_and_those_of_the_service_itself_stay() -> None:
    redaction = Redaction(patterns=["engine|implicit|ann"])
    rows = [redaction.row("feedback", {"rater": rater})["rater"] for rater in ("engine", "implicit", "bob", "ann")]
    assert rows[:3] == ["engine", "implicit", "bob"]
    assert rows[3] == Redaction(patterns=["ann"]).name("ann") != "ann"
