"""The deadline of every run: one for all of its calls, retries and fallbacks, whatever the request allows."""

import time

import pytest

from models.errors import BudgetExceeded, ModelUnavailable, NoArmLeft
from router.types import Ended
from tests.router.yard import Model, asking, yard


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
