"""Judgements of an answer that another arm gave than the chosen one are kept, and teach nothing of either."""

import asyncio
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.errors import BadRequest
from router.types import Arm, Decided, Decision, Ended, Outcome
from store import Store, open_store
from tests.router.yard import Words
from tests.store.runs import ARMS, USAGE, decision
from tests.store.test_news import process
from tests.store.test_placing import unplaced


def stood_in(store: Store, made: Decision, by: str = "direct@ill") -> Decision:
    """Tell a run whose arm failed, and which another one answered."""
    store.recorder.tell(made.id, Decided(made))
    outcome = Outcome(made.id, Arm.parse(by), USAGE, 0.5, 2, "degraded", "ModelUnavailable: down", 0.3, True)
    store.recorder.tell(made.id, Ended(outcome, made, "I am ill."))
    return made


async def test_nothing_is_learned_of_it_now_nor_by_others_nor_after_a_restart(url: str, tmp_path: Path) -> None:
    async with process(url, tmp_path) as one, process(url, tmp_path) as two:
        made = stood_in(one.store, decision())
        rated = await one.store.ratings.rate(made.id, 1.0)
        assert (rated.feedback, rated.repeated) == ((), False)
        assert await two.look() == 1
        assert two.said == [(made.id, "engine", 0.0)], "that the chosen one failed is still learned"
        assert [(row.rater, str(row.arm)) for row in two.store.history.feedback()] == [("engine", "direct@well")]
        kept = ((await one.store.log.decision(made.id)) or {})["feedback"]
        assert {row["rater"]: row["reward"] for row in kept} == {"engine": 0.0, "user": 1.0}


async def test_it_counts_once_and_its_key_is_taken(store: Store) -> None:
    made, other = stood_in(store, decision()), stood_in(store, decision())
    first = await store.ratings.rate(made.id, 1.0, idempotency_key="vote")
    again = await store.ratings.rate(made.id, 1.0, idempotency_key="vote")
    assert (again.repeated, again.rows) == (True, first.rows)
    with pytest.raises(BadRequest, match="another answer"):
        await store.ratings.rate(other.id, 1.0, idempotency_key="vote")


async def test_of_a_preference_the_answer_of_the_chosen_arm_is_learned(store: Store) -> None:
    made = stood_in(store, decision())
    sound = stood_in(store, replace(decision(), arm=Arm("ill", "direct"), propensities=ARMS))
    rated = await store.ratings.rate(made.id, 0.0, preferred=sound.id)
    assert [(one.decision_id, one.reward) for one in rated.feedback] == [(sound.id, 1.0)]
    assert len(rated.rows) == 2


async def test_a_failure_of_a_question_that_is_placed_later_has_no_place_after_a_restart(
    url: str, tmp_path: Path
) -> None:
    first = await asyncio.to_thread(open_store, url, Words(), tmp_path / "events")
    made = stood_in(first, replace(unplaced(), embed_seconds=0.0), by="direct@well")
    assert np.isfinite((await first.ratings.rate(made.id, 0.0)).feedback[0].embedding).all()
    await first.close()
    async with process(url, tmp_path) as second:
        found = {one.rater: bool(np.isfinite(one.embedding).all()) for one in second.learned}
        assert found == {"engine": False, "user": True}


async def test_a_failure_of_a_question_that_was_embedded_keeps_its_place(store: Store) -> None:
    made = stood_in(store, decision())
    await store.recorder.flush(30)
    (failure,) = store.history.feedback()
    assert np.array_equal(failure.embedding, made.query.embedding)
