"""Procedures: each step carried out anew leads to the answer, the working shows every step, contents are kept apart."""

import re
from collections import deque

import pytest

from models.zoo.check import check
from models.zoo.procedures import NUMBER_STEPS, ROW_STEPS, TASKS, WORDS
from models.zoo.question import Question, Wordings, held_out
from tests.models.zoo.draws import drawn, numbers, size, steps, unseen

BEGIN = {*WORDS, *map(str, range(100))}
STEP = re.compile(r"Step \d: ([^.]+)\.")


def followed(question: Question) -> list[str]:
    """What there is after each step, by other code than the generator's."""
    start, orders = begun(question), STEP.findall(question.question)
    if question.task == "row_steps":
        row = deque(start)
        return [" ".join(changed(row, order)) for order in orders]
    (value,) = map(int, start)
    seen = []
    for order in orders:
        by = numbers(order)
        if order.startswith("add"):
            value += by[0]
        elif order.startswith("take"):
            value -= by[0]
        elif order.startswith("halve"):
            assert value % 2 == 0
            value //= 2
        else:
            value *= by[0] if by else 2
        assert 0 <= value <= 99
        seen.append(str(value))
    return seen


def begun(question: Question) -> list[str]:
    """The number or the words to start with; a word of the frame around the question may be one of them."""
    start = question.question.split("Step 1:")[0]
    return [found for found in re.findall(r"(?:[a-z]+|\d+)(?=[,.]| and follow)", start) if found in BEGIN]


def changed(row: deque[str], order: str) -> deque[str]:
    """The row after one order, changed in place."""
    verb, last = order.split()[0], "last" in order
    if verb == "reverse":
        row.reverse()
    elif verb == "move":
        row.rotate(1 if last else -1)
    elif verb == "repeat":
        row.append(row[-1 if last else 0])
    elif verb == "drop":
        del row[-1 if last else 0]
    else:
        one, other = (-1, -2) if last else (0, 1)
        row[one], row[other] = row[other], row[one]
    assert 2 <= len(row) <= 5
    return row


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("task", TASKS)
def test_following_the_steps_leads_to_the_answer(task: str, split: str) -> None:
    for question in drawn(TASKS[task], split):
        seen = followed(question)
        assert question.answer == seen[-1], question.question
        assert question.difficulty == len(seen)
        assert 2 <= len(seen) <= 6


@pytest.mark.parametrize("task", TASKS)
def test_the_working_shows_what_there_is_after_each_step(task: str) -> None:
    for question in drawn(TASKS[task], "test"):
        assert question.worked is not None
        shown = [part.split(" = ")[-1] for part in STEP.findall(question.worked)]
        assert shown == followed(question)
        assert question.worked.endswith(f" Answer: {question.answer}")
        assert all(real == said for real, said in steps(question.worked)), question.worked
        assert size(question.worked) <= 90
        assert size(question.prompt) <= 120


@pytest.mark.parametrize("task", TASKS)
def test_the_checker_takes_the_reply_and_the_working_and_refuses_a_near_miss(task: str) -> None:
    for question in drawn(TASKS[task], "test"):
        assert check(question, question.reply) == check(question, str(question.worked)) == 1.0
        near = f"{question.answer} king" if task == "row_steps" else str(int(question.answer) + 1)
        assert check(question, f"Answer: {near}") == 0.0


@pytest.mark.parametrize("task", TASKS)
def test_no_procedure_of_the_test_side_is_trained_on(task: str) -> None:
    sides = [{content(q) for q in drawn(TASKS[task], split, 2000)} for split in ("train", "test")]
    assert not sides[0] & sides[1]


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_row_with_its_steps_is_on_the_side_that_its_digest_says(split: str) -> None:
    for question in drawn(TASKS["row_steps"], split):
        orders = STEP.findall(question.question)
        assert held_out(" ".join(begun(question)), *orders) == (split == "test")


def content(question: Question) -> tuple[str, ...]:
    """What there is at the start, and the steps."""
    return (*begun(question), *STEP.findall(question.question))


@pytest.mark.parametrize("wordings", [NUMBER_STEPS, ROW_STEPS])
def test_wordings_for_testing_are_new_and_made_of_known_words(wordings: Wordings) -> None:
    assert len(set(wordings.train)) >= 17
    assert len(set(wordings.test) - set(wordings.train)) >= 5
    assert unseen(wordings) == set()
