"""Thrust: pulls add up as vectors, and a question unlike those seen asks for help."""

import numpy as np
import pytest

from strategies.core.thrust import Seen, thrust


def test_one_cluster_pulls_with_its_size_over_the_squared_distance() -> None:
    assert thrust(np.zeros(2), np.array([[2.0, 0.0]]), np.array([8.0])) == pytest.approx(2.0)


def test_between_two_equal_clusters_the_pulls_cancel() -> None:
    assert thrust(np.zeros(2), np.array([[2.0, 0.0], [-2.0, 0.0]]), np.array([8.0, 8.0])) == pytest.approx(0.0)


def test_the_pull_is_the_mean_over_clusters() -> None:
    twice = thrust(np.zeros(2), np.array([[2.0, 0.0], [2.0, 0.0]]), np.array([8.0, 8.0]))
    assert twice == pytest.approx(2.0)


def test_twice_the_sizes_is_twice_the_thrust() -> None:
    rng = np.random.default_rng(1)
    point, centroids, sizes = rng.normal(size=4), rng.normal(size=(3, 4)), np.array([3.0, 5.0, 7.0])
    assert thrust(point, centroids, 2 * sizes) == pytest.approx(2 * thrust(point, centroids, sizes))


def test_farther_away_is_always_less() -> None:
    scores = [thrust(np.array([r, 0.0]), np.zeros((1, 2)), np.array([4.0])) for r in (0.5, 1.0, 2.0, 4.0)]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == 4


def test_on_a_centroid_the_thrust_is_finite() -> None:
    assert np.isfinite(thrust(np.ones(2), np.ones((1, 2)), np.array([4.0])))


def seen(budget: float, n: int = 200) -> Seen:
    rng = np.random.default_rng(7)
    centres = rng.normal(size=(3, 8)) * 4
    rows = centres[rng.integers(0, 3, n)] + rng.normal(size=(n, 8)) * 0.3
    rows[:, 0] *= 1000  # one large dimension does not decide alone
    return Seen.fit(rows.astype(np.float32), budget)


@pytest.mark.parametrize(("n", "clusters"), [(3, 3), (81, 3), (82, 4), (256, 4), (257, 5)])
def test_the_clusters_are_the_fourth_root_rounded_up_and_at_least_three(n: int, clusters: int) -> None:
    fitted = seen(0.5, n)
    assert len(fitted.centroids) == clusters
    assert fitted.sizes.sum() == n


@pytest.mark.parametrize("budget", [0.25, 0.5, 0.75])
def test_the_budget_is_the_share_of_the_seen_that_looks_something_up(budget: float) -> None:
    fitted = seen(budget)
    assert np.mean(fitted.scores < fitted.threshold) == pytest.approx(budget, abs=0.02)


def test_an_unlike_question_looks_something_up_and_a_familiar_one_does_not() -> None:
    fitted = seen(0.25)
    far = (fitted.mean + 50 * fitted.scale).astype(np.float32)
    near = (fitted.mean + fitted.scale * (fitted.centroids[0] + 0.01)).astype(np.float32)
    assert fitted.looks_up(far)
    assert fitted.percentile(far) == 0
    assert not fitted.looks_up(near)
    assert fitted.percentile(near) > 0.9


def test_a_large_dimension_does_not_decide_alone() -> None:
    fitted = seen(0.25)
    moved = fitted.mean + fitted.scale * fitted.centroids[0]
    moved[1:] += 20 * fitted.scale[1:]
    assert fitted.looks_up(moved.astype(np.float32))


def test_what_cannot_be_fitted_is_said() -> None:
    with pytest.raises(ValueError, match="at least 3"):
        Seen.fit(np.zeros((2, 4), dtype=np.float32), 0.5)
    with pytest.raises(ValueError, match="between 0 and 1"):
        Seen.fit(np.zeros((5, 4), dtype=np.float32), 1.5)
