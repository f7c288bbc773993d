"""Past decisions for off-policy evaluation: in order, with their judgements together, whatever their rows hold."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import update
from structlog.testing import capture_logs

from models.types import Message, Request
from router.policies import load_policy
from router.sticky import Sticky
from router.types import Arm, Candidate, Decided, Ended, Outcome, RouterSettings
from store import Store, open_store
from store.logged import KEPT
from store.tables import TABLES
from strategies.core import Constraints, Query
from strategies.direct import direct
from tests.router.yard import Words
from tests.store.runs import ARMS, USAGE, decision, tell_run
from tests.store.test_history import Others


async def test_past_decisions_come_oldest_first_page_by_page_with_their_judgements(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.logged.PAGE", 2)
    made = [tell_run(store.recorder, decision(f"Question {i}")) for i in range(5)]
    await store.ratings.rate(made[1].id, 1.0, rater="a", weight=0.5)
    await store.ratings.rate(made[1].id, 0.0, rater="b", weight=1.0)
    await store.ratings.rate(made[2].id, 0.0, rater="b", weight=0.0)
    found = list(store.history.decisions())
    assert [one.id for one in found] == [one.id for one in made]
    assert [(one.reward, one.weight) for one in found[:3]] == [(None, 0.0), (pytest.approx(1 / 3), 1.5), (None, 0.0)]
    first = found[0]
    assert (first.text, first.arm, first.policy, first.version) == (
        "Question 0",
        Arm("well", "direct"),
        "thompson",
        None,
    )
    assert first.propensities == ARMS
    assert first.estimates[Arm("ill", "direct")].seconds == 0.5
    assert first.estimates[Arm("ill", "direct")].usd is None
    assert np.array_equal(first.embedding, Words().one("Question 0"))
    assert first.constraints == Constraints()
    assert [one.id for one in store.history.decisions(since=found[3].at)] == [one.id for one in made[3:]]


@pytest.mark.parametrize("helped", [False, True])
async def test_what_is_said_of_another_arms_answer_is_not_said_of_the_chosen_one(store: Store, helped: bool) -> None:
    made = decision("Question")
    store.recorder.tell(made.id, Decided(made))
    answered_by = Arm("ill", "direct") if helped else made.arm
    store.recorder.tell(made.id, Ended(Outcome(made.id, answered_by, USAGE, 0.5, 2), made, "I am well."))
    await store.ratings.rate(made.id, 1.0, rater="a person")
    (found,) = store.history.decisions()
    assert (found.arm, found.reward) == (made.arm, None if helped else 1.0)


async def test_the_dial_and_the_version_of_a_decision_are_kept(store: Store) -> None:
    await store.policies.promote(await store.policies.add("thompson", {}, {}))
    made = decision("Question")
    asked = replace(made.query, constraints=Constraints(quality=0.2, explore=False, max_calls=3))
    tell_run(store.recorder, replace(made, query=asked))
    await store.recorder.flush(5.0)
    found = next(store.history.decisions())
    assert (found.version, found.constraints) == (1, Constraints(quality=0.2, explore=False))


@pytest.mark.parametrize(
    "row",
    [
        {},
        [],
        {"direct@well": 0.5},
        {"direct@well": 1.2, "direct@ill": -0.2},
        {"direct@well": "most", "direct@ill": 0.5},
        {"direct@ill": 1.0},
        {"well": 1.0},
    ],
)
async def test_propensities_that_cannot_be_meant_are_none_and_that_is_said(store: Store, row: object) -> None:
    tell_run(store.recorder, decision())
    await store.recorder.flush(5.0)
    change(store, propensities=row, estimates={"direct@well": {"seconds": "long", "usd": -1}, "nonsense": 3})
    with capture_logs() as told:
        found = next(store.history.decisions(), None)
        assert found is not None
        list(store.history.decisions())
    assert found.propensities is None
    assert list(found.estimates) == [Arm("well", "direct")]
    assert found.estimates[Arm("well", "direct")].seconds is None
    assert found.estimates[Arm("well", "direct")].usd is None
    assert told[-1]["event"] == "decisions without propensities"


async def test_a_decision_that_cannot_be_read_is_left_out_and_that_is_said(store: Store) -> None:
    tell_run(store.recorder, decision())
    await store.recorder.flush(5.0)
    change(store, arm="nonsense")
    with capture_logs() as told:
        assert list(store.history.decisions()) == []
    assert [line["event"] for line in told] == ["decisions that cannot be read left out"]


async def test_decisions_of_another_embedder_are_left_out(url: str, tmp_path: Path) -> None:
    first = await asyncio.to_thread(open_store, url, Words(), tmp_path / "events")
    tell_run(first.recorder, decision())
    await first.close()
    second = await asyncio.to_thread(open_store, url, Others(), tmp_path / "events")
    with capture_logs() as told:
        assert list(second.history.decisions()) == []
    assert told[-1]["event"] == "decisions of another embedder left out"
    await second.close()


async def test_a_conversation_that_kept_its_arm_is_told_from_a_choice(store: Store) -> None:
    policy, sticky = load_policy("fixed", RouterSettings()), Sticky()
    made = decision("add 3 and 4")
    query = Query(Request((Message("user", "and 5?"),)), made.query.embedding, Constraints(), "talk")
    first = replace(made, query=replace(query, request=made.query.request))
    sticky.ended(Ended(Outcome(made.id, made.arm, USAGE, 0.5, 1), first, "7"))
    kept = sticky.choose(policy, query, [Candidate(arm, direct) for arm in ARMS])
    assert kept.why.startswith(KEPT)
    tell_run(store.recorder, made)
    tell_run(store.recorder, replace(decision("and 5?"), why=kept.why))
    await store.recorder.flush(5.0)
    assert [one.kept for one in store.history.decisions()] == [False, True]


def change(store: Store, **columns: object) -> None:
    """Overwrite columns of every decision."""
    with store.database.write() as connection:
        connection.execute(update(TABLES["decisions"]).values(**columns))


async def test_one_version_is_in_use_at_most_and_none_after_it_is_withdrawn(store: Store) -> None:
    first = await store.policies.add("thompson", {"policy": "thompson", "params": {"strength": 4}}, {})
    second = await store.policies.add("nearest", {"policy": "nearest", "params": {}}, {})
    assert store.policies.current() is None
    for version in (second, first):
        await store.policies.promote(version)
        now = store.policies.current()
        assert now is not None
        assert now.id == version
        assert [row["id"] for row in await store.versions() if row["promoted_at"]] == [version]
    assert store.recorder.versions == {"thompson": first}
    now = store.policies.current()
    assert now is not None
    assert json.dumps(now.fitted) == '{"policy": "thompson", "params": {"strength": 4}}'
    store.policies.ignore()
    assert store.recorder.versions == {}
    await store.policies.withdraw()
    assert store.policies.current() is None
