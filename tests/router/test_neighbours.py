"""The nearest past questions are found, in their order, however many there are."""

import numpy as np
import pytest

from router.neighbours import Neighbours
from strategies.core.query import Vector

SIZE = 24


def unit(n: int, seed: int = 0) -> Vector:
    """Directions drawn evenly."""
    x = np.random.default_rng(seed).normal(size=(n, SIZE))
    return np.asarray(x / np.linalg.norm(x, axis=1, keepdims=True), dtype=np.float32)


def filled(x: Vector) -> Neighbours:
    """All of them, one by one."""
    found = Neighbours(SIZE)
    assert [found.add(row) for row in x] == list(range(len(x)))
    return found


def test_without_questions_nothing_is_near() -> None:
    near = Neighbours(SIZE).near(unit(1)[0], 5)
    assert (len(near.rows), len(near.cosines)) == (0, 0)


def test_a_question_is_nearest_to_itself_and_more_than_there_are_is_all() -> None:
    x = unit(20)
    near = filled(x).near(x[7], 50)
    assert near.rows[0] == 7
    assert near.cosines[0] == pytest.approx(1.0, abs=2e-3)
    assert sorted(near.rows.tolist()) == list(range(20))
    assert near.cosines.tolist() == sorted(near.cosines.tolist(), reverse=True)


def test_cosines_are_those_of_the_vectors_up_to_their_sixteen_bits() -> None:
    x, asked = unit(60), unit(1, seed=1)[0]
    near = filled(x).near(asked, 60)
    assert near.cosines == pytest.approx(x[near.rows] @ asked, abs=2e-3)


def test_among_thousands_nearly_all_of_the_nearest_are_found() -> None:
    x, asked = unit(3000), unit(40, seed=1)
    index = filled(x)
    shares = [len(set(np.argsort(-x @ q)[:10].tolist()) & set(index.near(q, 10).rows.tolist())) / 10 for q in asked]
    assert np.mean(shares) > 0.9


def test_what_was_taken_in_can_be_had_back_by_its_row() -> None:
    x = unit(30)
    assert filled(x).vectors(np.array([4, 29, 4])) == pytest.approx(x[[4, 29, 4]], abs=1e-3)
