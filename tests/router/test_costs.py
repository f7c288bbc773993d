"""What arms take, learned from outcomes."""

import pytest

from models.types import Usage
from router.costs import Cost, Costs
from router.types import Arm, Outcome

DIRECT, PANEL = Arm("m", "direct"), Arm("m", "panel")


def outcome(arm: Arm, seconds: float, calls: int = 1, status: str = "ok", gpu: float | None = None) -> Outcome:
    return Outcome("d", arm, Usage(seconds=seconds, gpu_seconds=gpu), seconds, calls, status)


def test_nothing_known_is_none_and_not_zero() -> None:
    assert Costs().estimate(DIRECT, 1) == Cost(None, None, None)


def test_an_arm_never_run_is_estimated_from_its_models_calls() -> None:
    costs = Costs()
    for _ in range(5):
        costs.learn(outcome(DIRECT, 2.0, gpu=1.0))
    assert costs.estimate(PANEL, 4) == pytest.approx((4.0, 8.0, None))
    assert costs.estimate(Arm("other", "direct"), 1).seconds is None


def test_an_arms_own_runs_come_to_outweigh_its_models_calls() -> None:
    costs = Costs()
    for _ in range(60):
        costs.learn(outcome(DIRECT, 1.0))
    before = costs.estimate(PANEL, 4).seconds
    for _ in range(60):
        costs.learn(outcome(PANEL, 10.0, calls=4))
    after = costs.estimate(PANEL, 4).seconds
    assert before == pytest.approx(4.0)
    assert after == pytest.approx(10.0, abs=0.3)


def test_what_is_old_is_forgotten() -> None:
    costs = Costs()
    for seconds in [9.0] * 100 + [1.0] * 200:
        costs.learn(outcome(DIRECT, seconds))
    assert costs.estimate(DIRECT, 1).seconds == pytest.approx(1.0, abs=0.3)


@pytest.mark.parametrize("status", ["failed", "cancelled", "degraded"])
def test_runs_that_were_cut_short_say_nothing(status: str) -> None:
    costs = Costs()
    costs.learn(outcome(DIRECT, 99.0, status=status))
    assert costs.estimate(DIRECT, 1).seconds is None
