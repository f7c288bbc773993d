"""Running: events in order, fallbacks, cancellation all the way down, and what the log is told at the end."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from models.errors import (
    BudgetExceeded,
    ContextTooLong,
    ModelOverloaded,
    ModelRefused,
    ModelResting,
    ModelUnavailable,
    NoArmLeft,
    StrategyError,
    UnreadableReply,
)
from models.types import Reply
from router.types import Arm, Decided, Decision, Ended, Event
from strategies.core import Answered, Called, Constraints, Context, Failed, Noted, Token, load
from tests.router.yard import USAGE, Model, Yard, asking, made, yard

DOWN = ModelUnavailable("no such host", model="a")


async def unreadable(ctx: Context) -> str:
    await ctx.ask("what?")
    raise UnreadableReply("that is no list")


def raising(error: Exception) -> Callable[[Context], Awaitable[str]]:
    async def run(ctx: Context) -> str:
        raise error

    return run


async def start(place: Yard, model: str = "auto", **limits: float) -> list[Event]:
    decision = await place.engine.decide(asking("hi"), model, Constraints(**limits))  # type: ignore[arg-type]  # by name
    return await place.events(decision)


def texts(events: Sequence[object]) -> str:
    return "".join(event.text for event in events if isinstance(event, Token))


def answer(events: Sequence[object]) -> Reply:
    return next(event.reply for event in events if isinstance(event, Answered))


async def test_events_come_in_order_and_the_log_is_told_the_same() -> None:
    place = yard([Model("a", "one two")])
    events = await start(place)
    assert [type(event) for event in events] == [Decided, Token, Token, Called, Answered, Ended]
    assert [event for _, event in place.told] == events
    assert {told for told, _ in place.told} == {place.ends[0].decision.id}


async def test_the_outcome_adds_up_what_the_run_took() -> None:
    async def twice(ctx: Context) -> Reply:
        await ctx.ask("first")
        return await ctx.answer()

    place = yard([Model("a", "one two")], [made("twice", twice, calls=2)])
    events = await start(place, "twice@a")
    ended = place.ends[0]
    assert events[-1] is ended
    outcome = ended.outcome
    assert (outcome.status, outcome.calls, outcome.error, ended.text) == ("ok", 2, None, "one two")
    assert (outcome.usage.gpu_seconds, outcome.usage.completion_tokens) == (0.5, 4)
    assert outcome.usage.usd == pytest.approx(0.002)
    assert 0 < (outcome.first_token_seconds or 0) <= outcome.seconds
    assert place.costs.estimate(Arm("a", "twice"), 2).gpu_seconds == pytest.approx(0.5)


async def test_a_text_that_was_picked_and_not_streamed_is_sent_as_one_piece() -> None:
    async def pick(ctx: Context) -> Reply:
        return (await ctx.sample(3))[1]

    place = yard([Model("a", "one two")], [made("pick", pick, calls=3), made("plain", lambda _: "just words")])
    for model, expected in (("pick@a", "one two"), ("plain@a", "just words")):
        events = await start(place, model)
        assert [event.text for event in events if isinstance(event, Token)] == [expected]
        assert answer(events).text == expected


async def test_what_a_strategy_adds_to_its_stream_is_sent_after_it() -> None:
    async def cite(ctx: Context) -> str:
        return f"{await ctx.answer()} [1]"

    events = await start(yard([Model("a", "one two")], [made("cite", cite)]), "cite@a")
    assert texts(events) == answer(events).text == "one two [1]"


async def test_a_strategy_that_returns_another_text_than_it_streamed_fails_loudly() -> None:
    async def lie(ctx: Context) -> str:
        await ctx.answer()
        return "something else"

    place = yard([Model("a", "one two")], [made("lie", lie)])
    with pytest.raises(StrategyError, match="another text"):
        await start(place, "lie@a")
    assert place.ends[0].outcome.status == "failed"


@pytest.mark.parametrize("name", list(load()))
async def test_every_strategy_streams_what_it_returns(name: str) -> None:
    place = yard([Model("a", "Answer: 7"), Model("b", "Answer: 8")], [load()[name]])
    decision = await place.engine.decide(asking("what is 3 + 4"), "direct@a")
    events = await place.events(_as(decision, Arm("a", name)))
    assert texts(events) == answer(events).text != ""


async def test_a_strategy_that_fails_is_replaced_by_asking_directly_and_pays_for_it() -> None:
    place = yard([Model("a", "one two")], [made("odd", unreadable)], policy="thompson")
    events = await start(place, "odd@a")
    kinds = [type(event) for event in events]
    assert kinds == [Decided, Called, Failed, Noted, Token, Token, Called, Answered, Ended]
    note = next(event for event in events if isinstance(event, Noted))
    assert note.text == "odd@a failed (UnreadableReply: that is no list); direct@a answers instead."
    outcome = place.ends[0].outcome
    assert (outcome.status, str(outcome.arm), outcome.calls) == ("degraded", "direct@a", 2)
    assert outcome.error == "UnreadableReply: that is no list"
    arms = place.engine.policy.beliefs()["arms"]
    assert isinstance(arms, dict)
    assert {arm: (row["n"], row["reward"]) for arm, row in arms.items()} == {"odd@a": (1.0, 0.0)}


async def test_a_run_that_went_well_is_no_feedback() -> None:
    place = yard([Model("a")], policy="thompson")
    await start(place)
    assert place.engine.policy.beliefs()["judged"] == 0.0


async def test_if_the_model_is_down_the_next_one_answers() -> None:
    models = [Model("a", DOWN), Model("b", ContextTooLong("too long", model="b")), Model("c", "here")]
    place = yard(models, [made("panel")], default="panel@a")
    events = await start(place)
    assert texts(events) == "here"
    assert str(place.ends[0].outcome.arm) == "direct@c"
    assert place.ends[0].outcome.error == "ModelUnavailable: no such host"
    assert [len(model.asked) for model in models] == [1, 1, 1]


async def test_if_a_peer_is_down_the_chosen_model_itself_answers() -> None:
    async def consult(ctx: Context) -> Reply:
        return await ctx.ask("what do you say?", model="b")

    place = yard([Model("a", "here"), Model("b", ModelUnavailable("gone", model="b"))], [made("consult", consult)])
    await start(place, "consult@a")
    assert str(place.ends[0].outcome.arm) == "direct@a"


async def test_only_models_that_the_caller_allows_stand_in() -> None:
    place = yard([Model("a", DOWN), Model("b")])
    with pytest.raises(NoArmLeft) as caught:
        await start(place, "direct@a")
    assert caught.value.causes == (DOWN,)
    assert place.models["b"].asked == []
    assert place.ends[0].outcome.status == "failed"
    assert isinstance(place.told[-1][1], Ended)


async def test_an_answer_that_breaks_off_is_not_started_again() -> None:
    place = yard([Model("a", DOWN, before=2), Model("b")], default="direct@a")
    decision = await place.engine.decide(asking("hi"))
    with pytest.raises(ModelUnavailable):
        await place.events(decision)
    assert [type(event) for _, event in place.told] == [Decided, Token, Token, Called, Failed, Ended]
    assert place.ends[0].outcome.status == "failed"
    assert place.ends[0].text == "so far "
    assert place.models["b"].asked == []


async def test_a_bug_in_a_strategy_is_told_with_its_place_and_the_model_is_asked_directly() -> None:
    def bug(ctx: Context) -> str:
        raise ZeroDivisionError("oops")

    place = yard([Model("a")], [made("bug", bug)])
    with capture_logs() as told:
        await start(place, "bug@a")
    outcome = place.ends[0].outcome
    assert (outcome.status, outcome.error) == ("degraded", "StrategyError: ZeroDivisionError: oops")
    assert [(line["event"], line["exc_info"]) for line in told] == [("a run broke", True)]


async def test_a_bug_in_the_middle_of_a_stream_is_an_error_like_any_other() -> None:
    async def bug(ctx: Context) -> Reply:
        ctx.emit(Token("Half an "))
        raise KeyError("oops")

    place = yard([Model("a")], [made("bug", bug)])
    with pytest.raises(StrategyError, match="KeyError: 'oops'"):
        await start(place, "bug@a")
    assert place.ends[0].outcome.status == "failed"


async def test_limits_bind_the_strategy_and_the_fallback_may_make_one_call() -> None:
    async def greedy(ctx: Context) -> Reply:
        for _ in range(9):
            await ctx.ask("more")
        return await ctx.answer()

    place = yard([Model("a")], [made("greedy", greedy, calls=2)])
    await start(place, "greedy@a", max_calls=2)
    outcome = place.ends[0].outcome
    assert (outcome.status, outcome.calls) == ("degraded", 3)
    assert "BudgetExceeded" in (outcome.error or "")


async def test_a_stream_over_its_time_ends_with_what_was_read_and_is_flagged() -> None:
    place = yard([Model("a", hangs=True), Model("b", hangs=True)])
    await asyncio.wait_for(start(place, max_seconds=0.05), 5)
    ended = place.ends[0]
    assert ended.text
    assert (ended.outcome.status, ended.outcome.blamed) == ("degraded", False)
    assert str(ended.outcome.error).startswith("BudgetExceeded")
    assert ended.outcome.seconds < 1
    assert [model.open for model in place.models.values()] == [0, 0]


async def test_a_run_that_shows_nothing_in_time_ends_within_the_limit() -> None:
    place = yard([Model(name, "", hangs=True) for name in "abc"])
    with pytest.raises(NoArmLeft):
        await asyncio.wait_for(start(place, max_seconds=0.05), 5)
    assert 0.05 <= place.ends[0].outcome.seconds < 0.5
    assert [model.open for model in place.models.values()] == [0, 0, 0]


def crowd() -> Yard:
    async def crowd(ctx: Context) -> Reply:
        ctx.note("asking many")
        await ctx.gather(*(ctx.ask("?", model=name) for name in ("a", "b", "c")))
        return await ctx.answer()

    return yard([Model(name, hangs=True) for name in "abc"], [made("crowd", crowd, calls=4)])


async def test_when_the_client_leaves_every_parallel_call_is_cancelled() -> None:
    place = crowd()
    decision = await place.engine.decide(asking("hi"), "crowd@a")
    async with aclosing(place.engine.run(decision)) as events:
        async for event in events:
            if isinstance(event, Noted):
                break
        await asyncio.sleep(0.01)
        assert [model.open for model in place.models.values()] == [1, 1, 1]
    _assert_cancelled(place)


async def test_when_the_reading_task_is_cancelled_everything_downstream_is() -> None:
    place = crowd()
    decision = await place.engine.decide(asking("hi"), "crowd@a")
    reading = asyncio.create_task(place.events(decision))
    await asyncio.sleep(0.01)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    _assert_cancelled(place)


def _assert_cancelled(place: Yard) -> None:
    assert [model.open for model in place.models.values()] == [0, 0, 0]
    assert [event.error for _, event in place.told if isinstance(event, Called)] == ["cancelled"] * 3
    assert place.ends[0].outcome.status == "cancelled"
    assert isinstance(place.told[-1][1], Ended)
    assert place.costs.estimate(Arm("a", "crowd"), 4).seconds is None


async def test_a_client_that_leaves_at_once_is_logged_too() -> None:
    place = crowd()
    events = place.engine.run(await place.engine.decide(asking("hi"), "crowd@a"))
    assert isinstance(await anext(events), Decided)
    await events.aclose()
    assert place.ends[0].outcome.status == "cancelled"


async def test_a_client_that_leaves_in_mid_answer_leaves_what_it_read_in_the_log() -> None:
    place = yard([Model("a", "one two", hangs=True)])
    async with aclosing(place.engine.run(await place.engine.decide(asking("hi")))) as events:
        async for event in events:
            if isinstance(event, Token) and event.text == "two":
                break
    assert (place.ends[0].outcome.status, place.ends[0].text) == ("cancelled", "one two")


async def test_a_client_that_leaves_once_it_has_the_answer_has_had_it() -> None:
    place = yard([Model("a", "one two")])
    async with aclosing(place.engine.run(await place.engine.decide(asking("hi")))) as events:
        async for event in events:
            if isinstance(event, Answered):
                break
    assert place.ends[0].outcome.status == "ok"
    assert place.ends[0].outcome.usage.completion_tokens == USAGE.completion_tokens


async def test_runs_side_by_side_do_not_mix() -> None:
    place = yard([Model("a", "from a"), Model("b", "from b")])
    decisions = [await place.engine.decide(asking("hi"), model) for model in ("a", "b") * 4]
    async with asyncio.TaskGroup() as group:
        runs = [group.create_task(place.events(decision)) for decision in decisions]
    assert [texts(run.result()) for run in runs] == ["from a", "from b"] * 4


def _as(decision: Decision, arm: Arm) -> Decision:
    return replace(decision, arm=arm, propensities={arm: 1.0})


@pytest.mark.parametrize(
    ("failing", "limits", "blamed"),
    [
        (unreadable, Constraints(), True),
        (raising(BudgetExceeded("too long")), Constraints(), True),
        (raising(BudgetExceeded("too long")), Constraints(max_seconds=9.0), False),
        (raising(ContextTooLong("no room", model="a")), Constraints(), False),
        (raising(ModelRefused("no", model="a")), Constraints(), False),
        (raising(ModelUnavailable("down", model="a")), Constraints(), True),
        (raising(ModelResting("left alone", model="a")), Constraints(), False),
        (raising(ModelOverloaded("come later", model="a")), Constraints(), False),
    ],
)
async def test_a_failure_counts_against_the_arm_unless_the_caller_asked_for_it(
    failing: Callable[[Context], Awaitable[str]], limits: Constraints, blamed: bool
) -> None:
    place = yard([Model("a"), Model("b")], [made("odd", failing)], policy="thompson")
    with suppress(NoArmLeft):
        await place.events(await place.engine.decide(asking("hi"), "odd@a", limits))
    assert place.ends[0].outcome.status in ("degraded", "failed")
    assert place.ends[0].outcome.blamed is blamed
    assert place.engine.policy.beliefs()["judged"] == float(blamed)
