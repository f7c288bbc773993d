"""Outcomes as the router reads them again: whether a run asked one model or several, and whether it waited."""

from dataclasses import replace

from models.types import Reply
from store import Store
from strategies.core import Called
from tests.store.runs import USAGE, decision, tell_run


async def test_the_log_knows_which_runs_asked_several_models(store: Store) -> None:
    alone = tell_run(store.recorder, decision("One"))
    mixed = decision("Several")
    tell_run(store.recorder, mixed)
    store.recorder.tell(mixed.id, Called("late", "other", mixed.query.request, Reply("x", usage=USAGE), 0.5, 0.1))
    await store.ratings.rate(mixed.id, 1.0)
    assert {one.decision_id: one.mixed for one in store.history.outcomes()} == {alone.id: False, mixed.id: True}


async def test_the_log_knows_which_runs_waited_for_their_model(store: Store) -> None:
    at_once, made = tell_run(store.recorder, decision("One")), decision("Waiting")
    seen = replace(made.estimates[made.arm], wait=2.5)
    waited = tell_run(store.recorder, replace(made, estimates={**made.estimates, made.arm: seen}))
    await store.recorder.flush(30)
    assert {one.decision_id: one.waited for one in store.history.outcomes()} == {at_once.id: False, waited.id: True}
