"""Placing arms while nobody waits: which pair is run next, who rates it, and what it may take."""

import asyncio
from collections.abc import Sequence

import pytest

from models.errors import ModelUnavailable
from models.scripted import Scripted
from models.types import Request
from router.answer_raters import Answer, Judge, KnownAnswers, Past, Rater, raters
from router.calibration import Calibration, Pair, overlap
from router.types import Arm, Ended, Estimate
from strategies.core import Constraints
from tests.router.yard import Model, Words, Yard, asking, made, rated, yard

A, B, C = (Arm(name, "direct") for name in "abc")
EVERYBODY = frozenset("abc")


class Shelf:
    """Some past questions."""

    def __init__(self, *past: Past) -> None:
        self._past = past

    async def past(self, limit: int) -> Sequence[Past]:
        return self._past[:limit]


def past(text: str, known: str | None = "4", models: frozenset[str] = EVERYBODY) -> Past:
    """A past question with a known answer."""
    return Past(f"chatcmpl-{text}", asking(text), models, known)


def place(*models: Model) -> Yard:
    """An engine that knows its first model to be good at sums."""
    found = yard(models, policy="thompson")
    for i in range(12):
        found.engine.learn(rated(Arm(models[0].name, "direct"), Words().one(f"sum of {i}"), 1.0))
    return found


def calibration(at: Yard, *asked: Past, by: Sequence[Rater] = (KnownAnswers(),), few: float = 1e9) -> Calibration:
    """Calibration over these questions."""
    return Calibration(at.engine, Shelf(*asked), by, few=few, seed=1)


def sums(n: int) -> list[Past]:
    """Past questions of one kind."""
    return [past(f"sum of {i}") for i in range(n)]


async def run(found: Calibration, times: int, calls: int = 100) -> list[Pair]:
    """Several pairs, those that came to something."""
    return [pair for _ in range(times) if (pair := await found.step(calls)) is not None]


async def test_a_new_arm_answers_next_to_the_incumbent_and_both_are_compared_with_the_known_answer() -> None:
    at = place(Model("a", says="4"), Model("b", says="5"))
    pair = await calibration(at, past("sum of 2 and 2")).step(10)
    assert pair is not None
    assert (pair.first.arm, pair.second.arm) == (B, A)
    assert (pair.rating.first, pair.rating.second, pair.rating.rater) == (0.0, 1.0, "known_answers")
    assert (pair.finding.mean, pair.finding.n, pair.finding.better) == (-1.0, 1, None)


async def test_its_runs_are_logged_as_calibration_with_certainty_and_belong_to_no_conversation() -> None:
    at = place(Model("a", says="4"), Model("b", says="5"))
    pair = await calibration(at, past("sum of 2 and 2")).step(10)
    assert pair is not None
    decisions = [event.decision for _, event in at.told if isinstance(event, Ended)]
    assert [one.id for one in decisions] == [pair.first.decision_id, pair.second.decision_id]
    for one in decisions:
        assert (one.policy, one.probability, one.query.conversation) == ("calibration", 1.0, None)
        assert one.why.startswith("Calibration: direct@b is compared with direct@a")
        assert one.revision


async def test_the_arm_with_the_fewest_judgements_comes_first() -> None:
    at = place(Model("a", says="4"), Model("b", says="5"), Model("c", says="6"))
    for i in range(6):
        at.engine.learn(rated(B, Words().one(f"sum of {i}"), 1.0))
    found = await run(calibration(at, *sums(6)), 3)
    assert {pair.first.arm for pair in found} == {C}


async def test_the_question_is_one_where_the_intervals_overlap() -> None:
    at = place(Model("a", says="4"), Model("b", says="5"))
    for _ in range(40):
        at.engine.learn(rated(A, Words().one("sum of 1"), 1.0))
        at.engine.learn(rated(B, Words().one("sum of 1"), 0.0))
    for arm in (A, B):
        for reward in (0.0, 1.0):
            at.engine.learn(rated(arm, Words().one("who wrote the tempest"), reward))
    seen = await at.engine.decide(asking("sum of 1"), constraints=Constraints(explore=False))
    assert overlap(seen.estimates[A], seen.estimates[B]) == 0.0
    assert await calibration(at, past("sum of 1")).step(10) is None
    pair = await calibration(at, past("sum of 1"), past("who wrote the tempest")).step(10)
    assert pair is not None
    assert at.ends[-1].decision.query.text == "who wrote the tempest"


async def test_a_question_is_not_put_to_the_same_arm_twice() -> None:
    at = place(Model("a", says="4"), Model("b", says="5"))
    assert len(await run(calibration(at, *sums(3)), 6)) == 3


async def test_an_arm_that_enough_have_judged_is_placed() -> None:
    at = place(Model("a", says="4"), Model("b", says="5"))
    assert await calibration(at, *sums(3), few=0.0).step(10) is None


async def test_a_comparison_that_is_decided_is_over() -> None:
    at = place(Model("a", says="4"), Model("b", says="5"))
    found = await run(calibration(at, *sums(300)), 160)
    assert (found[-1].finding.better, len(found)) == (1, found[-1].finding.n)
    assert 60 < len(found) < 150


async def test_no_more_calls_are_made_than_may_be() -> None:
    at = yard([Model("a", says="4")], [made("panel", calls=3)], policy="thompson")
    for i in range(12):
        at.engine.learn(rated(A, Words().one(f"sum of {i}"), 1.0))
    found = calibration(at, past("sum of 1"))
    assert await found.step(4) is None
    assert (found.calls, at.told) == (0, [])
    assert await found.step(5) is not None
    assert found.calls == len(at.models["a"].asked) == 2


async def test_a_question_that_was_kept_to_one_model_is_shown_to_no_other() -> None:
    at = place(Model("a", says="4"), Model("b", says="5"))
    assert await calibration(at, past("sum of 1", models=frozenset("a"))).step(10) is None
    assert at.models["b"].asked == []


async def test_an_arm_that_fails_is_not_rated_and_the_engine_has_held_it_against_it() -> None:
    at = place(Model("a", says="4"), Model("b", says=ModelUnavailable("down", model="b")))
    found = calibration(at, past("sum of 1"))
    assert await found.step(10) is None
    assert (at.ends[0].outcome.arm, at.ends[0].outcome.blamed) == (B, True)
    assert at.models["a"].asked == []


async def test_without_a_rater_or_a_question_nothing_runs() -> None:
    at = place(Model("a", says="4"), Model("b", says="5"))
    for found in (calibration(at), calibration(at, past("sum of 1", known=None)), calibration(at, *sums(2), by=())):
        assert await found.step(100) is None
    assert at.told == []


async def test_giving_it_up_cancels_the_call() -> None:
    at = place(Model("a", says="4"), Model("b", says="5", hangs=True))
    work = asyncio.create_task(calibration(at, past("sum of 1")).step(10))
    async with asyncio.timeout(5):
        while not at.models["b"].open:  # noqa: ASYNC110  # a scripted model rings no bell
            await asyncio.sleep(0)
    work.cancel()
    await asyncio.wait([work])
    assert (at.models["b"].open, at.ends[-1].outcome.status) == (0, "cancelled")


def answers(first: str, second: str) -> tuple[Answer, Answer]:
    """Two answers of two models."""
    return Answer("chatcmpl-1", A, first), Answer("chatcmpl-2", B, second)


def liking(text: str) -> Scripted:
    """A judge that prefers the answer with this text in it, wherever it stands."""

    def answer(request: Request) -> str:
        _, _, shown = request.messages[-1].text.partition("Answer A:")
        first, _, second = shown.partition("Answer B:")
        found = "A" if text in first else "B" if text in second.partition("Which answer")[0] else "TIE"
        return f"I thought about VERDICT: TIE first.\nVERDICT: {found}"

    return Scripted("judge", answer)


@pytest.mark.parametrize(("best", "expected"), [("Oslo", (1.0, 0.0)), ("Bergen", (0.0, 1.0)), ("Rome", (0.5, 0.5))])
async def test_a_judge_prefers_the_same_answer_in_both_orders(best: str, expected: tuple[float, float]) -> None:
    backend = liking(best)
    found = await Judge(backend).rate(past("capital?"), *answers("Oslo {x}", "Bergen"))
    assert found is not None
    assert ((found.first, found.second), found.rater, found.compared) == (expected, "judge:judge", True)
    assert len(backend.requests) == Judge.calls


async def test_a_judge_that_goes_by_the_order_finds_a_tie_and_one_that_rambles_finds_nothing() -> None:
    partial = await Judge(Scripted("judge", "VERDICT: A")).rate(past("capital?"), *answers("Oslo", "Bergen"))
    assert partial is not None
    assert (partial.first, partial.second) == (0.5, 0.5)
    assert await Judge(Scripted("judge", "Both are nice.")).rate(past("capital?"), *answers("x", "y")) is None


def test_a_judge_rates_neither_its_own_answers_nor_questions_kept_from_it() -> None:
    judge = Judge(Scripted("a", ""))
    assert judge.may_rate(past("x"), (B, C))
    assert not judge.may_rate(past("x"), (A, B))
    assert not judge.may_rate(past("x", models=frozenset("b")), (B, B))


async def test_models_whose_role_is_judge_rate_what_no_known_answer_does() -> None:
    at = place(Model("a", says="4"), Model("b", says="5"), Model("c", says="VERDICT: B"))
    found = raters(at.engine._backends, {"c": "Judge", "a": "sums"})
    assert [type(one) for one in found] == [KnownAnswers, Judge]
    counted = calibration(at, past("sum of 1", known=None), by=found)
    pair = await counted.step(10)
    assert pair is not None
    assert (pair.first.arm, pair.rating.rater, counted.calls) == (B, "judge:c", 4)


def test_overlap_is_what_two_intervals_share() -> None:
    def between(low: float, high: float) -> Estimate:
        return Estimate((low + high) / 2, low, high, 0.0, None, None, None, 1.0, 0.0)

    assert overlap(between(0.2, 0.6), between(0.5, 0.9)) == pytest.approx(0.25)
    assert overlap(between(0.2, 0.4), between(0.5, 0.9)) == 0.0
    assert overlap(between(0.0, 1.0), between(0.5, 0.9)) == pytest.approx(1.0)
