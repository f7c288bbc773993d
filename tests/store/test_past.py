"""Past questions that may be asked again: which those are, and what is known to be right."""

from dataclasses import replace
from typing import Any  # a request's own mixture

import pytest
from structlog.testing import capture_logs

from models.types import Message, Request
from router.types import Arm
from store import Store
from store.past import PastQuestions
from strategies.core import Constraints, Query
from tests.router.yard import Words
from tests.store.runs import decision, tell_run


async def known(store: Store) -> dict[str, str | None]:
    """The questions that may be asked again, and their known answers."""
    await store.recorder.flush()
    return {one.question: one.known for one in await PastQuestions(store.database, "words").past(100)}


async def test_a_question_comes_back_as_it_was_asked(store: Store) -> None:
    made = tell_run(store.recorder, decision("How are you?"))
    await store.recorder.flush()
    (one,) = await PastQuestions(store.database, "words").past(10)
    assert (one.decision_id, one.request, one.models) == (made.id, made.query.request, frozenset({"well", "ill"}))
    assert await PastQuestions(store.database, "others").past(10) == []


async def test_the_latest_come_first_and_no_more_than_asked_for(store: Store) -> None:
    ids = [tell_run(store.recorder, decision(f"Question {i}")).id for i in range(5)]
    await store.recorder.flush()
    assert [one.decision_id for one in await PastQuestions(store.database, "words").past(3)] == ids[:1:-1]


async def test_only_what_people_found_right_is_known(store: Store) -> None:
    judged: dict[str, list[dict[str, Any]]] = {
        "well rated": [{"reward": 1.0}, {"reward": 0.9, "rater": "another"}],
        "doubted": [{"reward": 1.0}, {"reward": 0.5, "rater": "another"}],
        "by a judge": [{"reward": 1.0, "rater": "judge:big"}],
        "by the engine": [{"reward": 1.0, "rater": "engine"}],
        "unasked": [{"reward": 1.0, "rater": "implicit", "weight": 0.1}],
        "put right": [{"reward": 1.0}, {"reward": 0.0, "correction": "I am splendid."}],
        "unrated": [],
    }
    for question, ratings in judged.items():
        made = tell_run(store.recorder, decision(question))
        for one in ratings:
            await store.ratings.rate(made.id, one.pop("reward"), **one)
    better, worse = tell_run(store.recorder, decision("preferred")), tell_run(store.recorder, decision("not preferred"))
    await store.ratings.rate(worse.id, 0.0, preferred=better.id)
    failed = tell_run(store.recorder, decision("stood in for"), status="degraded")
    await store.ratings.rate(failed.id, 1.0)
    found = await known(store)
    assert {question: answer for question, answer in found.items() if answer is not None} == {
        "well rated": "I am well.",
        "put right": "I am splendid.",
    }
    assert set(found) == {*judged, "preferred", "not preferred", "stood in for"}


@pytest.mark.parametrize(
    "change",
    [
        {"messages": (Message("user", "one"), Message("assistant", "two"), Message("user", "three"))},
        {"messages": (Message("user", ({"type": "image_url", "image_url": {"url": "data:,"}},)),)},
        {"tools": ({"type": "function", "function": {"name": "clock"}},)},
        {"response_format": {"type": "json_object"}},
        {"stop": ("\n",)},
        {"extra": {"top_k": 3}},
    ],
)
async def test_a_request_that_is_no_plain_question_is_not_asked_again(store: Store, change: dict[str, Any]) -> None:
    made = decision()
    request = replace(made.query.request, **change)
    tell_run(store.recorder, replace(made, query=Query(request, made.query.embedding)))
    assert await known(store) == {}


async def test_conversations_questions_under_limits_and_earlier_calibrations_are_left_alone(store: Store) -> None:
    made, vector = decision(), Words().one("x")
    request = Request((Message("user", "x"),))
    limits = [Constraints(models=("well",)), Constraints(strategies=("direct",)), Constraints(max_usd=0.1)]
    queries = [Query(request, vector, one) for one in limits]
    for i, query in enumerate([Query(request, vector, conversation="talk"), *queries]):
        tell_run(store.recorder, replace(made, id=f"chatcmpl-{i}", query=query))
    tell_run(store.recorder, replace(decision(), policy="calibration"))
    assert await known(store) == {}
    tell_run(store.recorder, replace(decision(), query=Query(request, vector, Constraints(quality=0.5))))
    assert await known(store) == {"x": None}


async def test_a_question_that_was_kept_to_one_model_says_so(store: Store) -> None:
    pinned = replace(decision(), propensities={Arm("well", "direct"): 1.0})
    tell_run(store.recorder, pinned)
    await store.recorder.flush()
    (one,) = await PastQuestions(store.database, "words").past(10)
    assert one.models == {"well"}


async def test_a_damaged_row_is_left_out_and_the_others_may_still_be_asked(store: Store) -> None:
    made = [tell_run(store.recorder, decision(f"Question {i}")) for i in range(4)]
    await store.recorder.flush()
    with store.database.write() as connection:
        if not store.database.is_sqlite:
            pytest.skip("PostgreSQL takes no damaged JSON")
        connection.exec_driver_sql("UPDATE queries SET request = 'no JSON' WHERE id = ?", (made[1].id,))
    with capture_logs() as told:
        found = await PastQuestions(store.database, "words").past(10)
    assert [one.decision_id for one in found] == [made[3].id, made[2].id, made[0].id]
    assert [(line["event"], line["count"]) for line in told] == [("past questions that cannot be read left out", 1)]
