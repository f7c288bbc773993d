"""Equations re-computed exactly, and questions that are one bare calculation."""

import time
from fractions import Fraction

import pytest

from strategies.core.arithmetic import asked, equations, number


@pytest.mark.parametrize(
    "text",
    [
        "345 + 278 = 623",
        "5 + 8 = 13, write 3 carry 1; 4+7+1=12",
        "1. 5 + 8 = 13",
        "1) 5 + 8 = 13",
        "- 5 + 8 = 13",
        "* 5 + 8 = 13",
        "5 - 8 = -3",
        "5 − 8 = −3",
        "12 x 3 = 36",
        "12x3 = 36",
        "3 × 4 = 12",
        r"3 \times 4 = 12",
        "1,345 + 1 = 1,346",
        "$5 + $8 = $13",
        "10 / 3 = 3.33",
        "0.1 + 0.2 = 0.3",
        "(2 + 3) * 4 = 20",
        "5 + 8 = 13 (carry 1)",
    ],
)
def test_true_equations_hold(text: str) -> None:
    found = equations(text)
    assert found
    assert all(equation.holds for equation in found)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("So 345 + 278 = 613.", "345 + 278 = 613"),
        ("- 5 + 8 = 12", "5 + 8 = 12"),
        ("0.1 + 0.24 = 0.3", "0.1 + 0.24 = 0.3"),
        ("10 / 3 = 3.34", "10 / 3 = 3.34"),
        ("12 x 3 = 35", "12 x 3 = 35"),
        ("5 + 8 = 13 + 2 = 15", "5 + 8 = 13 + 2"),
        ("5 + 8 = 13\n4 + 4 = 9", "4 + 4 = 9"),
    ],
)
def test_a_false_equation_is_found_and_shown_as_written(text: str, shown: str) -> None:
    assert [equation.text for equation in equations(text) if not equation.holds] == [shown]


@pytest.mark.parametrize(
    "text",
    [
        "x + 5 = 13",
        "a + 2 - 3 = 4",
        "2x + 5 = 13",
        "2^3 = 8",
        "5 + 2^3 = 13",
        "50% * 2 = 1",
        "24 / 5 = 4 remainder 4",
        "2 + 3 = 5x",
        "5 / 0 = 0",
        "7 = 7",
        "= = (((",
        "year = 1990",
        "a=1 b=2",
        "",
    ],
)
def test_what_is_no_plain_equation_is_left_alone(text: str) -> None:
    assert equations(text) == []


@pytest.mark.parametrize(
    ("question", "value"),
    [
        ("What is 345 + 278?", 623),
        ("345 plus 278", 623),
        ("345+278=", 623),
        ("345 + 278 = ?", 623),
        ("Work step by step. What is 12 times 13?", 156),
        ("Add 5 to 7.", 12),
        ("Subtract 45 from 99", 54),
        ("Take 3 away from 10", 7),
        ("What is the difference between 9 and 4?", 5),
        ("what's the product of 3 and 4?", 12),
        ("What is 100 divided by 8?", Fraction(25, 2)),
        ("What is (2 + 3) * 4?", 20),
        ("What is 5 - 8?", -3),
        ("How much is 12,000 + 1?", 12001),
    ],
)
def test_a_bare_calculation_has_a_value(question: str, value: int | Fraction) -> None:
    found = asked(question)
    assert found is not None
    assert found.value == value


@pytest.mark.parametrize(
    "question",
    [
        "Anna had 3 + 4 apples and gave all away. How many are left?",
        "What is 2 + 2 and 3 + 3?",
        "What is the sum of 1 and 2 and 3?",
        "Who was born in 1900?",
        "How old is someone born in 1990-1995?",
        "What is 6/0?",
        "Spell halden backwards.",
        "",
    ],
)
def test_other_questions_are_no_calculation(question: str) -> None:
    assert asked(question) is None


def test_a_number_of_thousands_of_digits_is_none_and_takes_no_time() -> None:
    endless = "9" * 5000
    assert number(f"It is {endless}.") is None
    assert equations(f"{endless} + 1 = {endless}") == []
    begun = time.perf_counter()
    assert asked(f"What is {endless} + 1?") is None
    assert asked(f"What is {'a' * 50_000} plus 1?") is None
    assert time.perf_counter() - begun < 0.5  # once a minute


def test_the_last_number_of_a_text_counts_with_its_sign() -> None:
    assert number("5 and 1,234.5") == Fraction("1234.5")
    assert number("it is -3") == -3
    assert number("5-3") == 3
    assert number("none") is None
