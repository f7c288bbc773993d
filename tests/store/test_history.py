"""History: paging through long logs, other embedders' vectors, and past answers that were rated well."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import update
from sqlmodel import col

from store import Store, open_store
from store.tables import FeedbackRow
from strategies.core.query import Sampled
from tests.router.yard import Words
from tests.store.runs import decision, tell_run


class Others(Words):
    """Another embedder with vectors of the same size."""

    name = "others"


async def rated(store: Store, question: str, answer: str, *rewards: float) -> str:
    """A question that was answered and judged."""
    made = tell_run(store.recorder, decision(question), answer=answer)
    for i, reward in enumerate(rewards):
        await store.ratings.rate(made.id, reward, rater=f"rater {i}")
    return made.id


async def test_feedback_is_read_page_by_page_from_any_row_on(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.history.PAGE", 2)
    ids = [await rated(store, f"Question {i}", "An answer.", 1.0) for i in range(5)]
    assert [one.decision_id for one in store.history.feedback()] == ids
    assert [one.decision_id for one in store.history.feedback(since=4)] == ids[3:]


async def test_feedback_is_read_in_the_order_of_its_moments_whichever_row_came_first(store: Store) -> None:
    late, early = [await rated(store, f"Question {i}", "An answer.", 1.0) for i in range(2)]
    turned = update(FeedbackRow).where(col(FeedbackRow.decision_id) == early)
    with store.database.write() as connection:
        connection.execute(turned.values(at=datetime(2020, 1, 1, tzinfo=UTC)))
    assert [one.decision_id for one in store.history.feedback()] == [early, late]


async def test_examples_are_the_nearest_answers_that_were_rated_well(store: Store) -> None:
    await rated(store, "sort pears and apples", "apples pears", 1.0)
    await rated(store, "sort plums and figs", "figs plums", 0.5, 1.0)
    await rated(store, "sort nuts and figs", "no idea", 0.0)
    await rated(store, "how far is the moon", "very far", 1.0)
    await rated(store, "sort without a verdict", "anything")
    found = await store.history.examples(Words().one("sort pears and plums"), 10)
    assert [one.answer for one in found] == ["apples pears", "figs plums", "very far"]
    assert [one.reward for one in found] == [1.0, 0.75, 1.0]
    assert found[0].question == "sort pears and apples"
    assert found[0].score > found[1].score > found[2].score
    assert len(await store.history.examples(Words().one("sort"), 2)) == 2


async def test_a_sample_is_spread_over_the_log_and_the_same_until_a_judgement_changes_it(store: Store) -> None:
    assert await store.history.sample(3) == []
    ids = [await rated(store, f"Question {i}", "An answer.", 1.0) for i in range(40)]
    await rated(store, "Badly answered", "No.", 0.0)
    drawn = [one.question for one in await store.history.sample(12)]
    assert drawn == [one.question for one in await store.history.sample(40)][:12]
    rows = sorted(int(question.split()[1]) for question in drawn)
    assert len(set(rows)) == 12
    assert rows not in ([*range(12)], [*range(28, 40)])
    assert sorted(one.question for one in await store.history.sample(100)) == sorted(f"Question {i}" for i in range(40))
    await store.ratings.rate(ids[int(drawn[0].split()[1])], 0.0, rater="a critic")
    await store.ratings.rate(ids[int(drawn[0].split()[1])], 0.0, rater="another")
    assert [one.question for one in await store.history.sample(11)] == drawn[1:]
    assert isinstance(store.history, Sampled)


async def test_examples_follow_every_new_judgement(store: Store) -> None:
    near = Words().one("sort pears")
    assert await store.history.examples(near, 3) == []
    made = await rated(store, "sort pears", "pears", 1.0)
    assert [one.answer for one in await store.history.examples(near, 3)] == ["pears"]
    await store.ratings.rate(made, 0.0, rater="a critic")
    assert await store.history.examples(near, 3) == []
    await store.ratings.rate(made, 0.0, correction="one pear")
    assert [one.answer for one in await store.history.examples(near, 3)] == ["one pear"]


async def test_a_failure_of_the_engine_is_no_verdict_on_the_answer_that_stood_in(store: Store) -> None:
    made = tell_run(store.recorder, decision("sort pears"), answer="pears", status="degraded")
    await store.ratings.rate(made.id, 1.0)
    assert [one.answer for one in await store.history.examples(Words().one("sort pears"), 3)] == ["pears"]


async def test_judgements_of_questions_that_another_embedder_placed_come_without_a_place(
    url: str, tmp_path: Path
) -> None:
    first = await asyncio.to_thread(open_store, url, Words(), tmp_path / "events")
    made = await rated(first, "sort pears", "pears", 1.0)
    await first.close()
    second = await asyncio.to_thread(open_store, url, Others(), tmp_path / "events")
    await rated(second, "sort plums", "plums", 1.0)
    assert [bool(np.isfinite(one.embedding).all()) for one in second.history.feedback()] == [False, True]
    old = await second.ratings.rate(made, 0.0, rater="a critic")
    assert [np.isnan(one.embedding).all() for one in old.feedback] == [True], "learned as after a restart"
    assert [one.answer for one in await second.history.examples(Words().one("sort pears"), 5)] == ["plums"]
    await second.close()
