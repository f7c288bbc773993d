"""Regions of the space of questions."""

import numpy as np

from router.regions import Regions
from tests.router.yard import Words

WORDS = Words()


def test_like_questions_share_a_region_and_unlike_ones_found_their_own() -> None:
    regions = Regions(0.5, 8, WORDS.size)
    sums = [regions.place(WORDS.one(f"what is the sum of {n} and 4")) for n in range(5)]
    spelling = regions.place(WORDS.one("spell garden backwards please"))
    assert len(set(sums)) == 1
    assert spelling != sums[0]
    assert regions.nearest(WORDS.one("what is the sum of 9 and 4")) == sums[0]


def test_when_there_is_no_room_left_the_nearest_region_takes_the_question() -> None:
    regions = Regions(0.99, 2, 3)
    x, y, z = np.eye(3, dtype=np.float32)
    assert [regions.place(e) for e in (x, y, (z + 2 * y) / np.float32(5**0.5))] == [0, 1, 1]
    assert regions.count == 2


def test_a_centre_moves_to_the_mean_of_its_members() -> None:
    regions = Regions(0.5, 4, 2)
    first, second = np.array([1, 0], np.float32), np.array([0.6, 0.8], np.float32)
    regions.place(first)
    regions.place(second)
    # The mean points to (0.894, 0.447): this question is 0.45 from the first member alone and 0.80 from the mean.
    assert regions.place(np.array([0.45, 0.893], np.float32)) == 0


def test_opposite_members_do_not_break_a_centre() -> None:
    regions = Regions(-2.0, 1, 2)
    for sign in (1.0, -1.0, 1.0):
        assert regions.place(np.array([sign, 0.0], np.float32)) == 0
    assert regions.nearest(np.array([1.0, 0.0], np.float32)) == 0
