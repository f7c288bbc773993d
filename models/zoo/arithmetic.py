"""Sums, differences, products and small word problems, with working in columns."""

import random

from .question import Question, draw, identify, word

SUM = (
    "What is {a} + {b}?",
    "What is {a} plus {b}?",
    "Add {a} and {b}.",
    "How much is {a} and {b} together?",
    "Compute {a} + {b}.",
    "Calculate {a} plus {b}.",
    "What is the sum of {a} and {b}?",
    "Work out {a} + {b}.",
    "{a} + {b} = ?",
    "What do you get when you add {b} to {a}?",
    "Find the total of {a} and {b}.",
    "Sum up {a} and {b}.",
)
DIFFERENCE = (
    "What is {a} - {b}?",
    "What is {a} minus {b}?",
    "Subtract {b} from {a}.",
    "Take {b} away from {a}.",
    "Compute {a} - {b}.",
    "Calculate {a} minus {b}.",
    "What is the difference of {a} and {b}?",
    "Work out {a} - {b}.",
    "{a} - {b} = ?",
    "What is left when you take {b} from {a}?",
    "Find {a} minus {b}.",
    "How much more is {a} than {b}?",
)
PRODUCT = (
    "What is {a} * {b}?",
    "What is {a} times {b}?",
    "Multiply {a} by {b}.",
    "Multiply {a} and {b}.",
    "Compute {a} * {b}.",
    "Calculate {a} times {b}.",
    "What is the product of {a} and {b}?",
    "Work out {a} * {b}.",
    "{a} * {b} = ?",
    "What do you get when you multiply {a} by {b}?",
    "Find {a} times {b}.",
    "How much is {a} times {b}?",
)
PEOPLE = ("Tom", "Anna", "Ben", "Clara", "David", "Emma", "Felix", "Greta", "Hugo", "Ida", "Jonas", "Karla")
THINGS = ("apples", "stamps", "marbles", "books", "coins", "cards", "eggs", "nails", "shells", "tickets")
GAIN = (
    "{who} has {a} {what} and gets {b} more. How many {what} does {who} have now?",
    "{who} had {a} {what}. Then {who} found {b} more. How many {what} is that in total?",
    "There are {a} {what} in a box. {who} puts {b} more into it. How many {what} are in the box now?",
    "{who} bought {a} {what} on Monday and {b} {what} on Tuesday. How many {what} did {who} buy?",
)
LOSS = (
    "{who} has {a} {what} and gives {b} away. How many {what} does {who} have left?",
    "{who} had {a} {what}. Then {who} lost {b} of them. How many {what} remain?",
    "There are {a} {what} in a box. {who} takes {b} out. How many {what} are still in the box?",
    "{who} sold {b} of {a} {what}. How many {what} are left?",
)
TIMES = (
    "{who} has {b} boxes with {a} {what} in each. How many {what} does {who} have?",
    "One bag holds {a} {what}. {who} fills {b} bags. How many {what} is that?",
    "{who} buys {a} {what} every day for {b} days. How many {what} does {who} buy?",
    "There are {b} rows of {a} {what}. How many {what} are there?",
)


def add_in_columns(a: int, b: int) -> str:
    """The working of a + b, last digits first; every equation in it holds."""
    steps, carry = [], 0
    left, right = str(a)[::-1], str(b)[::-1]
    for i in range(max(len(left), len(right))):
        digits = [int(n[i]) for n in (left, right) if i < len(n)]
        terms = [*digits, *([carry] if carry else [])]
        total = sum(terms)
        said = f"{' + '.join(map(str, terms))} = {total}" if len(terms) > 1 else f"{total}"
        steps.append(f"{said}, write {total % 10}" + (f", carry {total // 10}" if total > 9 else ""))
        carry = total // 10
    if carry:
        steps.append(f"{carry}, write {carry}")
    return f"{a} + {b}: " + ". ".join(steps) + "."


def subtract_in_columns(a: int, b: int) -> str:
    """The working of a - b for a >= b, last digits first."""
    steps, borrow = [], 0
    left, right = str(a)[::-1], str(b)[::-1]
    for i, digit in enumerate(left):
        taken = [int(right[i])] if i < len(right) else []
        terms = [*taken, *([borrow] if borrow else [])]
        top, less = int(digit), sum(terms)
        borrow = int(top < less)
        top += 10 * borrow
        said = f"{top} - {' - '.join(map(str, terms))} = {top - less}" if terms else f"{top}"
        steps.append(f"{said}, write {top - less}" + (", borrow 1" if borrow else ""))
    return f"{a} - {b}: " + ". ".join(steps) + "."


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
    size = rng.choice((2, 3, 3))
    a, b = _pair(rng, split, "+", size, size)
    return _question("sum", word(rng, SUM, split, "sum").format(a=a, b=b), a + b, add_in_columns(a, b), size - 1)


def differences(rng: random.Random, split: str) -> Question:
    """Two numbers of two or three digits, the smaller taken from the larger."""
    size = rng.choice((2, 3, 3))
    a, b = sorted(_pair(rng, split, "-", size, size), reverse=True)
    text = word(rng, DIFFERENCE, split, "difference").format(a=a, b=b)
    return _question("difference", text, a - b, subtract_in_columns(a, b), size - 1)


def products(rng: random.Random, split: str) -> Question:
    """A number of one to three digits times one of one or two."""
    left, right = rng.choice(((1, 1), (2, 1), (2, 1), (3, 1), (2, 2)))
    a, b = _pair(rng, split, "*", left, right)
    text = word(rng, PRODUCT, split, "product").format(a=a, b=b)
    return _question("product", text, a * b, multiply_in_parts(a, b), left + right - 1)


def word_problems(rng: random.Random, split: str) -> Question:
    """A little story that hides a sum, a difference or a product."""
    who, what = rng.choice(PEOPLE), rng.choice(THINGS)
    kind = rng.choice("+-*")
    if kind == "*":
        a, b = _pair(rng, split, "s*", rng.choice((1, 2)), 1)
        result, working = a * b, multiply_in_parts(a, b)
    else:
        a, b = _pair(rng, split, f"s{kind}", 2, 2)
        a, b = max(a, b), min(a, b)
        result, working = (a + b, add_in_columns(a, b)) if kind == "+" else (a - b, subtract_in_columns(a, b))
    stories = {"+": GAIN, "-": LOSS, "*": TIMES}[kind]
    text = word(rng, stories, split, "word_problem").format(who=who, what=what, a=a, b=b)
    return _question("word_problem", text, result, working, 2)


TASKS = {"sum": sums, "difference": differences, "product": products, "word_problem": word_problems}


def _question(task: str, text: str, result: int, working: str, difficulty: int) -> Question:
    worked = f"{working} Answer: {result}"
    return Question(
        identify(task, text),
        "arithmetic",
        task,
        text,
        str(result),
        str(result),
        "number",
        worked,
        difficulty=difficulty,
    )


def _pair(rng: random.Random, split: str, kind: str, left: int, right: int) -> tuple[int, int]:
    """Two numbers; the split goes by the pair whatever its order, so that a + b does not tell of b + a."""

    def make() -> tuple[object, ...]:
        a, b = _number(rng, left), _number(rng, right)
        swapped.append(a > b)
        return (kind, min(a, b), max(a, b))

    swapped: list[bool] = []
    _, low, high = draw(rng, split, make)
    pair = (int(str(high)), int(str(low)))
    return pair if swapped[-1] else (pair[1], pair[0])


def _number(rng: random.Random, digits: int) -> int:
    return rng.randrange(2 if digits == 1 else 10 ** (digits - 1), 10**digits)


def _places(number: int) -> list[int]:
    digits = str(number)
    return [int(d) * 10 ** (len(digits) - 1 - i) for i, d in enumerate(digits) if d != "0"] or [0]
