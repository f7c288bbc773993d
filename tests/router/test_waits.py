"""Waiting for a busy model, or for one that is not loaded, counts as time; runs take turns before a model."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace

import pytest

from models.caller import RUN, held_back
from models.errors import ModelBusy
from models.types import Chunk, Reply, Request, Usage
from models.waiting import Waiting
from router.types import Arm, Decision, Outcome
from router.utility import prices
from strategies.core import Constraints, Context
from tests.router.yard import Model, Yard, asking, candidates, made, yard

NOTHING = Waiting()


@dataclass
class Late(Model):
    """A model for which one waits: as long as it says beforehand, and really so many seconds."""

    waiting: Waiting = NOTHING
    held: float = 0.0

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        with held_back():
            await asyncio.sleep(self.held)
        async with aclosing(super().stream(request)) as chunks:
            async for chunk in chunks:
                yield chunk


def over(*models: Model, seconds: float | None = 0.5) -> Yard:
    """An engine of that policy which takes what is cheapest while nothing was judged; each model takes so long."""
    place = yard(models, policy="thompson")
    for model in models:
        for _ in range(10 if seconds is not None else 0):
            place.costs.learn(Outcome("d", Arm(model.name, "direct"), Usage(), seconds or 0.0, 1))
    return place


async def decided(place: Yard, **limits: float) -> Decision:
    """One decision, at a dial where costs count most."""
    limited = Constraints(quality=0.0, max_seconds=limits.get("max_seconds"))
    return await place.engine.decide(asking("hi"), constraints=limited)


async def test_the_wait_is_part_of_the_expected_seconds_and_of_the_reason() -> None:
    place = over(Late("cold", waiting=Waiting(30.0, warm=False)), Late("busy", waiting=Waiting(4.0)))
    found = await decided(place)
    seconds = {arm.model: estimate.seconds for arm, estimate in found.estimates.items()}
    assert seconds == {"cold": pytest.approx(30.5, rel=0.01), "busy": pytest.approx(4.5, rel=0.01)}
    told = {
        "busy": "busy is busy: about 4.0 s. Not loaded: cold (about 30.0 s).",
        "cold": "cold is loaded first: about 30.0 s.",
    }
    assert found.why.endswith(told[found.arm.model])


async def test_a_cold_model_is_chosen_less() -> None:
    place = over(Late("cold", waiting=Waiting(200.0, warm=False)), Late("warm"))
    picked = [(await decided(place)).arm.model for _ in range(40)]
    assert picked.count("cold") < 4


def test_an_arm_that_never_ran_is_not_cheap_because_its_wait_is_short() -> None:
    known, unknown = candidates(("a", "b"), 1)
    assert prices([known, unknown], 0.0).tolist() == [0.0, 0.0]
    first, second = prices([replace(known, seconds=10.0), replace(unknown, wait=2.0)], 0.0)
    assert second == pytest.approx(first * 1.2)


@pytest.mark.parametrize("model", ["auto", "direct@a"])
async def test_what_was_waited_is_not_learned_as_the_arms_own_time(model: str) -> None:
    place = yard([Late("a", waiting=Waiting(30.0, warm=False), held=0.5)])
    decision = await place.engine.decide(asking("hi"), model)
    assert decision.estimates[decision.arm].wait == 30.0
    await place.events(decision)
    outcome = place.ends[0].outcome
    assert 0.5 <= outcome.waited <= outcome.seconds
    assert (place.costs.estimate(decision.arm, 1).seconds or 30.0) < 0.4


@pytest.mark.parametrize("seconds", [0.5, None])
async def test_a_limit_of_time_avoids_a_model_that_would_have_to_be_loaded(seconds: float | None) -> None:
    place = over(Late("cold", waiting=Waiting(30.0, warm=False)), Late("warm"), seconds=seconds)
    found = await decided(place, max_seconds=5.0)
    assert {arm.model for arm in found.propensities} == {"warm"}
    assert {arm.model for arm in (await decided(place, max_seconds=60.0)).propensities} == {"cold", "warm"}


async def test_where_only_the_wait_is_in_the_way_the_caller_is_told_to_come_again() -> None:
    place = over(Late("cold", waiting=Waiting(30.0, warm=False)), Late("busy", waiting=Waiting(12.0)))
    with pytest.raises(ModelBusy, match="no answer within max_seconds = 5") as refusal:
        await decided(place, max_seconds=5.0)
    assert refusal.value.retry_after == 12.0


async def test_the_calls_of_a_run_carry_its_name() -> None:
    seen: list[str] = []

    async def note() -> str:
        seen.append(RUN.get())
        return "x"

    async def work(ctx: Context) -> Reply:
        await ctx.gather(note(), note())
        return await ctx.answer()

    place = yard([Model("a")], [made("panel", work)])
    first, second = [await place.engine.decide(asking("hi"), "panel@a") for _ in range(2)]
    async with asyncio.TaskGroup() as group:
        for decision in (first, second):
            group.create_task(place.events(decision))
    assert sorted(seen) == sorted([first.id, second.id] * 2)
    assert RUN.get() == ""
