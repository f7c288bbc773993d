"""Outcomes as the router reads them again: whether a run asked one model or several, and how long it waited."""

from models.types import Reply
from router.types import Decided, Ended, Outcome
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


async def test_the_log_knows_how_long_a_run_waited_for_its_model(store: Store) -> None:
    at_once, made = tell_run(store.recorder, decision("One")), decision("Waiting")
    store.recorder.tell(made.id, Decided(made))
    outcome = Outcome(made.id, made.arm, USAGE, 3.0, 1, waited=2.5)
    store.recorder.tell(made.id, Ended(outcome, made, "I am well."))
    await store.recorder.flush(30)
    assert {one.decision_id: one.waited for one in store.history.outcomes()} == {at_once.id: 0.0, made.id: 2.5}
