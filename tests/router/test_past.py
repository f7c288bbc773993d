"""The past holds each question once and every judgement in its turn, and says what the first of them said."""

import numpy as np
import pytest

from router.past import EACH, KEPT, REPEATS, Growing, Past
from tests.router.planted import SIZE, field

X = field(40).x


def past(rows: list[int], columns: list[int] | None = None) -> Past:
    """One judgement of each of these questions in turn; rewards tell the turn."""
    found = Past(SIZE)
    for turn, row in enumerate(rows):
        column = 0 if columns is None else columns[turn]
        found.judge(found.question(X[row], f"question {row}"), column, turn / 100, 1.0, f"d{turn}")
    return found


def test_the_same_embedding_is_the_same_question_and_each_judgement_counts() -> None:
    found = past([0, 1, 0, 2, 0])
    assert (len(found.index), len(found.surfaces), len(found)) == (3, 3, 5)
    assert found.row.rows.tolist() == [0, 1, 0, 2, 0]
    assert [found.decision(place) for place in range(5)] == ["d0", "d1", "d2", "d3", "d4"]


def test_the_judgements_of_questions_come_latest_first() -> None:
    found = past([0, 1, 0, 2, 0])
    assert found.judgements(np.array([2, 0])).tolist() == [3, 4, 2, 0]
    assert found.judgements(np.array([], dtype=np.int64)).tolist() == []


def test_a_snapshot_is_of_the_first_judgements_and_what_comes_later_does_not_change_it() -> None:
    found = past([0, 1, 0, 2, 0])
    taken = found.snapshot(3, 10)
    before = taken.judged.reward.tolist()
    found.judge(found.question(X[9], "late"), 1, 1.0, 1.0, "late")
    assert taken.judgements == 3
    assert taken.embeddings == pytest.approx(X[[0, 1]], abs=1e-3)
    assert taken.surfaces.shape == (2, found.surfaces.rows.shape[1])
    assert taken.judged.row.tolist() == [0, 1, 0]
    assert taken.judged.reward.tolist() == before == pytest.approx([0.0, 0.01, 0.02])


def test_a_snapshot_keeps_the_latest_questions_with_what_was_judged_of_them_last() -> None:
    found = past([0, 1, 2, 3, 1, 4])
    taken = found.snapshot(6, 3)  # the questions 4, 1 and 3
    assert taken.judged.reward.tolist() == pytest.approx([0.03, 0.04, 0.05])
    assert taken.embeddings[taken.judged.row] == pytest.approx(X[[3, 1, 4]], abs=1e-3)
    assert taken.judgements == 6


def test_an_array_grows_past_what_was_planned_for() -> None:
    wide = Growing(np.float32, 2)
    assert [wide.add((i, -i)) for i in range(200)] == list(range(200))
    assert wide.rows.tolist() == [[i, -i] for i in range(200)]


def test_what_was_judged_of_an_arm_before_it_became_another_counts_for_little_altogether() -> None:
    found = past(list(range(30)), [0] * 20 + [1] * 10)
    found.renew(0)
    found.judge(found.question(X[31], "later"), 0, 1.0, 1.0, "new")
    found.judge(found.question(X[32], "later"), 7, 1.0, 1.0, "an arm met later")
    counted = found.counted(np.arange(32))
    assert counted[:20].sum() == pytest.approx(KEPT)
    assert counted[20:].tolist() == [1.0] * 12
    assert found.counted(np.array([31, 3])).tolist() == pytest.approx([1.0, KEPT / 20])


def test_little_that_was_judged_before_is_not_made_more() -> None:
    found = past([0, 1], [0, 0])
    found.renew(0)
    assert found.counted(np.arange(2)).tolist() == [1.0, 1.0]


def test_a_snapshot_weighs_by_what_had_become_another_by_then() -> None:
    found = past(list(range(20)))
    found.renew(0)
    found.judge(found.question(X[20], "new"), 0, 1.0, 1.0, "new")
    assert found.snapshot(20, 99).judged.weight.tolist() == [1.0] * 20
    assert found.snapshot(21, 99).judged.weight.tolist() == pytest.approx([KEPT / 20] * 20 + [1.0])


def test_an_arm_may_become_another_again() -> None:
    found = past(list(range(20)))
    found.renew(0)
    for row in range(20, 30):
        found.judge(found.question(X[row], ""), 0, 1.0, 1.0, "")
    found.renew(0)
    assert found.counted(np.arange(30)).sum() == pytest.approx(KEPT)
    assert found.snapshot(25, 99).judged.weight[20:].tolist() == [1.0] * 5


def test_a_question_that_is_asked_all_day_is_not_looked_at_more_than_so_often() -> None:
    found = past([0] * 100 + [1])
    assert found.judgements(np.array([0])).tolist() == list(range(99, 99 - REPEATS, -1))
    assert len(found.snapshot(len(found), 2).judged.row) == 2 * EACH
