"""The deadline of every run: one for all of its calls, retries and fallbacks, whatever the request allows."""

import asyncio
import time

import pytest

from models.errors import BudgetExceeded, ModelUnavailable, NoArmLeft
from models.types import Reply, Usage
from router.types import Arm, Ended, Outcome
from strategies.core import Constraints, Context
from tests.router.yard import Model, asking, made, yard


async def ends_within(models: list[Model], deadline: float) -> tuple[Ended, Exception | None]:
    """What becomes of a run under this deadline, and what it raises."""
    place = yard(models)
    place.engine._most_seconds = deadline
    started = time.perf_counter()
    raised: Exception | None = None
    try:
        await place.events(await place.engine.decide(asking("spell garden")))
    except NoArmLeft as error:
        raised = error
    assert time.perf_counter() - started < deadline + 0.5
    return place.ends[0], raised


async def test_a_model_that_never_ends_is_broken_off_and_what_was_read_is_the_answer() -> None:
    ended, raised = await ends_within([Model("a", "so far so good", hangs=True)], 0.1)
    assert raised is None
    assert ended.text == "so far so good"
    assert ended.outcome.status == "degraded"


@pytest.mark.parametrize("others", [0, 2])
async def test_fallbacks_get_what_is_left_of_the_one_deadline_not_one_of_their_own(others: int) -> None:
    silent = [Model(name, "", hangs=True) for name in ("a", "b", "c")[: 1 + others]]
    ended, raised = await ends_within(silent, 0.1)
    assert isinstance(raised, NoArmLeft)
    assert all(isinstance(cause, BudgetExceeded) for cause in raised.causes)
    assert ended.outcome.status == "failed"


async def test_a_failure_in_time_still_finds_a_fallback() -> None:
    ended, raised = await ends_within([Model("a", ModelUnavailable("gone", model="a")), Model("b")], 5.0)
    assert raised is None
    assert (ended.outcome.arm.model, ended.text) == ("b", "a fine answer")


async def test_a_strategy_that_hangs_leaves_its_fallback_the_time_that_asking_directly_takes() -> None:
    async def stuck(ctx: Context) -> Reply:
        await asyncio.Event().wait()
        raise AssertionError

    place = yard([Model("a")], [made("stuck", stuck, calls=2)])
    for _ in range(3):
        place.costs.learn(Outcome("x", Arm("a", "direct"), Usage(10, 10, 0.1), 0.1, 1))
        place.costs.learn(Outcome("x", Arm("a", "stuck"), Usage(10, 10, 0.2), 0.2, 2))
    started = time.perf_counter()
    decision = await place.engine.decide(asking("spell garden"), "stuck@a", Constraints(max_seconds=0.5))
    await place.events(decision)
    assert time.perf_counter() - started < 0.5
    assert (place.ends[0].text, place.ends[0].outcome.status) == ("a fine answer", "degraded")
