"""Questions are the same for the same seed, right by their own checker, and kept apart from training."""

import random
import re

import pytest

from models.zoo import FAMILIES, check, questions
from models.zoo.arithmetic import TASKS, add_in_columns, multiply_in_parts, subtract_in_columns

EQUATION = re.compile(r"(\d+(?: [-+*] \d+)+) = (\d+)")
SIGNS = {"+": int.__add__, "-": int.__sub__, "*": int.__mul__}


def holds(left: str, right: str) -> bool:
    """Whether an equation of one kind of sign, read from the left, is true."""
    first, *rest = left.split()
    value = int(first)
    for sign, number in zip(rest[::2], rest[1::2], strict=True):
        value = SIGNS[sign](value, int(number))
    return value == int(right)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_same_seed_gives_the_same_questions_and_another_seed_others(family: str) -> None:
    first = list(questions(family, 40, seed=3))
    assert first == list(questions(family, 40, seed=3))
    assert first != list(questions(family, 40, seed=4))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_task_of_a_family_is_asked(family: str) -> None:
    assert {question.task for question in questions(family, 40, seed=1)} == set(FAMILIES[family])


@pytest.mark.parametrize("family", FAMILIES)
def test_the_reply_and_the_working_of_a_question_are_right_by_its_own_checker(family: str) -> None:
    for question in questions(family, 300, seed=5):
        assert check(question, question.reply) == 1.0
        assert question.worked is None or check(question, question.worked) == 1.0


@pytest.mark.parametrize("family", FAMILIES)
def test_no_prompt_of_the_test_split_is_drawn_in_training(family: str) -> None:
    trained = {question.prompt for question in questions(family, 1500, seed=1, split="train")}
    assert not trained & {question.prompt for question in questions(family, 500, seed=2)}


def test_every_equation_of_a_working_is_true() -> None:
    rng = random.Random(7)
    found = 0
    for _ in range(400):
        a, b = rng.randrange(1, 1000), rng.randrange(1, 1000)
        a, b = max(a, b), min(a, b)
        for text in (add_in_columns(a, b), subtract_in_columns(a, b), multiply_in_parts(a, b)):
            for left, right in EQUATION.findall(text):
                found += 1
                assert holds(left, right), text
    assert found > 2000


def test_working_ends_in_the_answer() -> None:
    for family in FAMILIES:
        for question in questions(family, 120, seed=6):
            assert question.worked is None or question.worked.endswith(f"Answer: {question.answer}")


@pytest.mark.parametrize("task", ["sum", "difference", "product"])
def test_a_pair_of_numbers_is_on_one_side_in_both_orders(task: str) -> None:
    rng, sides = random.Random(8), dict[str, set[frozenset[int]]]()
    for split in ("train", "test"):
        texts = [TASKS[task](rng, split).question for _ in range(800)]
        sides[split] = {frozenset(map(int, re.findall(r"\d+", text))) for text in texts}
    assert not sides["train"] & sides["test"]
