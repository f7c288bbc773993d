"""Arithmetic: right answers, working whose digits can be copied out, and pairs of numbers kept apart."""

from dataclasses import replace

import pytest

from models.zoo.arithmetic import TASKS, add_in_columns, multiply_in_parts, subtract_in_columns
from models.zoo.check import check
from models.zoo.question import Wordings
from models.zoo.wordings_numbers import DIFFERENCE, PRODUCT, SUM
from tests.models.zoo.draws import check_working, drawn, numbers, unseen

DIGITS = {"sum": (2, 3), "difference": (2, 3), "product": (1, 3), "long_sum": (4, 6), "long_difference": (4, 6)}


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("task", TASKS)
def test_the_answer_is_what_the_two_numbers_come_to(task: str, split: str) -> None:
    for question in drawn(TASKS[task], split):
        a, b = numbers(question.question)
        right = {"m": a + b, "e": abs(a - b), "t": a * b}[task[-1]]
        assert int(question.answer) == right
        assert all(DIGITS[task][0] <= len(str(n)) <= DIGITS[task][1] for n in (a, b))


@pytest.mark.parametrize("task", TASKS)
def test_the_working_holds_and_ends_in_the_answer(task: str) -> None:
    check_working(TASKS[task])


@pytest.mark.parametrize("task", ["sum", "difference", "long_sum", "long_difference"])
def test_the_written_digits_are_the_answer_last_digit_first(task: str) -> None:
    for question in drawn(TASKS[task], "train"):
        written = str(question.worked).split("Written: ")[1].split(".")[0].split()
        assert int("".join(reversed(written))) == int(question.answer)


def test_columns_carry_borrow_and_fill_with_zeros() -> None:
    assert add_in_columns(978, 65) == "978 + 65: 8 + 5 = 13. 7 + 6 + 1 = 14. 9 + 0 + 1 = 10. Written: 3 4 0 1."
    assert subtract_in_columns(502, 17) == "502 - 17: 12 - 7 = 5. 10 - 1 - 1 = 8. 5 - 0 - 1 = 4. Written: 5 8 4."
    assert multiply_in_parts(34, 5) == "34 * 5: 30 * 5 = 150. 4 * 5 = 20. 150 + 20 = 170."


@pytest.mark.parametrize("task", TASKS)
def test_the_checker_takes_the_reply_and_the_working_and_refuses_one_more(task: str) -> None:
    for question in drawn(TASKS[task], "test"):
        assert check(question, question.reply) == check(question, str(question.worked)) == 1.0
        assert check(question, str(int(question.answer) + 1)) == 0.0


@pytest.mark.parametrize("task", TASKS)
def test_no_pair_of_the_test_side_is_trained_on_in_either_order(task: str) -> None:
    trained = {frozenset(numbers(q.question)) for q in drawn(TASKS[task], "train", 2000)}
    assert not trained & {frozenset(numbers(q.question)) for q in drawn(TASKS[task], "test", 2000)}


@pytest.mark.parametrize("wordings", [SUM, DIFFERENCE, PRODUCT])
def test_wordings_for_testing_are_new_and_made_of_known_words(wordings: Wordings) -> None:
    assert len(set(wordings.train)) >= 17
    assert len(set(wordings.test) - set(wordings.train)) >= 5
    assert unseen(wordings) == set()
    assert unseen(replace(wordings, train=wordings.train[:1]))


def test_difficulty_grows_with_the_digits() -> None:
    for question in drawn(TASKS["long_sum"], "train"):
        assert question.difficulty == len(str(numbers(question.question)[0])) - 1
