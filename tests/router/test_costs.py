"""What arms will take, foreseen from outcomes, from the length of the question and from declared prices."""

import asyncio
import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest

from models.backend import ModelSpec
from models.errors import BadRequest
from models.types import Usage
from router.costs import Cost, Costs
from router.figures import ENOUGH
from router.ridge import Line, Points, quantile
from router.types import Arm, Outcome
from strategies.core import Constraints
from tests.router.yard import Model, asking, made, yard

DIRECT, PANEL = Arm("m", "direct"), Arm("m", "panel")


def outcome(
    arm: Arm,
    seconds: float,
    calls: int = 1,
    status: str = "ok",
    gpu: float | None = None,
    usd: float | None = None,
    tokens: tuple[int, int] = (0, 0),
    chars: int = 0,
) -> Outcome:
    usage = Usage(*tokens, seconds=seconds, gpu_seconds=gpu, usd=usd)
    return Outcome("d", arm, usage, seconds, calls, status, question_chars=chars)


def taught(outcomes: Iterable[Outcome], costs: Costs | None = None) -> Costs:
    costs = costs or Costs()
    for one in outcomes:
        costs.learn(one)
    return costs


def test_nothing_known_is_none_and_not_zero() -> None:
    assert Costs().estimate(DIRECT, 1) == Costs().ceiling(DIRECT, 1) == Cost(None, None, None, None, None)


def test_an_arm_never_run_is_estimated_from_its_models_calls() -> None:
    costs = taught([outcome(DIRECT, 2.0, gpu=1.0, tokens=(30, 10))] * 5)
    assert costs.estimate(PANEL, 4) == pytest.approx((4.0, 8.0, None, 40.0, 120.0))


def test_a_model_never_run_borrows_how_much_is_written_but_not_how_fast() -> None:
    costs = taught([outcome(DIRECT, 2.0, gpu=1.0, usd=0.1, tokens=(30, 10))] * 5)
    assert costs.estimate(Arm("other", "panel"), 4) == pytest.approx((None, None, None, 40.0, 120.0))


def test_declared_prices_stand_in_until_a_model_has_run_and_give_way_then() -> None:
    spec = ModelSpec("remote", usd_per_1m_in=2.0, usd_per_1m_out=10.0, gpu_seconds_per_1k=0.5)
    costs = Costs({"dear": spec})
    dear = Arm("dear", "panel")
    first = costs.estimate(dear, 3)
    assert first.usd == pytest.approx(3 * (60 * 2 + 150 * 10) / 1e6)  # the usual prompt and reply
    assert (first.tokens, first.seconds) == (None, None)
    taught([outcome(DIRECT, 1.0, tokens=(200, 40))] * 30, costs)
    assert costs.estimate(dear, 3).usd == pytest.approx(3 * (200 * 2 + 40 * 10) / 1e6)
    assert costs.estimate(dear, 3).gpu_seconds == pytest.approx(3 * 0.24 * 0.5)
    taught([outcome(dear, 1.0, calls=3, usd=0.009, tokens=(600, 120))] * 60, costs)
    assert costs.estimate(dear, 3).usd == pytest.approx(0.009, rel=0.02)


def test_an_arms_own_runs_come_to_outweigh_its_models_calls() -> None:
    costs = taught([outcome(DIRECT, 1.0)] * 60)
    assert costs.estimate(PANEL, 4).seconds == pytest.approx(4.0)
    taught([outcome(PANEL, 10.0, calls=4)] * 60, costs)
    assert costs.estimate(PANEL, 4).seconds == pytest.approx(10.0, abs=0.3)


def test_what_is_old_is_forgotten() -> None:
    costs = taught(outcome(DIRECT, seconds) for seconds in [9.0] * 100 + [1.0] * 200)
    assert costs.estimate(DIRECT, 1).seconds == pytest.approx(1.0, abs=0.3)


@pytest.mark.parametrize("status", ["failed", "cancelled", "degraded"])
def test_runs_that_were_cut_short_say_nothing(status: str) -> None:
    assert taught([outcome(DIRECT, 99.0, status=status)]).estimate(DIRECT, 1).seconds is None


def test_the_seconds_of_a_run_that_waited_are_not_the_arms_own() -> None:
    waited = replace(outcome(DIRECT, 60.0, gpu=1.0, tokens=(30, 10)), waited=58.0)
    costs = taught([outcome(DIRECT, 2.0, gpu=1.0, tokens=(30, 10))] * 5 + [waited] * 5)
    assert costs.estimate(DIRECT, 1) == pytest.approx((1.0, 2.0, None, 10.0, 30.0))
    assert taught([waited]).estimate(DIRECT, 1) == pytest.approx((1.0, 2.0, None, 10.0, 30.0))


def test_figures_that_are_no_numbers_say_nothing() -> None:
    costs = taught([outcome(DIRECT, 1.0, usd=math.nan), outcome(DIRECT, 1.0, usd=math.inf)])
    assert costs.estimate(DIRECT, 1).usd is None
    assert costs.estimate(DIRECT, 1).seconds == pytest.approx(1.0)


def test_replies_that_no_server_counted_are_not_taken_for_empty_ones() -> None:
    assert taught([outcome(DIRECT, 1.0)]).estimate(DIRECT, 1).tokens is None


def test_a_longer_question_is_foreseen_to_take_more_where_length_has_mattered() -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(20, 4000, 300).tolist()
    costs = taught(outcome(DIRECT, 1.0, tokens=(n // 4, 100), usd=1e-6 * n, chars=n) for n in lengths)
    for chars in (100, 2000):
        foreseen = costs.estimate(DIRECT, 1, chars)
        assert foreseen.usd == pytest.approx(1e-6 * chars, rel=0.2)
        assert foreseen.tokens == pytest.approx(100.0, rel=0.05)
    # An arm that has never run takes the lesson from its model.
    assert costs.estimate(PANEL, 2, 2000).usd == pytest.approx(2 * 0.002, rel=0.2)


def test_the_mean_is_foreseen_and_one_run_in_ten_exceeds_the_ceiling_though_runs_are_skewed() -> None:
    rng = np.random.default_rng(1)
    costs, foreseen, came, over = Costs(), 0.0, 0.0, 0
    for i, n in enumerate(rng.integers(20, 2000, 3000).tolist()):
        usd = 1e-5 * n * float(rng.lognormal(0.0, 1.0))
        mean, most = costs.estimate(DIRECT, 1, n).usd, costs.ceiling(DIRECT, 1, n).usd
        if i >= 100 and mean is not None and most is not None:
            foreseen, came, over = foreseen + mean, came + usd, over + (usd > most)
        costs.learn(outcome(DIRECT, 1.0, usd=usd, chars=n))
    assert foreseen / came == pytest.approx(1.0, abs=0.05)
    assert over / 2900 == pytest.approx(0.1, abs=0.03)


def test_the_same_outcomes_give_the_same_costs_whatever_was_asked_in_between() -> None:
    rng = np.random.default_rng(2)
    arms = [Arm(model, strategy) for model in ("m", "n") for strategy in ("direct", "panel")]
    lived = [
        outcome(
            arms[int(i)],
            float(rng.lognormal()),
            1 + int(i) % 2,
            usd=0.1,
            tokens=(9, 9),
            chars=int(rng.integers(1, 999)),
        )
        for i in rng.integers(0, 4, 200)
    ]
    declared = {"n": ModelSpec("remote", usd_per_1m_in=1.0, gpu_seconds_per_1k=1.0)}
    asked = Costs(declared)
    for one in lived:
        asked.learn(one)
        asked.estimate(arms[0], 1, 50)
        asked.ceiling(arms[3], 2, 500)
    folded = taught(lived, Costs(declared))
    assert [asked.ceiling(arm, 2, 70) for arm in arms] == [folded.ceiling(arm, 2, 70) for arm in arms]


def test_an_arm_that_hardly_ran_has_its_mean_for_a_ceiling() -> None:
    few = [outcome(DIRECT, seconds) for seconds in (1.0, 4.0, 1.0, 4.0)]
    costs = taught(few)
    assert costs.ceiling(DIRECT, 1) == costs.estimate(DIRECT, 1)
    taught(few, costs)
    most, mean = costs.ceiling(DIRECT, 1).seconds, costs.estimate(DIRECT, 1).seconds
    assert most is not None
    assert mean is not None
    assert most > 1.3 * mean
    assert len(few) < ENOUGH < 2 * len(few)


def test_the_line_through_points_on_a_line_is_that_line_and_a_parent_pulls_it() -> None:
    points = Points()
    for x in (-2.0, 0.0, 2.0) * 2000:
        points.add(x, 1.0 + 0.5 * x, memory=1.0)
    own = points.line(None, 3.0)
    assert own is not None
    assert (own.start, own.slope) == pytest.approx((1.0, 0.5), abs=1e-3)
    assert own.variance < 1e-3
    few = Points()
    for _ in range(3):
        few.add(0.0, 4.0, memory=1.0)
    leaning = few.line(Line(1.0, 0.5, 0.1), 3.0)
    assert leaning is not None
    assert (leaning.start, leaning.slope) == pytest.approx((2.5, 0.5))  # three points against a parent worth three
    assert Points().line(None, 3.0) is None
    assert Points().line(own, 3.0) == own


def test_points_of_one_length_move_the_line_and_do_not_turn_it() -> None:
    same = Points()
    for _ in range(9):
        same.add(-2.0, 5.0, memory=1.0)
    line = same.line(Line(1.0, 0.5, 0.1), 3.0)
    assert line is not None
    assert line.slope == pytest.approx(0.5)
    assert line.at(-2.0) == pytest.approx((9 * 5.0 + 3 * 0.0) / 12)  # the parent is at 0 there


def test_an_arm_that_costs_the_same_each_time_is_foreseen_though_its_models_calls_cost_now_little_now_much() -> None:
    costs = Costs()
    for _ in range(25):  # the panel asks a dearer model, too
        taught([outcome(DIRECT, 1.0, usd=1.6e-5, chars=21), outcome(PANEL, 1.0, calls=3, usd=0.046, chars=21)], costs)
    for chars in (12, 21, 60):
        for arm, usd in ((DIRECT, 1.6e-5), (PANEL, 0.046)):
            foreseen = costs.estimate(arm, 1, chars).usd
            assert foreseen is not None
            assert usd / 1.5 < foreseen < usd * 1.7


def test_a_quantile_lies_beside_the_line_by_its_spread_and_by_how_little_is_known() -> None:
    line = Line(1.0, 2.0, 0.25)
    assert quantile(line, 3.0, 1e9, 1.0) == pytest.approx(7.5)
    assert quantile(line, 3.0, 1.0, 1.0) == pytest.approx(7.0 + 0.5 * math.sqrt(2))


async def test_a_limit_looks_at_what_one_run_in_ten_exceeds() -> None:
    place = yard([Model("steady"), Model("wild")], policy="random")
    for i in range(40):
        place.costs.learn(outcome(Arm("steady", "direct"), 2.0, usd=0.02))
        place.costs.learn(outcome(Arm("wild", "direct"), (0.2, 4.0)[i % 2], usd=(0.002, 0.04)[i % 2]))
    for limits in (Constraints(max_seconds=3.0), Constraints(max_usd=0.03)):
        decision = await place.engine.decide(asking("hi"), constraints=limits)
        assert set(decision.propensities) == {Arm("steady", "direct")}
    with pytest.raises(BadRequest, match=r"max_seconds is 3.0; every arm allowed"):
        await place.engine.decide(asking("hi"), "wild", Constraints(max_seconds=3.0))


async def test_a_decision_says_how_many_tokens_it_expects_from_the_question_at_hand() -> None:
    place = yard([Model("a")], [made("panel", calls=3)], policy="random")
    arm = Arm("a", "direct")
    for chars in (10, 1000) * 50:
        place.costs.learn(outcome(arm, 1.0, tokens=(chars, chars), chars=chars))
    short = await place.engine.decide(asking("x" * 10))
    long = await place.engine.decide(asking("x" * 1000))
    assert short.estimates[arm].tokens == pytest.approx(10, rel=0.3)
    assert long.estimates[arm].tokens == pytest.approx(1000, rel=0.3)
    assert short.estimates[Arm("a", "panel")].tokens == pytest.approx(30, rel=0.3)


async def test_a_run_tells_the_length_of_its_question() -> None:
    place = yard([Model("a")])
    await place.events(await place.engine.decide(asking("How long is this?")))
    assert [end.outcome.question_chars for end in place.ends] == [17]
    assert asyncio.get_running_loop().is_running()
