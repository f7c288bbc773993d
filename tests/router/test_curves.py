"""Curves of cost and quality against values that can be worked out by hand, and against a published board."""

import numpy as np
import pytest

from router.curves import Curve, aiq, arena_score, recovered, shares, swept
from router.utility import Numbers


def curve(*points: tuple[float, float]) -> Curve:
    """A curve through the points."""
    return Curve(np.array([x for x, _ in points]), np.array([y for _, y in points]))


def points(of: Curve) -> list[tuple[float, float]]:
    """The points of a curve."""
    return list(zip(of.cost.tolist(), of.score.tolist(), strict=True))


def test_the_hull_leaves_out_what_mixing_beats_and_never_falls() -> None:
    bent = curve((0, 0.0), (1, 0.1), (2, 0.8), (3, 0.5), (4, 1.0))
    assert points(bent.hull) == [(0, 0.0), (2, 0.8), (4, 1.0)]
    assert points(curve((0, 0.5), (1, 0.2)).hull) == [(0, 0.5), (1, 0.5)]
    assert points(curve((1, 0.2), (1, 0.6)).hull) == [(1, 0.6)]


def test_a_straight_line_has_half_its_height_and_a_step_its_whole() -> None:
    assert aiq(curve((0, 0), (1, 1)), 0, 1) == pytest.approx(0.5)
    assert aiq(curve((0, 0), (0.5, 1), (1, 0.5)), 0, 1) == pytest.approx(0.75)
    assert aiq(curve((2, 0.7)), 2, 6) == pytest.approx(0.7)
    assert aiq(curve((1, 0), (3, 1)), 1, 5) == pytest.approx(0.75)
    assert aiq(curve((1, 0)), 1, 1) is None


def test_the_cost_of_a_score_lies_between_the_points_around_it() -> None:
    line = curve((1, 0.2), (3, 0.6))
    assert line.cost_of(0.4) == pytest.approx(2.0)
    assert line.cost_of(0.1) == 1.0
    assert line.cost_of(0.7) is None


def scored(rows: list[list[float]]) -> Numbers:
    """A matrix."""
    return np.array(rows)


def test_sweeping_goes_from_the_best_arm_to_the_cheapest() -> None:
    quality, scores = scored([[0.5, 0.9], [0.5, 0.55]]), scored([[0, 1], [1, 1]])
    found = points(swept(quality, scored([[1, 11]] * 2), scores, scored([[1, 11]] * 2)).hull)
    # all cheap: 1 of 2 right; only the query where the dear arm is much better: both right
    assert found[0] == (1.0, 0.5)
    assert found[-1] == (11.0, 1.0)
    assert (6.0, 1.0) in found


def test_sweeping_never_takes_an_arm_that_was_not_run() -> None:
    quality = scored([[np.nan, 0.9], [0.5, 0.6]])
    scores, cost = scored([[np.nan, 1.0], [0.0, 1.0]]), scored([[1, 3]] * 2)
    found = swept(quality, cost, scores, scored([[np.nan, 3.0], [1.0, np.nan]]))
    assert points(found)[0] == (2.0, 0.5)
    assert np.isfinite(found.score).all()


def test_a_router_that_knows_recovers_all_and_one_that_does_not_half() -> None:
    strong, weak = np.array([1.0, 1.0, 0.0, 1.0]), np.array([0.0, 0.0, 0.0, 1.0])
    knowing = recovered(shares(strong - weak, strong, weak))
    # 0.25 at no strong call, 0.75 with the half of them that help: area 0.25 + 0.5 * (0.25 + 0.5)
    assert knowing is not None
    assert knowing.apgr == pytest.approx(0.75)
    assert knowing.cpt50 == pytest.approx(0.25)
    assert knowing.cpt80 == pytest.approx(0.40)
    blind = recovered(shares(np.zeros(4), strong, weak))
    assert blind is not None
    assert (blind.apgr, blind.cpt50, blind.cpt80) == pytest.approx((0.5, 0.5, 0.8))
    assert recovered(shares(np.zeros(4), weak, strong)) is None


def test_queries_of_equal_gap_are_mixed_whatever_their_order() -> None:
    strong, weak = np.array([1.0, 1.0, 0.0, 0.0]), np.zeros(4)
    assert points(shares(np.zeros(4), strong, weak)) == [(0.0, 0.0), (1.0, 0.5)]


@pytest.mark.parametrize(
    ("accuracy", "usd", "board"),
    [
        (78.14, 0.27, 76.28),  # KT-ModelRouter
        (79.69, 0.27, 77.63),  # Paix2
        (77.18, 0.42, 74.86),  # vLLM-SR
        (73.96, 10.02, 64.32),  # GPT-5 alone
        (71.38, 0.04, 72.08),  # Hybrid Router
        (47.04, 0.27, 48.07),  # RouteLLM
    ],
)
def test_the_arena_score_is_that_of_the_published_board(accuracy: float, usd: float, board: float) -> None:
    # the board prints costs with two digits, which moves the score by some hundredths
    assert 100 * arena_score(accuracy / 100, usd) == pytest.approx(board, abs=0.06)


def test_the_arena_score_stays_between_its_bounds() -> None:
    assert arena_score(0.8, 0.0) == arena_score(0.8, 0.0044) == pytest.approx(1.1 * 0.8 / 1.08)
    assert arena_score(0.8, 1e6) == 0.0
    assert arena_score(0.0, 1e6) == 0.0
