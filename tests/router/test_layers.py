"""The online levels: what an arm did wrong since the fit counts at once, and less once the arm has changed."""

from functools import lru_cache

import numpy as np
import pytest

from router.fit import Fit
from router.layers import Layers
from router.past import KEPT
from router.posterior import Columns
from router.types import Arm
from tests.router.planted import ARMS, field, log
from tests.router.test_forest import features, fitted, shared


def met(*arms: Arm) -> Columns:
    """The columns of these arms."""
    columns = Columns()
    for arm in arms:
        columns.of(arm)
    return columns


def plain(n: int = 3) -> Layers:
    """Levels over some arms that know nothing."""
    return Layers(None, met(*ARMS[:n]), 2.0)


def taken(
    layers: Layers, column: int, *rewards: float, expected: float | None = 0.5, region: int | None = None
) -> None:
    """These judgements of an arm."""
    for reward in rewards:
        layers.take(column, reward, 1.0, expected, region)


def test_with_nothing_judged_all_arms_are_alike_at_one_half() -> None:
    assert plain().usual.tolist() == [0.5] * 3


def test_a_judgement_moves_its_arm_at_once_and_the_more_the_more_there_are() -> None:
    layers = plain()
    seen = []
    for _ in range(4):
        taken(layers, 1, 1.0)
        seen.append(float(layers.usual[1]))
    assert seen == sorted(set(seen))
    assert seen[-1] > layers.usual[0]
    assert layers.weight.tolist() == [0.0, 4.0, 0.0]


def test_an_arm_nobody_judged_is_taken_for_its_kin() -> None:
    columns = met(Arm("good", "a"), Arm("bad", "a"), Arm("good", "b"), Arm("bad", "b"))
    layers = Layers(None, columns, 2.0)
    taken(layers, 0, *[1.0] * 20)
    taken(layers, 1, *[0.0] * 20)
    assert layers.usual[2] > layers.usual[3] + 0.3


def test_an_arm_that_is_met_later_has_room() -> None:
    layers = plain(1)
    for i in range(20):
        column = layers._columns.of(Arm(f"late{i}", "s"))
        taken(layers, column, 1.0)
    assert layers.usual.shape == (21,)
    assert layers.same().tolist() == [1.0] * 21


def test_what_was_right_of_an_easy_question_says_little_of_the_level() -> None:
    easy, hard = plain(), plain()
    for layers, expected in ((easy, 0.9), (hard, 0.1)):
        for _ in range(20):
            layers.take(0, 1.0, 1.0, expected, None)
    assert easy.usual[0] < hard.usual[0] - 0.1


def test_in_a_region_it_counts_what_the_forest_got_wrong() -> None:
    layers = Layers(shared(False), met(*ARMS), 2.0)
    taken(layers, 0, 1.0, 1.0, 0.0, expected=0.3, region=2)
    assert layers.off(2)[0] == pytest.approx(2.0 - 0.9)
    assert layers.seen(2).tolist() == [3.0, 0.0, 0.0]
    assert not layers.off(1).any()


def test_it_goes_on_from_a_fit_without_changing_it() -> None:
    fitted = shared(False)
    before = fitted.weight.tolist()
    layers = Layers(fitted, met(*ARMS), 2.0)
    assert layers.weight.tolist() == before
    taken(layers, 0, *[0.0] * 50, expected=0.7, region=0)
    layers.renew(1)
    assert fitted.weight.tolist() == before
    assert fitted.bases[0].weight[0] == shared(False).bases[0].weight[0]


def going_on(seed: int, n: int, drop: float) -> int:
    """After a thousand judgements of each arm: after how many more of the first one its past counts for little."""
    found, asked = much(), field(500, seed=77)
    rows = features(found, asked.x)
    expected = found.trust(rows)[:, None] * found.forest.excess(found.forest.leaves(rows))
    region = found.region(asked.x)
    draw, layers = np.random.default_rng(seed), Layers(found, met(*ARMS), 2.0)
    for turn in range(1, n + 1):
        i, before = int(draw.integers(500)), float(layers.weight[0])
        reward = float(draw.random() < asked.quality[i, 0] - drop)
        layers.take(0, reward, 1.0, float(layers.usual[0] + expected[i, 0]), int(region[i]))
        if layers.weight[0] < before:
            return turn
    return n + 1


@lru_cache(maxsize=1)
def much() -> Fit:
    """A fit of much."""
    return fitted(field(3000))


def test_a_silent_drop_makes_the_old_judgements_count_for_little_within_150_judgements() -> None:
    assert np.median([going_on(seed, 400, 0.2) for seed in range(9)]) < 150


def test_a_steady_arm_keeps_all_that_is_known_of_it() -> None:
    assert [going_on(seed, 5000, 0.0) for seed in range(2)] == [5001] * 2


def test_an_arm_in_another_revision_keeps_a_hint_of_what_it_was() -> None:
    layers = Layers(shared(False), met(*ARMS), 2.0)
    taken(layers, 0, *[1.0] * 30, expected=0.6, region=1)
    level, others, weight = float(layers.usual[0]), layers.weight[1:].tolist(), float(layers.weight[0])
    layers.renew(0)
    assert layers.weight[0] == KEPT
    assert layers.usual[0] == pytest.approx(level, abs=0.05)
    assert (layers.off(1)[0], layers.seen(1)[0]) == (0.0, 0.0)
    assert layers.same() == pytest.approx([KEPT / weight, 1.0, 1.0])
    taken(layers, 0, *[0.0] * 16, expected=level)
    assert layers.usual[0] < 0.25
    assert layers.weight[1:].tolist() == others


def test_what_was_known_of_an_old_revision_does_not_sound_an_alarm_of_the_new_one() -> None:
    layers = plain()
    taken(layers, 0, *[1.0] * 100, expected=0.99)
    layers.renew(0)
    changes = layers.changes
    taken(layers, 0, *[0.0] * 20, expected=0.99)
    assert layers.changes == changes == 1
    assert layers.weight[0] == KEPT + 20


def test_a_question_without_a_place_counts_for_the_level_alone() -> None:
    layers = Layers(shared(False), met(*ARMS), 2.0)
    before = float(layers.weight[0])
    taken(layers, 0, 1.0, expected=None)
    assert layers.weight[0] == before + 1
    assert not any(layers.off(region).any() for region in range(len(shared(False).centres)))


def test_the_levels_after_a_log_are_near_the_truth() -> None:
    layers, asked = plain(), field(1500)
    for one in log(asked):
        layers.take(ARMS.index(one.arm), one.reward, one.weight, float(layers.usual[ARMS.index(one.arm)]), None)
    assert layers.usual == pytest.approx(asked.quality.mean(axis=0), abs=0.06)
