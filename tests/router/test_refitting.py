"""Fits come as judgements grow, one at a time, and one that fails is not the end."""

import itertools
import threading

import pytest

from router.refitting import FIRST, Background, Schedule


def test_fits_come_first_with_enough_and_then_each_time_there_is_a_third_more() -> None:
    schedule = Schedule()
    reached = [n for n in range(1, 3000) if schedule.reached(n)]
    assert reached[0] == FIRST
    assert all(1.3 < later / sooner < 1.4 for sooner, later in itertools.pairwise(reached))


def test_of_much_that_comes_at_once_only_the_last_fit_is_due_and_it_is_told_once() -> None:
    one_by_one, at_once = Schedule(), Schedule()
    last = [n for n in range(1, 2001) if one_by_one.reached(n)][-1]
    assert (at_once.reached(2000), at_once.reached(2000), at_once.reached(FIRST)) == (last, 0, 0)


class Slow:
    """A fit that waits until it may go on, and tells what it was given."""

    def __init__(self) -> None:
        self.may, self.given = threading.Event(), list[int]()

    def __call__(self, given: int) -> int:
        self.given.append(given)
        assert self.may.wait(10)
        if given < 0:
            raise ValueError("nothing to fit")
        return given


def test_nobody_waits_for_a_fit_and_of_those_that_come_meanwhile_only_the_last_is_fitted() -> None:
    slow = Slow()
    background: Background[int, int] = Background(slow)
    for given in (1, 2, 3):
        background.begin(given)
    assert background.taken() is None
    slow.may.set()
    assert background.last() == 3
    assert slow.given == [1, 3]
    assert background.taken() is None


def test_a_fit_is_taken_once_and_the_next_one_begins() -> None:
    slow = Slow()
    slow.may.set()
    background: Background[int, int] = Background(slow)
    background.begin(1)
    assert (background.last(), background.last()) == (1, None)
    background.begin(2)
    assert background.last() == 2


def test_a_fit_that_fails_leaves_things_as_they_are_and_the_next_one_comes() -> None:
    slow = Slow()
    slow.may.set()
    background: Background[int, int] = Background(slow)
    background.begin(-1)
    assert background.last() is None
    background.begin(4)
    assert background.last() == 4
    background.begin(-1)
    assert background.last() is None


@pytest.mark.parametrize(("first", "second", "expected"), [(1, -2, 1), (-1, 2, 2)])
def test_waiting_gives_the_last_fit_that_came_of_it(first: int, second: int, expected: int) -> None:
    slow = Slow()
    background: Background[int, int] = Background(slow)
    background.begin(first)
    background.begin(second)
    slow.may.set()
    assert background.last() == expected
