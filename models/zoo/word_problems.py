"""Little stories that hide one calculation or two."""

import random
from collections.abc import Callable

from .arithmetic import add_in_columns, multiply_in_parts, pair, subtract_in_columns
from .question import Question, Wordings, draw, identify
from .wordings_stories import ASK, GAIN, HAVE, LOSS, ROWS, told

PEOPLE = ("Tom", "Anna", "Ben", "Clara", "David", "Emma", "Felix", "Greta", "Hugo", "Ida", "Jonas", "Karla")
THINGS = ("apples", "stamps", "marbles", "books", "coins", "cards", "eggs", "nails", "shells", "tickets")
ONE = {"+": told(HAVE, GAIN, ASK), "-": told(HAVE, LOSS, ASK), "*": told(ROWS, ASK)}
TWO = {
    "++": told(HAVE, GAIN, GAIN, ASK),
    "+-": told(HAVE, GAIN, LOSS, ASK),
    "-+": told(HAVE, LOSS, GAIN, ASK),
    "--": told(HAVE, LOSS, LOSS, ASK),
    "*+": told(ROWS, GAIN, ASK),
    "*-": told(ROWS, LOSS, ASK),
}


def one_step(rng: random.Random, split: str) -> Question:
    """One thing happens: a gain or a loss of two digits, or so many rows of the same."""
    kind = rng.choice("+-*")
    if kind == "*":
        a, b = pair(rng, split, "s*", rng.choice((1, 2)), 1)
        result, working = a * b, multiply_in_parts(a, b)
    else:
        a, b = sorted(pair(rng, split, f"s{kind}", 2, 2), reverse=True)
        result, working = (a + b, add_in_columns(a, b)) if kind == "+" else (a - b, subtract_in_columns(a, b))
    return _question(rng, split, "one_step", ONE[kind], (a, b, 0), result, working, 1)


def two_step(rng: random.Random, split: str) -> Question:
    """Two things happen one after the other; numbers of up to 20, results from 0 to 200."""
    kind = rng.choice(list(TWO))
    _, *drawn = draw(rng, split, lambda: (kind, *_numbers(rng, kind)))
    a, b, c = (int(str(n)) for n in drawn)
    first = _result(a, kind[0], b)
    result = _result(first, kind[1], c)
    working = f"{a} {kind[0]} {b} = {first}. {first} {kind[1]} {c} = {result}."
    return _question(rng, split, "two_step", TWO[kind], (a, b, c), result, working, 2)


TASKS: dict[str, Callable[[random.Random, str], Question]] = {"one_step": one_step, "two_step": two_step}


def _numbers(rng: random.Random, kind: str) -> tuple[int, int, int]:
    """Three numbers with which no more is lost than there is."""
    while True:
        a, b = rng.randint(2, 20), rng.randint(2, 9 if kind[0] == "*" else 20)
        c = rng.randint(2, 20)
        first = _result(a, kind[0], b)
        if first >= 0 and _result(first, kind[1], c) >= 0:
            return a, b, c


def _result(left: int, sign: str, right: int) -> int:
    return {"+": left + right, "-": left - right, "*": left * right}[sign]


def _question(
    rng: random.Random,
    split: str,
    task: str,
    wordings: Wordings,
    numbers: tuple[int, int, int],
    result: int,
    working: str,
    difficulty: int,
) -> Question:
    a, b, c = numbers
    who, what = rng.choice(PEOPLE), rng.choice(THINGS)
    text, said = wordings.pick(rng, split).format(who=who, what=what, a=a, b=b, c=c), str(result)
    worked = f"{working} Answer: {said}"
    return Question(
        identify(task, text), "word_problems", task, text, said, said, "number", worked, difficulty=difficulty
    )
