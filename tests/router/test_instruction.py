"""The task of a question: without it the local half is left as it is, with much of it the task alone decides."""

import numpy as np

from router.judged import Judged
from router.policies.instruction import Instruction
from router.policies.nearest import Nearest
from tests.router.test_challengers import questions

PRIOR = np.full(3, 0.5)


def table(n: int = 240) -> Judged:
    """Questions of three kinds, one arm judged on each; the arm of the kind succeeds."""
    judged = Judged(16)
    for i, x in enumerate(questions(n, 1)):
        judged.book(judged.place(x, f"a question of kind {i % 3}"), (i // 3) % 3, float((i // 3) % 3 == i % 3), 1.0)
    return judged


def fitted(alpha: float, regions: int = 6) -> Instruction:
    found = Instruction(alpha, regions)
    found.fit(table(), PRIOR)
    return found


def test_with_alpha_zero_the_local_half_is_left_exactly_as_it_is() -> None:
    x, judged = questions(30, 2), table()
    local = Nearest()
    local.fit(judged, PRIOR)
    alone = local.predict(judged, x, [""] * 30, PRIOR)
    assert fitted(0.0).predict(judged, x, [""] * 30, PRIOR).tolist() == alone.tolist()
    assert fitted(1.0).predict(judged, x, [""] * 30, PRIOR).tolist() != alone.tolist()


def test_with_great_alpha_the_task_alone_decides() -> None:
    x, judged = (
        np.vstack([questions(30, 2), np.random.default_rng(0).normal(size=(30, 16))]).astype(np.float32),
        table(),
    )
    found = fitted(1e6)
    chosen = found.predict(judged, x, [""] * 60, PRIOR).argmax(axis=1)
    assert (chosen == found.tasks(x, 3).argmax(axis=1)).all()
    assert (chosen[:30] == np.arange(30) % 3).all()


def test_of_two_arms_that_are_both_good_at_a_task_the_one_that_is_made_for_it_wins() -> None:
    judged = Judged(16)
    for i, x in enumerate(questions(240, 1)):
        row = judged.place(x, "")
        for arm, kinds in enumerate(((0, 1), (0,), (2,), (), (), ())):
            judged.book(row, arm, float(i % 3 in kinds), 1.0)
    found = Instruction(1e6, 3)
    prior = np.full(6, 0.5)
    found.fit(judged, prior)
    assert found.predict(judged, questions(30, 2), [""] * 30, prior)[::3].argmax(axis=1).tolist() == [1] * 10


def test_the_task_is_one_and_the_same_for_all_questions_of_a_region() -> None:
    tasks = fitted(1.0, regions=3).tasks(questions(30, 3), 3)
    for kind in range(3):
        assert np.ptp(tasks[kind::3], axis=0).max() == 0.0
    assert np.ptp(tasks[:3], axis=0).min() > 0.1


def test_a_task_is_shown_in_the_words_of_its_most_central_question() -> None:
    tasks = fitted(1.0, regions=3).facts()["tasks"]
    assert isinstance(tasks, list)
    assert sorted(tasks) == [f"a question of kind {kind}" for kind in range(3)]
