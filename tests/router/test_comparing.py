"""Comparing arms: no difference is invented, large ones are found soon, what picked the questions is not the test."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from models.errors import BadRequest
from router.comparing import Duel, best, compare, rank


class Coins:
    """Arms whose answers are right with fixed probabilities, on every question alike."""

    def __init__(self, chances: Sequence[float], seed: int) -> None:
        self._chances, self._draw = chances, np.random.default_rng(seed)
        self.asked: list[int] = []

    def play(self, question: int, arms: Sequence[int]) -> list[float]:
        """Independent rewards of 0 or 1."""
        self.asked.append(question)
        return [float(self._draw.random() < self._chances[arm]) for arm in arms]


def test_an_arm_against_itself_is_a_tie_in_all_but_few_runs() -> None:
    found = [compare(50, Coins([0.6, 0.6], s).play, 0, 1, most=1000, seed=s).better for s in range(100)]
    assert found.count(None) >= 95


def test_a_gap_of_two_fifths_is_found_within_some_440_pairs_and_never_the_wrong_way() -> None:
    found = [compare(200, Coins([0.7, 0.3], s).play, 0, 1, seed=s) for s in range(40)]
    assert {one.better for one in found} == {0}
    assert 350 < np.median([one.n for one in found]) < 550
    assert compare(200, Coins([0.3, 0.7], 1).play, 0, 1).better == 1


def test_a_small_gap_takes_more_pairs_and_is_a_tie_when_they_run_out() -> None:
    found = [compare(200, Coins([0.6, 0.4], s).play, 0, 1, seed=s).n for s in range(15)]
    assert 1000 < np.median(found) < 1700
    tie = compare(200, Coins([0.6, 0.4], 1).play, 0, 1, most=100)
    assert (tie.better, tie.n) == (None, 100)
    assert tie.low < 0.2 < tie.high


def test_the_bound_is_the_formula() -> None:
    duel = Duel(0.1)
    for difference in (1.0, 0.0, 0.5, -0.5):
        duel.add(difference)
    length = math.log(3 * 4 * 5 / 0.1)
    variance = np.var([1.0, 0.0, 0.5, -0.5])
    radius = math.sqrt(2 * variance * length / 4) + 6 * length / 4
    assert duel.finding.mean == pytest.approx(0.25)
    assert (duel.finding.low, duel.finding.high) == (-1.0, 1.0)
    assert radius > 1
    for _ in range(400):
        duel.add(0.25)
    wide = duel.finding
    length = math.log(3 * 404 * 405 / 0.1)
    spread = math.sqrt(2 * (4 * variance / 404) * length / 404) + 6 * length / 404
    assert wide.high - wide.mean == pytest.approx(spread)


def test_every_question_has_its_turn_before_one_comes_again() -> None:
    coins = Coins([0.5, 0.5], 0)
    compare(10, coins.play, 0, 1, most=30)
    for i in range(0, 30, 10):
        assert sorted(coins.asked[i : i + 10]) == list(range(10))


def test_differences_on_few_questions_are_found_where_they_are() -> None:
    def play(question: int, arms: Sequence[int]) -> list[float]:
        return [1.0 if arm == 0 or question >= 8 else 0.0 for arm in arms]

    assert compare(100, play, 0, 1, most=2000).better is None
    found = compare(100, play, 0, 1, most=2000, focus=True)
    assert (found.better, found.n < 1000) == (0, True)


def test_the_answers_that_questions_were_picked_by_do_not_count_in_the_test_on_them() -> None:
    plays = 0

    def play(question: int, arms: Sequence[int]) -> list[float]:
        nonlocal plays
        plays += 1  # chance favours the first arm on some questions while they are picked, never again
        return [1.0, 0.0] if plays <= 200 and question < 25 else [0.5, 0.5]

    found = compare(100, play, 0, 1, most=400, focus=True)
    assert (found.better, found.mean, found.n) == (None, 0.0, 200)


def test_ranking_puts_arms_in_order_and_ties_together() -> None:
    quality = {"a": 0.5, "b": 0.9, "c": 0.1, "d": 0.5, "e": 0.9}
    shares: list[float] = []

    def better(one: str, other: str, delta: float) -> int | None:
        shares.append(delta)
        return None if quality[one] == quality[other] else int(quality[one] < quality[other])

    assert rank(list(quality), better, 0.06) == [["b", "e"], ["a", "d"], ["c"]]
    assert shares == pytest.approx([0.06 / 15] * len(shares))
    assert sum(shares) <= 0.06
    assert rank([], better) == []


def test_the_best_of_several_is_the_one_that_is_left() -> None:
    chances = [0.2, 0.9, 0.3, 0.25]
    for seed in range(5):
        assert best(4, 100, Coins(chances, seed).play, most=2000, seed=seed) == (1,)
    assert best(2, 100, Coins([0.5, 0.5], 0).play, most=300) == (0, 1)


def test_what_cannot_be_compared_is_refused() -> None:
    for wrong in (1.5, float("nan")):
        with pytest.raises(BadRequest, match="between -1 and 1"):
            Duel().add(wrong)
    with pytest.raises(BadRequest, match="no question"):
        compare(0, Coins([0.1, 0.2], 0).play, 0, 1)
    with pytest.raises(BadRequest, match="delta"):
        Duel(0.0)
    with pytest.raises(BadRequest, match="nothing to compare"):
        best(0, 3, Coins([], 0).play)
