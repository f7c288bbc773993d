"""Sums, differences and products, short ones and long ones, with working in columns."""

import random
from collections.abc import Callable

from .question import Question, Wordings, held_out, identify
from .wordings_numbers import DIFFERENCE, PRODUCT, SUM


def add_in_columns(a: int, b: int) -> str:
    """The working of a + b, last digits first; each column takes over the ten of the one before.

    It ends in the digits as they were written, last first: "78 + 65: 8 + 5 = 13. 7 + 6 + 1 = 14. Written: 3 4 1."
    """
    steps, written, carry = [], [], 0
    for left, right in _columns(a, b):
        total = left + right + carry
        steps.append(f"{left} + {right}{' + 1' if carry else ''} = {total}.")
        written.append(total % 10)
        carry = total // 10
    return f"{a} + {b}: {' '.join(steps)} {_written([*written, *([1] if carry else [])])}"


def subtract_in_columns(a: int, b: int) -> str:
    """The working of a - b for a >= b, last digits first; a column that borrows ten is one less in the next.

    It ends in the digits as they were written, last first: "52 - 17: 12 - 7 = 5. 5 - 1 - 1 = 3. Written: 5 3."
    """
    steps, written, borrow = [], [], 0
    for left, right in _columns(a, b):
        lent = 10 * (left < right + borrow)
        digit = left + lent - right - borrow
        steps.append(f"{left + lent} - {right}{' - 1' if borrow else ''} = {digit}.")
        written.append(digit)
        borrow = lent // 10
    return f"{a} - {b}: {' '.join(steps)} {_written(written)}"


def multiply_in_parts(a: int, b: int) -> str:
    """The working of a * b: place by place, then the parts are added up one by one."""
    parts = [(x, y) for x in _places(a) for y in _places(b)]
    steps = [f"{x} * {y} = {x * y}" for x, y in parts]
    total = parts[0][0] * parts[0][1]
    for x, y in parts[1:]:
        steps.append(f"{total} + {x * y} = {total + x * y}")
        total += x * y
    return f"{a} * {b}: " + ". ".join(steps) + "."


def sums(rng: random.Random, split: str) -> Question:
    """Two numbers of two or three digits to add."""
    return _sum(rng, split, "sum", rng.choice((2, 3, 3)))


def long_sums(rng: random.Random, split: str) -> Question:
    """Two numbers of four or five digits to add."""
    return _sum(rng, split, "long_sum", rng.randint(4, 5))


def differences(rng: random.Random, split: str) -> Question:
    """Two numbers of two or three digits, the smaller taken from the larger."""
    return _difference(rng, split, "difference", rng.choice((2, 3, 3)))


def long_differences(rng: random.Random, split: str) -> Question:
    """Two numbers of four or five digits, the smaller taken from the larger."""
    return _difference(rng, split, "long_difference", rng.randint(4, 5))


def products(rng: random.Random, split: str) -> Question:
    """A number of one to three digits times one of one or two."""
    left, right = rng.choice(((1, 1), (2, 1), (2, 1)))
    a, b = pair(rng, split, "*", left, right)
    return _question(rng, split, "product", PRODUCT, a, b, a * b, multiply_in_parts(a, b), left + right - 1)


TASKS: dict[str, Callable[[random.Random, str], Question]] = {
    "sum": sums,
    "difference": differences,
    "product": products,
    "long_sum": long_sums,
    "long_difference": long_differences,
}


def pair(rng: random.Random, split: str, kind: str, left: int, right: int) -> tuple[int, int]:
    """Two numbers of so many digits, of a bare sum (`kind` "+") or one in a story ("s+").

    The split goes by the pair whatever its order, so that a + b does not tell of b + a, and by both kinds, so that a
    story does not tell of a bare sum: what both hold out is for testing, what neither does for training.
    """
    bare = kind.removeprefix("s")
    while True:
        a, b = _number(rng, left), _number(rng, right)
        kept = {held_out(one, min(a, b), max(a, b)) for one in (bare, f"s{bare}")}
        if kept == {split == "test"}:
            return a, b


def _sum(rng: random.Random, split: str, task: str, size: int) -> Question:
    a, b = pair(rng, split, "+", size, size)
    return _question(rng, split, task, SUM, a, b, a + b, add_in_columns(a, b), size - 1)


def _difference(rng: random.Random, split: str, task: str, size: int) -> Question:
    a, b = sorted(pair(rng, split, "-", size, size), reverse=True)
    return _question(rng, split, task, DIFFERENCE, a, b, a - b, subtract_in_columns(a, b), size - 1)


def _question(
    rng: random.Random,
    split: str,
    task: str,
    wordings: Wordings,
    a: int,
    b: int,
    result: int,
    working: str,
    difficulty: int,
) -> Question:
    text, said = wordings.pick(rng, split).format(a=a, b=b), str(result)
    worked = f"{working} Answer: {said}"
    return Question(identify(task, text), "arithmetic", task, text, said, said, "number", worked, difficulty=difficulty)


def _columns(a: int, b: int) -> list[tuple[int, int]]:
    """The digits of both numbers, column by column from the last, with zeros where one is shorter."""
    width = max(len(str(a)), len(str(b)))
    return [(int(x), int(y)) for x, y in zip(f"{a:0{width}}"[::-1], f"{b:0{width}}"[::-1], strict=True)]


def _written(digits: list[int]) -> str:
    return f"Written: {' '.join(map(str, digits))}."


def _number(rng: random.Random, digits: int) -> int:
    return rng.randrange(2 if digits == 1 else 10 ** (digits - 1), 10**digits)


def _places(number: int) -> list[int]:
    digits = str(number)
    return [int(d) * 10 ** (len(digits) - 1 - i) for i, d in enumerate(digits) if d != "0"] or [0]
