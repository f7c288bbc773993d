"""Side requests of chat apps: the cheapest model that is ready answers directly; nothing explores, nothing learns."""

from collections.abc import AsyncGenerator

import numpy as np

from models.errors import ModelUnavailable
from models.types import Chunk, Request, Usage
from models.waiting import Waiting
from router.types import Arm, Outcome
from router.unplaced import SIDE
from strategies.core import Constraints
from strategies.core.query import Origin
from tests.router.yard import Model, Yard, asking, made, yard

TITLE = Origin(side="title")


class Cold(Model):
    """A model that would have to be loaded first."""

    waiting = Waiting(8.0, warm=False)

    def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        raise AssertionError("a side request does not load a model")


def priced(*models: Model, cheapest: str) -> Yard:
    """An engine that knows by experience which of its models is cheap."""
    place = yard(list(models), [made("panel", calls=4)], policy="thompson")
    for model in models:
        seconds = 0.01 if model.name == cheapest else 1.0
        for _ in range(5):
            place.costs.learn(_ran(model.name, seconds))
    return place


def _ran(model: str, seconds: float) -> Outcome:
    return Outcome("x", Arm(model, "direct"), Usage(10, 10, seconds, seconds), seconds, 1)


async def test_the_cheapest_model_answers_directly_whatever_strategy_is_asked_for() -> None:
    place = priced(Model("dear"), Model("cheap"), cheapest="cheap")
    for asked in ("auto", "auto@panel", "auto@direct"):
        decision = await place.engine.decide(asking("### Task: a title"), asked, origin=TITLE)
        assert str(decision.arm) == "direct@cheap"
        assert decision.probability == 1.0
        assert decision.policy == SIDE
        assert np.isnan(decision.query.embedding).all()


async def test_a_model_that_is_named_stays_and_a_limit_to_models_holds() -> None:
    place = priced(Model("dear"), Model("cheap"), cheapest="cheap")
    named = await place.engine.decide(asking("a title"), "panel@dear", origin=TITLE)
    limited = await place.engine.decide(asking("a title"), "auto", Constraints(models=("dear",)), origin=TITLE)
    assert str(named.arm) == str(limited.arm) == "direct@dear"


async def test_a_model_that_is_not_loaded_is_not_loaded_for_a_title() -> None:
    place = priced(Cold("cold"), Model("warm"), cheapest="cold")
    decision = await place.engine.decide(asking("a title"), origin=TITLE)
    assert decision.arm.model == "warm"


async def test_nothing_is_learned_from_one_that_fails_and_another_model_answers() -> None:
    place = priced(Model("cheap", ModelUnavailable("gone", model="cheap")), Model("other"), cheapest="cheap")
    before = place.engine.policy.beliefs(), place.costs.estimate(Arm("other", "direct"), 1)
    decision = await place.engine.decide(asking("a title"), origin=TITLE)
    await place.events(decision)
    outcome = place.ends[0].outcome
    assert (outcome.arm.model, outcome.status, outcome.blamed, outcome.aside) == ("other", "degraded", False, True)
    assert (place.engine.policy.beliefs(), place.costs.estimate(Arm("other", "direct"), 1)) == before


async def test_a_run_of_one_tells_nothing_of_what_an_arm_costs() -> None:
    place = priced(Model("a"), cheapest="a")
    before = place.costs.estimate(Arm("a", "direct"), 1)
    await place.events(await place.engine.decide(asking("a title"), origin=TITLE))
    assert place.costs.estimate(Arm("a", "direct"), 1) == before
    await place.events(await place.engine.decide(asking("a question")))
    assert place.costs.estimate(Arm("a", "direct"), 1) != before
