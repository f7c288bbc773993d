"""What the tests of the zoo's families share: draws of a task, the words of wordings, the equations of a working."""

import random
import re
from collections.abc import Callable

from models.zoo.question import Question, Wordings

EQUATION = re.compile(r"(\d+(?: [-+*/] \d+)+) = (\d+)")
TOKEN = re.compile(r"[A-Za-z]+|\d|[^\sA-Za-z\d]")


def drawn(make: Callable[[random.Random, str], Question], split: str, n: int = 200) -> list[Question]:
    """n questions of a task; the same every time."""
    rng = random.Random(f"drawn-{split}")
    return [make(rng, split) for _ in range(n)]


def check_working(make: Callable[[random.Random, str], Question]) -> None:
    """Every equation of a working holds, it ends in the answer, and neither it nor the prompt is long."""
    for question in drawn(make, "test"):
        assert question.worked is not None
        equations = steps(question.worked)
        assert equations
        assert all(real == said for real, said in equations), question.worked
        assert question.worked.endswith(f" Answer: {question.answer}")
        assert size(question.worked) <= 90
        assert size(question.prompt) <= 120


def unseen(wordings: Wordings) -> set[str]:
    """The words of the templates for testing that stand in no template for training."""
    train, test = ({word for text in side for word in _words(text)} for side in (wordings.train, wordings.test))
    return test - train


def numbers(text: str) -> list[int]:
    """Every number of a text in order."""
    return [int(number) for number in re.findall(r"\d+", text)]


def steps(working: str) -> list[tuple[int, int]]:
    """What the left side of each equation comes to, read from the left, and what the working says it is."""
    return [(_value(left), int(right)) for left, right in EQUATION.findall(working)]


def size(text: str) -> int:
    """How many tokens a text has if all its words are known, spaces aside."""
    return len(TOKEN.findall(text))


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z]+", re.sub(r"\{\w+\}", " ", text).lower())


def _value(expression: str) -> int:
    first, *rest = expression.split()
    value = int(first)
    for sign, number in zip(rest[::2], map(int, rest[1::2]), strict=True):
        value = {"+": value + number, "-": value - number, "*": value * number, "/": value // max(number, 1)}[sign]
    return value
