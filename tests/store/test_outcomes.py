"""Outcomes as the router reads them again: whether a run asked one model or several."""

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
