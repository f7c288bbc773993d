"""The fitted half finds where each arm is good, tells hard questions from bad arms, and believes no noise."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from router.fit import Fit, fit
from router.forest import Forest, Reach, Shape, grow
from router.mosaic import PARTITIONS, Mosaic
from router.posterior import Columns
from router.surface import NAMES, surface
from router.utility import Numbers
from strategies.core.query import Vector
from tests.router.planted import ARMS, SIZE, Field, every, field, judged, log, snapshot

SHAPE = Shape(trees=20)


def known() -> Columns:
    """The arms of the field."""
    columns = Columns()
    for arm in ARMS:
        columns.of(arm)
    return columns


def fitted(asked: Field, feedback: object = None) -> Fit:
    """The fit of one judged arm a question, if not told otherwise."""
    feedback = log(asked) if feedback is None else feedback
    assert isinstance(feedback, list)
    return fit(snapshot(asked, feedback), known(), 2.0, SHAPE, 0.02, 0.15)


@lru_cache(maxsize=4)
def shared(full: bool) -> Fit:
    """A fit that tests share: they only ask."""
    asked = field(300 if full else 900)
    return fitted(asked, every(asked) if full else log(asked))


def features(of: Fit, x: Vector) -> Vector:
    """What the trees look at."""
    return of.features(x, np.stack([surface(f"question {i}") for i in range(len(x))]).astype(np.float32))


def predicted(of: Fit, x: Vector) -> Numbers:
    """What is expected of every arm."""
    return np.asarray(of.forest.excess(of.forest.leaves(features(of, x)))[:, :-1] + of.forest.usual)


@pytest.mark.parametrize("full", [False, True])
def test_the_arm_that_is_right_in_each_region_is_found(full: bool) -> None:
    test = field(300, seed=9)
    quality = predicted(shared(full), test.x)
    assert (quality.argmax(axis=1) == test.kind).mean() > 0.9
    assert np.abs(quality - test.quality).mean() < 0.12


def test_one_question_is_told_as_many_are() -> None:
    found, rows = shared(False), features(shared(False), field(20, seed=9).x)
    leaves = found.forest.leaves(rows)
    assert found.forest.spot(rows[7]).leaves.tolist() == leaves[7].tolist()
    assert found.forest.excess_of_one(leaves[7]) == pytest.approx(found.forest.excess(leaves)[7], abs=1e-6)


def test_the_same_past_gives_the_same_fit() -> None:
    asked, test = field(200), field(50, seed=9)
    assert predicted(fitted(asked), test.x).tolist() == predicted(fitted(asked), test.x).tolist()


def test_of_noise_nothing_is_believed() -> None:
    asked = field(900, quality=[[0.6, 0.6, 0.6]] * 3)
    found = fitted(asked)
    assert np.abs(predicted(found, field(200, seed=9).x) - found.forest.usual).mean() < 0.05


def alone(full: bool = False) -> tuple[Forest, Field]:
    """A forest over one judged arm a question, and the field."""
    asked = field(400)
    rows = np.hstack([asked.x, np.zeros((400, 2), np.float32)])
    return grow(rows, SIZE, judged(asked, every(asked) if full else log(asked)), np.full(3, 0.55), SHAPE), asked


def test_what_is_expected_of_a_judgement_does_not_know_that_judgement() -> None:
    forest, asked = alone()
    facts = judged(asked, log(asked))
    rows = np.hstack([asked.x, np.zeros((400, 2), np.float32)])
    told = facts.reward.copy()
    told[5] = 1.0 - told[5]
    turned = replace(facts, reward=told)
    other = forest.relevelled(rows, turned, forest.usual, SHAPE)
    forest.reach = other.reach = Reach(1.0, 1.0)
    assert other.left_out(rows, turned)[5] == pytest.approx(forest.left_out(rows, facts)[5], abs=1e-6)
    assert other.ease(rows, turned)[5] == pytest.approx(forest.ease(rows, facts)[5], abs=1e-6)
    assert np.abs(other.left_out(rows, turned) - forest.left_out(rows, facts)).max() > 1e-3


def test_what_is_expected_of_a_judgement_without_it_tells_where_its_arm_is_right() -> None:
    forest, asked = alone()
    facts = judged(asked, log(asked))
    found = forest.left_out(np.hstack([asked.x, np.zeros((400, 2), np.float32)]), facts)
    right = facts.column == asked.kind[facts.row]
    assert found[right].mean() > found[~right].mean() + 0.2


def test_how_many_judgements_of_an_arm_a_leaf_holds_is_told_of_each_arm() -> None:
    forest, asked = alone()
    rows = np.hstack([asked.x, np.zeros((400, 2), np.float32)])
    seen = np.stack([forest.seen(forest.spot(row).leaves) for row in rows[:50]])
    assert (seen[:, :-1] > 3).all()
    assert not seen[:, -1].any(), "the last column stands for arms that were never judged"
    assert seen.sum(axis=1).max() < 400


def test_easy_questions_are_told_from_good_arms() -> None:
    asked = field(900, quality=[[0.9] * 3, [0.3] * 3, [0.6] * 3])
    rows = np.hstack([asked.x, np.zeros((900, 1), np.float32)])
    facts = judged(asked, log(asked))
    forest = grow(rows, SIZE, facts, np.full(3, 0.6), SHAPE)
    ease = forest.ease(rows, facts)
    means = [float(ease[asked.kind[facts.row] == kind].mean()) for kind in range(3)]
    assert means == pytest.approx([0.3, -0.3, 0.0], abs=0.1)
    assert np.abs(forest.own(rows)).max() < 0.05


def test_levels_are_not_fooled_by_an_arm_having_been_asked_easier_questions() -> None:
    chances = np.array([[0.1, 0.8, 0.1], [0.8, 0.1, 0.1], [1 / 3, 1 / 3, 1 / 3]])  # arm 1 is asked what is easy
    for seed in range(4):
        asked = field(900, seed, quality=[[0.95, 0.95, 0.95], [0.3, 0.3, 0.3], [0.5, 0.5, 0.6]])
        draw = np.random.default_rng(seed)
        taken = np.array([draw.choice(3, p=chances[kind]) for kind in asked.kind])
        found = fitted(asked, log(asked, taken, seed=seed + 50))
        raw, level = found.reward / found.weight, found.level / found.weight
        assert raw.argmax() == 1
        assert level.argmax() != 1
        assert np.abs(level - asked.quality.mean(axis=0)).max() < 0.14
        assert np.abs(raw - asked.quality.mean(axis=0)).max() > 0.17


def test_a_question_far_from_all_known_ones_is_not_trusted_and_a_known_one_is() -> None:
    found = shared(False)
    far = -np.eye(SIZE, dtype=np.float32)[:5]
    assert found.trust(features(found, far)).tolist() == [0.0] * 5
    trust = found.trust(features(found, field(200, seed=9).x))
    assert trust.mean() > 0.8
    assert 0.0 <= trust.min() <= trust.max() <= 1.0


def test_a_fit_after_a_drop_expects_what_holds_today() -> None:
    before, after = field(700), field(500, seed=3, quality=[[0.5, 0.4, 0.4], [0.05, 0.85, 0.4], [0.05, 0.4, 0.85]])
    asked = Field(np.concatenate([before.x, after.x]), np.concatenate([before.kind, after.kind]), before.quality)
    feedback = [*log(before), *log(after, seed=2)]
    found = fitted(asked, feedback)
    late = [one.reward for one in feedback[700:] if one.arm == ARMS[0]]
    all_of_it = [one.reward for one in feedback if one.arm == ARMS[0]]
    assert found.level[0] / found.weight[0] < (np.mean(late) + np.mean(all_of_it)) / 2
    assert found.level[1] / found.weight[1] == pytest.approx(asked.quality[:, 1].mean(), abs=0.08)


def test_few_questions_and_one_arm_can_be_fitted() -> None:
    asked = field(3)
    found = fitted(asked, log(asked, np.zeros(3, dtype=np.intp)))
    assert np.isfinite(predicted(found, field(5, seed=9).x)).all()
    assert np.isfinite(found.trust(features(found, field(5, seed=9).x))).all()


def test_partitions_put_like_questions_into_one_cell_and_number_their_cells_through() -> None:
    asked = field(600, wide=0.02)
    rows = np.hstack([asked.x, np.zeros((600, len(NAMES)), np.float32)])
    mosaic = Mosaic(rows, SIZE, 600)
    where = mosaic.cells_of(mosaic.placed(rows))
    assert where.shape == (600, PARTITIONS)
    assert where.max() < mosaic.nodes == PARTITIONS * mosaic.cells
    for column in where.T:
        for cell in np.unique(column):
            assert len(np.unique(asked.kind[column == cell])) == 1


def test_distance_grows_from_a_known_question_to_one_of_its_kind_to_one_of_none() -> None:
    asked = field(300)
    rows = np.hstack([asked.x, np.zeros((300, 2), np.float32)])
    mosaic = Mosaic(rows, SIZE, 300)
    like = np.hstack([field(50, seed=9).x, np.zeros((50, 2), np.float32)])
    odd = np.hstack([-np.eye(SIZE, dtype=np.float32)[:3], np.zeros((3, 2), np.float32)])
    known, new, none = (float(mosaic.distance(mosaic.placed(part)).mean()) for part in (rows[:50], like, odd))
    assert known < new < none
    far, usual = mosaic.spread(rows, (0.02, 0.15))
    assert usual < far
    assert (mosaic.distance(mosaic.placed(rows), known=True) > usual).mean() == pytest.approx(0.15, abs=0.03)
