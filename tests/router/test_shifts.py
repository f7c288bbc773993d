"""A silent drop of an arm is noticed soon, a steady arm raises no alarm, and only what lasted lifts the old."""

import numpy as np
import pytest
from numpy.typing import NDArray

from router.shifts import Base, Lifted, Shift, Watch, lifts
from router.utility import Numbers

STEADY, DROP = 0.7, 0.2


def rewards(seed: int, *parts: float, each: int = 400) -> Numbers:
    """Whole yes or no, right as often as each part says in turn."""
    return np.asarray(np.random.default_rng(seed).random(each * len(parts)) < np.repeat(parts, each), dtype=np.float64)


def alarms(of: Numbers, expected: float = STEADY) -> list[tuple[int, Shift]]:
    """When a watch raised an alarm, and what it said."""
    watch = Watch()
    return [(i, shift) for i, got in enumerate(of) if (shift := watch.take(got, expected, 1.0)) is not None]


def test_a_steady_arm_raises_no_alarm_in_five_thousand_judgements() -> None:
    assert [alarms(rewards(seed, STEADY, each=5000)) for seed in range(6)] == [[]] * 6


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_silent_change_is_noticed_soon_and_its_size_and_side_are_told(sign: int) -> None:
    before = STEADY if sign < 0 else STEADY - DROP
    found = [alarms(rewards(seed, before, before + sign * DROP), before)[0] for seed in range(20)]
    delays = np.array([i for i, _ in found]) - 400
    assert delays.min() > 0
    assert np.median(delays) < 150
    assert np.mean([shift.by for _, shift in found]) == pytest.approx(sign * DROP, abs=0.07)
    assert np.median([abs(shift.weight - delay) for (_, shift), delay in zip(found, delays, strict=True)]) < 30


def test_an_arm_that_was_hardly_judged_is_not_taken_for_changed() -> None:
    assert alarms(np.zeros(29), 0.99) == []
    assert alarms(np.zeros(70), 0.99) != []


def test_after_an_alarm_it_begins_anew() -> None:
    watch = Watch()
    first = next(i for i in range(500) if watch.take(0.0, 0.9, 1.0))
    again = next(i for i in range(500) if watch.take(0.0, 0.9, 1.0))
    assert again == first >= 29


def test_what_weighs_half_takes_twice_as_long() -> None:
    def first(weight: float) -> int:
        watch = Watch()
        return next(i for i in range(900) if watch.take(0.0, 0.6, weight))

    assert first(0.5) == pytest.approx(2 * first(1.0), abs=2)


def test_a_region_is_known_only_once_enough_was_judged_there() -> None:
    base = Base(2)
    for _ in range(7):
        base.take(1, -0.4, 1.0)
    assert base.known(1) is None
    base.take(1, -0.4, 1.0)
    assert base.known(1) == pytest.approx(-0.2)
    assert base.known(0) is None


def lifted(reward: Numbers, expected: float = STEADY, column: NDArray[np.intp] | None = None) -> Lifted:
    """The lifts of judgements in four regions by chance."""
    n = len(reward)
    region = np.random.default_rng(5).integers(4, size=n)
    columns = np.zeros(n, dtype=np.intp) if column is None else column
    return lifts(columns, region, reward, np.full(n, expected), np.ones(n), 4)


def test_a_steady_arm_is_left_alone() -> None:
    for seed in range(20):
        assert not lifted(rewards(seed, STEADY, each=1500)).by.any()


def test_after_a_drop_the_old_judgements_are_lowered_to_what_holds_today_and_the_new_ones_are_not() -> None:
    for seed in range(5):
        found = lifted(rewards(seed, STEADY, STEADY - 0.3))
        assert found.by[:350].mean() == pytest.approx(-0.3, abs=0.1)
        assert not found.by[470:].any()


def test_a_drop_that_did_not_last_lifts_nothing() -> None:
    reward = rewards(3, STEADY, 0.1, STEADY, STEADY, STEADY, STEADY, each=150)
    assert len(alarms(reward)) > 0
    assert not lifted(reward).by.any()


def test_only_the_arm_that_changed_is_lifted() -> None:
    steady, dropping = rewards(1, STEADY, STEADY), rewards(2, STEADY, STEADY - 0.3)
    column = np.tile([4, 1], 800)
    found = lifted(np.stack([steady, dropping], axis=1).ravel(), column=column)
    assert not found.by[column == 4].any()
    assert (found.by[:600][column[:600] == 1] < -0.1).all()
    assert sorted(found.bases) == [1, 4]


def test_a_run_of_questions_of_which_the_expectation_is_wrong_is_no_change_of_the_arm() -> None:
    draw = np.random.default_rng(0)
    region = np.repeat([0, 1, 0, 1], 300)
    reward = (draw.random(1200) < np.where(region == 0, 0.9, 0.4)).astype(np.float64)  # always so there
    found = lifts(np.zeros(1200, dtype=np.intp), region, reward, np.full(1200, 0.65), np.ones(1200), 2)
    assert not found.by.any()
    assert found.bases[0].known(0) == pytest.approx(0.25, abs=0.04)
    assert found.bases[0].known(1) == pytest.approx(-0.25, abs=0.04)


def test_a_drop_where_the_arm_did_better_than_expected_is_measured_against_what_it_did_there() -> None:
    draw = np.random.default_rng(0)
    region = np.concatenate([np.tile([0, 1], 300), np.zeros(300, dtype=np.intp)])
    right = np.where(region == 0, 0.9, 0.4) - np.where(np.arange(900) < 600, 0.0, 0.3)
    reward = (draw.random(900) < right).astype(np.float64)
    found = lifts(np.zeros(900, dtype=np.intp), region, reward, np.full(900, 0.65), np.ones(900), 2)
    assert found.by[:550].mean() == pytest.approx(-0.3, abs=0.1)
