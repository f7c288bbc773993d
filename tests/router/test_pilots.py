"""What pilots promise: one is the mean of what its arm won, and arms come and go without moving the others."""

import numpy as np
import pytest

from router.judged import Judged
from router.policies.pilots import Pilots
from tests.router.test_challengers import questions

PRIOR = np.full(3, 0.5)


def table(n: int = 90) -> Judged:
    """Questions of three kinds on which all arms were judged; on each, only the arm of its kind succeeded."""
    judged = Judged(16)
    for i, x in enumerate(questions(n, 1)):
        row = judged.place(x, "")
        for arm in range(3):
            judged.book(row, arm, float(arm == i % 3), 1.0)
    return judged


def fitted(judged: Judged, regions: int = 1, *, nearest: bool = False) -> Pilots:
    pilots = Pilots(regions, nearest)
    pilots.fit(judged, PRIOR)
    return pilots


def test_with_one_region_the_pilot_of_an_arm_is_the_mean_of_the_questions_it_won() -> None:
    judged = table()
    pilots = fitted(judged)
    assert pilots.owners.tolist() == [0, 1, 2]
    for arm in range(3):
        mean = judged.x[arm::3].mean(axis=0)
        assert pilots.centres[arm] == pytest.approx(mean / np.linalg.norm(mean), abs=1e-5)


@pytest.mark.parametrize("nearest", [False, True])
def test_taking_an_arm_away_leaves_the_order_of_the_others(nearest: bool) -> None:
    pilots, x = fitted(table(), 4, nearest=nearest), questions(30, 2)
    before = pilots.scores(x, 3)[:, :2]
    left = pilots.owners < 2
    pilots.centres, pilots.owners = pilots.centres[left], pilots.owners[left]
    after = pilots.predict(table(), x, [""] * 30, PRIOR[:2])
    assert (np.argsort(before, axis=1) == np.argsort(after, axis=1)).all()


def test_a_pilot_twice_moves_the_mean_but_not_the_greatest() -> None:
    x = questions(30, 3)
    for nearest in (True, False):
        pilots = fitted(table(), 1, nearest=nearest)
        other = questions(3, 9)[2].astype(np.float64)
        pilots.centres, pilots.owners = np.vstack([pilots.centres, other]), np.append(pilots.owners, 0)
        before = pilots.scores(x, 3)
        pilots.centres, pilots.owners = np.vstack([pilots.centres, other]), np.append(pilots.owners, 0)
        moved = np.abs(pilots.scores(x, 3) - before)
        assert bool(moved[:, 0].max() > 1e-3) != nearest
        assert moved[:, 1:].max() == 0.0


def test_equal_pilots_twice_move_not_even_the_mean() -> None:
    pilots, x = fitted(table()), questions(30, 3)
    before = pilots.scores(x, 3)
    pilots.centres, pilots.owners = np.vstack([pilots.centres, pilots.centres[0]]), np.append(pilots.owners, 0)
    assert pilots.scores(x, 3) == pytest.approx(before)


def test_the_embeddings_stay_what_the_embedder_made_of_the_questions() -> None:
    judged, x = table(), questions(90, 1)
    fitted(judged, 4).predict(judged, x, [""] * 90, PRIOR)
    assert judged.x == pytest.approx(x, abs=1e-6)
    assert x.tolist() == questions(90, 1).tolist()


def test_questions_on_which_all_arms_did_alike_make_no_pilot() -> None:
    judged = Judged(16)
    for x in questions(60, 1):
        row = judged.place(x, "")
        for arm in range(3):
            judged.book(row, arm, 1.0, 1.0)
    pilots = fitted(judged)
    assert pilots.owners.tolist() == []
    assert pilots.predict(judged, judged.x[:2], ["", ""], PRIOR).tolist() == [[0.5] * 3] * 2


def test_a_handful_of_won_questions_makes_no_pilot() -> None:
    assert fitted(table(12)).owners.tolist() == []
    assert fitted(table(15)).owners.tolist() == [0, 1, 2]


def test_an_arm_that_won_no_pilot_is_never_preferred_to_one_that_has_any() -> None:
    pilots, judged = fitted(table()), table()
    pilots.centres, pilots.owners, pilots.lost = pilots.centres[:2], pilots.owners[:2], frozenset({2})
    quality = pilots.predict(judged, questions(30, 4), [""] * 30, np.array([0.4, 0.4, 0.9]))
    assert (quality[:, 2] <= quality[:, :2].min(axis=1)).all()
