"""Ratings: a judgement counts once, is in SQL when it was taken, and comes back in order after a restart."""

import asyncio
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.errors import BadRequest
from router.types import Arm, Feedback
from store import Store, UnknownDecision, open_store
from strategies.core.query import Origin
from tests.router.yard import Words
from tests.store.runs import decision, tell_run


def told(feedback: Feedback) -> tuple[str, str, float, str, str]:
    """What a judgement says."""
    return feedback.decision_id, str(feedback.arm), feedback.reward, feedback.rater, feedback.kind


async def test_a_judgement_carries_what_the_router_learns_from(store: Store) -> None:
    made = tell_run(store.recorder, decision())
    rated = await store.ratings.rate(made.id, 0.75, rater="checker", weight=0.5, comment="nearly")
    (feedback,) = rated.feedback
    assert not rated.repeated
    assert told(feedback) == (made.id, "direct@well", 0.75, "checker", "score")
    assert (feedback.weight, feedback.propensity) == (0.5, 0.75)
    assert np.array_equal(feedback.embedding, made.query.embedding)
    assert feedback.at > 1_700_000_000


async def test_the_same_judgement_counts_once(store: Store) -> None:
    made = tell_run(store.recorder, decision())
    first = await store.ratings.rate(made.id, 1.0)
    again = await store.ratings.rate(made.id, 1.0)
    assert (first.repeated, again.repeated) == (False, True)
    assert told(again.feedback[0]) == told(first.feedback[0])
    assert not (await store.ratings.rate(made.id, 1.0, rater="another")).repeated
    assert not (await store.ratings.rate(made.id, 0.5)).repeated
    assert len(list(await asyncio.to_thread(lambda: list(store.history.feedback())))) == 3


async def test_a_key_counts_once_and_answers_with_what_was_said_first(store: Store) -> None:
    made = tell_run(store.recorder, decision())
    await store.ratings.rate(made.id, 1.0, idempotency_key="k")
    again = await store.ratings.rate(made.id, 0.25, idempotency_key="k")
    assert again.repeated
    assert [feedback.reward for feedback in again.feedback] == [1.0]


async def test_many_at_once_count_once(store: Store) -> None:
    made = tell_run(store.recorder, decision())
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(store.ratings.rate(made.id, 1.0)) for _ in range(6)]
    assert sorted(task.result().repeated for task in tasks) == [False, *[True] * 5]


async def test_a_preference_teaches_about_both_answers_once(store: Store) -> None:
    worse = tell_run(store.recorder, decision(arm="direct@ill"))
    better = tell_run(store.recorder, decision(arm="direct@well"))
    rated = await store.ratings.rate(worse.id, 0.0, kind="preference", preferred=better.id)
    assert [told(one) for one in rated.feedback] == [
        (worse.id, "direct@ill", 0.0, "user", "preference"),
        (better.id, "direct@well", 1.0, "user", "preference"),
    ]
    again = await store.ratings.rate(worse.id, 0.0, preferred=better.id)
    assert again.repeated
    assert [told(one) for one in again.feedback] == [told(one) for one in rated.feedback]


async def test_a_correction_is_worth_nothing_and_kept(store: Store) -> None:
    made = tell_run(store.recorder, decision())
    rated = await store.ratings.rate(made.id, 1.0, correction="I am splendid.")
    assert told(rated.feedback[0]) == (made.id, "direct@well", 0.0, "user", "correction")
    row = await store.log.decision(made.id)
    assert row is not None
    assert row["feedback"][0]["correction"] == "I am splendid."


async def test_what_was_asked_with_another_key_is_unknown(store: Store) -> None:
    planned = [(decision(), Origin(key)) for key in ("a", "b")]
    made, other = (
        tell_run(store.recorder, replace(one, query=replace(one.query, origin=origin))) for one, origin in planned
    )
    for key in ("b", "settings-1"):
        with pytest.raises(UnknownDecision, match=f"no decision has the id '{made.id}'"):
            await store.ratings.rate(made.id, 1.0, asked_with=key)
    with pytest.raises(UnknownDecision, match=other.id):
        await store.ratings.rate(made.id, 0.0, preferred=other.id, asked_with="a")
    assert await store.ratings.among([made.id, other.id, "chatcmpl-none"], "a") == {made.id}
    assert await store.ratings.among([made.id, other.id, "chatcmpl-none"]) == {made.id, other.id}
    assert len((await store.ratings.rate(made.id, 1.0, asked_with="a")).feedback) == 1
    assert len((await store.ratings.rate(made.id, 0.0, preferred=other.id)).feedback) == 2


async def test_an_unknown_decision_is_told(store: Store) -> None:
    made = tell_run(store.recorder, decision())
    for decision_id, preferred in (("chatcmpl-none", None), (made.id, "chatcmpl-none")):
        with pytest.raises(UnknownDecision, match="chatcmpl-none"):
            await store.ratings.rate(decision_id, 1.0, preferred=preferred)
    assert list(store.history.feedback()) == []


@pytest.mark.parametrize(("reward", "weight"), [(1.5, 1.0), (-0.1, 1.0), (1.0, 2.0)])
async def test_a_reward_or_weight_beyond_its_scale_is_refused(store: Store, reward: float, weight: float) -> None:
    made = tell_run(store.recorder, decision())
    with pytest.raises(BadRequest, match="between 0 and 1"):
        await store.ratings.rate(made.id, reward, weight=weight)


async def test_a_run_that_failed_is_feedback_on_the_arm_that_was_chosen(store: Store) -> None:
    ok = tell_run(store.recorder, decision())
    degraded = tell_run(store.recorder, decision(arm="direct@ill"), status="degraded")
    failed = tell_run(store.recorder, decision(arm="direct@ill"), status="failed")
    cancelled = tell_run(store.recorder, decision(), status="cancelled")
    await store.recorder.flush(30)
    learned = [told(one) for one in store.history.feedback()]
    assert learned == [(one.id, "direct@ill", 0.0, "engine", "failure") for one in (degraded, failed)]
    assert ok.id != cancelled.id


async def test_a_restart_folds_the_same_feedback_in_the_same_order(url: str, tmp_path: Path) -> None:
    first = await asyncio.to_thread(open_store, url, Words(), tmp_path / "events")
    given: list[Feedback] = []
    for i in range(5):
        made = tell_run(first.recorder, decision(f"Question {i}"))
        given += (await first.ratings.rate(made.id, i / 4)).feedback
    await first.close()
    second = await asyncio.to_thread(open_store, url, Words(), tmp_path / "events")
    folded = list(second.history.feedback())
    assert [told(one) for one in folded] == [told(one) for one in given]
    assert all(np.array_equal(a.embedding, b.embedding) for a, b in zip(folded, given, strict=True))
    outcomes = list(second.history.outcomes())
    assert [one.decision_id for one in outcomes] == [one.decision_id for one in given]
    assert outcomes[0].arm == Arm("well", "direct")
    assert (outcomes[0].usage.gpu_seconds, outcomes[0].calls, outcomes[0].first_token_seconds) == (0.125, 2, 0.3)
    assert [one.decision_id for one in second.history.outcomes(limit=2)] == [one.decision_id for one in given[-2:]]
    await second.close()


async def test_a_key_that_was_used_for_another_answer_is_refused(store: Store) -> None:
    first, second = (tell_run(store.recorder, decision()) for _ in range(2))
    await store.ratings.rate(first.id, 1.0, idempotency_key="vote")
    with pytest.raises(BadRequest, match="another answer"):
        await store.ratings.rate(second.id, 0.0, idempotency_key="vote")
