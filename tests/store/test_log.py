"""The log as it is read: newest first, page by page, filtered, and one decision whole."""

import json

import pytest

from models.errors import BadRequest
from store import Store
from tests.store.runs import decision, tell_run


async def test_the_list_is_newest_first_and_pages_do_not_overlap(store: Store) -> None:
    ids = [tell_run(store.recorder, decision(f"Question {i}")).id for i in range(5)][::-1]
    first = await store.log.decisions(limit=2)
    second = await store.log.decisions(limit=2, before=first[-1]["id"])
    third = await store.log.decisions(limit=2, before=second[-1]["id"])
    assert [row["id"] for row in first + second + third] == ids
    assert [row["id"] for row in await store.log.decisions(before=first[0]["at"])] == ids[1:]
    assert [row["id"] for row in await store.log.decisions(before="2999-01-01T00:00:00")] == ids
    assert await store.log.decisions(before="2001-01-01") == []
    with pytest.raises(BadRequest, match="yesterday"):
        await store.log.decisions(before="yesterday")


async def test_the_list_is_filtered_by_arm_model_strategy_and_words(store: Store) -> None:
    well = tell_run(store.recorder, decision("100% of What?")).id
    ill = tell_run(store.recorder, decision("a_b", arm="direct@ill")).id
    found = {
        "direct@ill": [ill],
        "well": [well],
        "direct": [ill, well],
        "direct@": [],
    }
    for arm, ids in found.items():
        assert [row["id"] for row in await store.log.decisions(arm=arm)] == ids
    for words, ids in {"100%": [well], "what": [well], "a_b": [ill], "_": [ill], "%": [well], "'": []}.items():
        assert [row["id"] for row in await store.log.decisions(q=words)] == ids, words
    assert await store.log.decisions(q="a_b", arm="well") == []


async def test_a_decision_is_told_whole_and_as_json(store: Store) -> None:
    made = tell_run(store.recorder, decision("What now?"), answer="Tea.", status="degraded")
    await store.ratings.rate(made.id, 1.0, comment="yes")
    row = await store.log.decision(made.id)
    assert row is not None
    assert json.loads(json.dumps(row)) == row
    assert (row["id"], row["arm"], row["policy"], row["why"]) == (made.id, "direct@well", "thompson", made.why)
    assert row["query"]["messages"][-1] == {"role": "user", "content": "What now?"}
    assert (row["query"]["temperature"], row["query"]["seed"]) == (0.5, 7)
    assert row["propensities"] == {"direct@well": 0.75, "direct@ill": 0.25}
    assert row["estimates"]["direct@ill"]["quality"] == 0.8
    assert row["estimates"]["direct@ill"]["usd"] is None
    assert row["neighbours"][0]["decision_id"] == "chatcmpl-before"
    assert [(call["label"], call["reply"]) for call in row["calls"]] == [("draft", "A draft."), ("answer", None)]
    assert row["calls"][1]["error"] == "no answer in it"
    assert row["calls"][0]["messages"][0]["content"] == "Be kind."
    assert [note["facts"] for note in row["notes"]] == [
        {"experts": 2, "names": ["a", "b"]},
        {"failed": "UnreadableReply"},
    ]
    assert (row["outcome"]["status"], row["outcome"]["text"], row["outcome"]["calls"]) == ("degraded", "Tea.", 2)
    assert row["outcome"]["error"] == "UnreadableReply: no answer in it"
    assert [(one["rater"], one["reward"]) for one in row["feedback"]] == [("engine", 0.0), ("user", 1.0)]
    assert (row["reward"], row["judgements"]) == (0.5, 2)
    assert row["at"].endswith("Z")


async def test_an_unknown_decision_is_none(store: Store) -> None:
    assert await store.log.decision("chatcmpl-none") is None


async def test_decisions_are_marked_with_the_version_of_their_policy_in_use(store: Store) -> None:
    before = tell_run(store.recorder, decision()).id
    old = await store.policies.add("thompson", {"prior": 2}, {"gain": 0.1})
    new = await store.policies.add("thompson", {"prior": 3}, {"gain": 0.2})
    await store.policies.promote(old)
    marked = tell_run(store.recorder, decision()).id
    await store.policies.promote(new)
    rows = [await store.log.decision(one) for one in (before, marked)]
    assert [row and row["policy_version"] for row in rows] == [None, old]
    versions = await store.versions()
    assert [(one["id"], one["fitted"], one["promoted_at"] is None) for one in versions] == [
        (new, {"prior": 3}, False),
        (old, {"prior": 2}, True),
    ]


async def test_the_store_is_ready_while_its_database_answers(store: Store) -> None:
    assert await store.ready()
