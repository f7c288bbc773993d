"""Whom to believe where: the world is split where experts differ, and only there."""

from dataclasses import replace

import numpy as np
import pytest

from router.advice import FEWEST, MIDDLE, Models, Rounds, grow, replay
from router.utility import Numbers
from tests.router.test_challengers import log, open_

RIDGE, OPTIMISM, ARMS = 100.0, 1.0, 2


def advised(truth: Numbers, quality: Numbers) -> Numbers:
    """The features of each round, [rounds, arms, 3]: two experts, who know the `truth` [rounds, arms] where their

    `quality` [rounds, experts] is 1, the opposite where it is -1, and a one.
    """
    experts = quality[:, None, :] * (truth[:, :, None] - 0.5)
    return np.concatenate([experts, np.ones((*truth.shape, 1))], axis=2)


def logged(n: int, seed: int, swap: bool) -> Rounds:
    """Arms drawn evenly; the first expert is right where x < 1/2 (everywhere unless `swap`), the second elsewhere."""
    draw = np.random.default_rng(seed)
    world = draw.random((n, 3))
    truth = np.where(draw.random((n, 1)) < 0.5, [[0.9, 0.1]], [[0.1, 0.9]])
    first = np.where(world[:, 1] < 0.5, 1.0, -1.0) if swap else np.ones(n)
    arms = draw.integers(ARMS, size=n)
    rewards = (draw.random(n) < truth[np.arange(n), arms]).astype(np.float64)
    features = advised(truth, np.stack([first, -first], axis=1))
    return Rounds(features, world, arms, rewards, np.ones(n), np.full(n, 1 / ARMS))


def followed(n: int, seed: int) -> Rounds:
    """What a fresh model earns when it chooses for itself: the log of the policy that is replayed."""
    rounds, models = logged(n, seed, swap=False), Models(1, 3, RIDGE, OPTIMISM)
    draw, only = np.random.default_rng(seed), np.zeros(1, dtype=np.intp)
    for t in range(n):
        high = (models.values(rounds.features[t], only) + models.widths(rounds.features[t], only))[0]
        top = high >= high.max() - 1e-12
        arm = int(draw.choice(np.flatnonzero(top)))
        rounds.arm[t], rounds.propensity[t] = arm, 1.0 / top.sum()
        rounds.reward[t] = float(draw.random() < 0.5 + rounds.features[t, arm, 0])
        models.learn(rounds.features[t, arm], float(rounds.reward[t]), 1.0, only)
    return rounds


@pytest.mark.parametrize("seed", range(5))
def test_experts_who_swap_at_a_half_are_told_apart_there_within_a_few_hundred_rounds(seed: int) -> None:
    tree = grow(logged(400, seed, swap=True), RIDGE, OPTIMISM)
    assert tree.axis == 1
    assert tree.threshold == pytest.approx(0.5, abs=0.08)
    assert tree.below is not None
    assert tree.above is not None
    assert tree.below.model.theta[0][0] > tree.below.model.theta[0][1]
    assert tree.above.model.theta[0][0] < tree.above.model.theta[0][1]


def test_where_experts_are_the_same_everywhere_there_is_about_one_leaf() -> None:
    leaves = [grow(logged(400, seed, swap=False), RIDGE, OPTIMISM).leaves() for seed in range(12)]
    assert np.mean(leaves) <= 1.25


def test_the_logging_policy_itself_is_worth_what_was_earned_above_one_half() -> None:
    rounds = followed(150, 3)
    earned = replay(rounds, np.zeros((150, 1), dtype=np.intp), RIDGE, OPTIMISM).earned.sum()
    assert earned == pytest.approx((rounds.reward - MIDDLE).sum())
    assert earned > 20


def test_a_policy_that_never_takes_the_logged_arm_is_worth_nothing() -> None:
    rounds = logged(60, 1, swap=False)
    features = np.zeros_like(rounds.features)
    features[np.arange(60), 1 - rounds.arm, 0] = 0.5
    other = Rounds(features, rounds.world, rounds.arm, rounds.reward, np.full(60, 1e-9), rounds.propensity)
    assert replay(other, np.zeros((60, 1), dtype=np.intp), RIDGE, OPTIMISM).earned.sum() == 0.0


def test_a_rare_draw_does_not_outweigh_all_the_others() -> None:
    rounds = logged(60, 1, swap=False)
    rounds.propensity[:] = 1e-9
    earned = replay(rounds, np.zeros((60, 1), dtype=np.intp), RIDGE, OPTIMISM).earned
    assert np.abs(earned).max() == pytest.approx(10.0)


def test_models_side_by_side_learn_as_each_would_alone() -> None:
    rounds = logged(80, 2, swap=True)
    sides = (rounds.world[:, :1] > 0.5).astype(np.intp)
    both = replay(rounds, sides, RIDGE, OPTIMISM).models
    for side in (0, 1):
        part = rounds.take(sides[:, 0] == side)
        alone = replay(part, np.zeros((len(part.arm), 1), dtype=np.intp), RIDGE, OPTIMISM).models
        assert both.theta[side] == pytest.approx(alone.theta[0])


def test_a_model_starts_from_the_mean_of_the_experts_and_is_a_ridge_regression_of_what_goes_beyond() -> None:
    models, only = Models(1, 3, 4.0, OPTIMISM), np.zeros(1, dtype=np.intp)
    start = np.array([0.5, 0.5, 0.0])
    assert models.values(np.array([[0.4, -0.2, 1.0]]), only)[0, 0] == pytest.approx(0.1)
    draw = np.random.default_rng(0)
    seen, rewards, weights = draw.normal(size=(30, 3)), draw.random(30), draw.random(30)
    for feature, reward, weight in zip(seen, rewards, weights, strict=True):
        models.learn(feature, float(reward), float(weight), only)
    normal = (seen * weights[:, None]).T @ seen + 4.0 * np.eye(3)
    expected = start + np.linalg.solve(normal, seen.T @ (weights * (rewards - MIDDLE - seen @ start)))
    assert models.theta[0] == pytest.approx(expected)
    width = np.sqrt(np.diag(seen @ np.linalg.solve(normal, seen.T)))
    assert models.widths(seen, only)[0] == pytest.approx(width)


def test_too_few_rounds_are_not_split() -> None:
    assert grow(logged(2 * FEWEST - 1, 1, swap=True), RIDGE, OPTIMISM).leaves() == 1


def test_the_policy_shows_whom_it_believes_and_asks_experts_before_they_know() -> None:
    policy = open_("expertise_tree")
    # Rewards that nothing explains: an expert who had seen them would be believed, one who had not is not.
    draw = np.random.default_rng(1)
    for one in log(600):
        x = draw.normal(size=16)
        unit = (x / np.linalg.norm(x)).astype(np.float32)
        policy.learn(replace(one, embedding=unit, reward=float(draw.random() < 0.5)))
    fitted = policy.beliefs()["fitted"]
    assert isinstance(fitted, dict)
    facts = fitted["size 16"]
    assert facts["leaves"] == 1
    assert facts["believed"][0]["where"] == "everywhere"
    assert max(facts["believed"][0]["experts"].values()) < 0.45
