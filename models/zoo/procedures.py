"""Written procedures of two to six steps to follow: on a number, and on a row of words."""

import random
from collections.abc import Callable

from .question import Question, Wordings, draw, identify

COMMON = """
king farmer dog cat boat house tree road bird fish mother teacher doctor wind rain snow sun moon star ship
door wall field hill lake sea hat cup box key bell book ball wolf fox cow goat rose leaf sand gold milk
"""
WORDS = COMMON.split()
ROW: dict[str, Callable[[list[str]], list[str]]] = {
    "swap the first two words": lambda row: [row[1], row[0], *row[2:]],
    "swap the last two words": lambda row: [*row[:-2], row[-1], row[-2]],
    "move the first word to the end": lambda row: [*row[1:], row[0]],
    "move the last word to the front": lambda row: [row[-1], *row[:-1]],
    "reverse the row": lambda row: row[::-1],
    "drop the first word": lambda row: row[1:],
    "drop the last word": lambda row: row[:-1],
    "repeat the first word at the end": lambda row: [*row, row[0]],
    "repeat the last word at the end": lambda row: [*row, row[-1]],
}
NUMBER_STEPS = Wordings(
    train=(
        "Start with {start}. {steps} What is the result?",
        "Start with {start}. {steps} What do you get?",
        "Begin with {start}. {steps} What is the result?",
        "Begin with {start}. {steps} Which number is left at the end?",
        "Take {start} and follow the steps. {steps} What is the last number?",
        "Take the number {start}. {steps} What number do you get?",
        "Follow these steps from {start}. {steps} What is the result?",
        "Follow the steps. Start with {start}. {steps} Give the result.",
        "Do these steps with {start}. {steps} What do you get at the end?",
        "Do the steps in order. Begin with {start}. {steps} Give the last number.",
        "The number is {start}. {steps} What is the number now?",
        "You have the number {start}. {steps} Which number do you have now?",
        "Go through these steps with {start}. {steps} Which number comes out?",
        "Go through the steps from {start}. {steps} What comes out at the end?",
        "Here are some steps to do with {start}. {steps} Say the result.",
        "The first number is {start}. {steps} Say which number comes out.",
        "Think of {start}. {steps} Which number do you get?",
        "At the start you have {start}. {steps} What is the last result?",
    ),
    test=(
        "Begin with the number {start}. {steps} What do you get at the end?",
        "Take {start} and follow these steps. {steps} What is the result?",
        "The number at the start is {start}. {steps} Which number comes out at the end?",
        "Do the steps with {start}. {steps} Give the number at the end.",
        "Go through the steps in order. Start with {start}. {steps} What number do you get?",
        "Here are the steps to follow from {start}. {steps} Say the last number.",
    ),
)
ROW_STEPS = Wordings(
    train=(
        "Start with the row {start}. {steps} What is the row now?",
        "Start with the words {start}. {steps} Which row do you get?",
        "Begin with {start}. {steps} What is the row at the end?",
        "Begin with the row {start}. {steps} Write the row at the end.",
        "Take the words {start} and follow the steps. {steps} What row do you get?",
        "Take the row {start}. {steps} Give the last row.",
        "Follow these steps with {start}. {steps} What is the result?",
        "Follow the steps. Start with {start}. {steps} Give the row at the end.",
        "Do these steps with the row {start}. {steps} What do you get?",
        "Do the steps in order. Begin with {start}. {steps} Write the last row.",
        "The row is {start}. {steps} What does the row look like now?",
        "You have the words {start}. {steps} Which words do you have now, in order?",
        "Go through these steps with {start}. {steps} Which row comes out?",
        "Go through the steps with the row {start}. {steps} What comes out at the end?",
        "Here is a row: {start}. {steps} Say the result.",
        "Here are some words: {start}. {steps} Say which row comes out.",
        "The words in the row are {start}. {steps} What is the row at the end?",
        "At the start the row is {start}. {steps} What is the last row?",
    ),
    test=(
        "Begin with the words {start}. {steps} What is the row now?",
        "Take the row {start} and follow these steps. {steps} What row comes out?",
        "Here is the row at the start: {start}. {steps} Give the row at the end.",
        "Do the steps with {start}. {steps} Write the row at the end.",
        "The row is {start}. {steps} Which row do you get at the end?",
        "Go through the steps in order. Start with {start}. {steps} Say the last row.",
    ),
)


def number_steps(rng: random.Random, split: str) -> Question:
    """A number to start with, then additions, subtractions, doublings and the like; every result is 0 to 99."""
    size = rng.randint(2, 6)
    drawn = draw(rng, split, lambda: _calculations(rng, size))
    start, steps = drawn[0], [str(step).split(": ") for step in drawn[1:]]
    working = " ".join(f"Step {i}: {equation}." for i, (_, equation) in enumerate(steps, 1))
    answer = working.rstrip(".").split()[-1]
    text = NUMBER_STEPS.pick(rng, split).format(start=start, steps=_listed([said for said, _ in steps]))
    return _question("number_steps", text, answer, "number", working, size)


def row_steps(rng: random.Random, split: str) -> Question:
    """A row of three to five words to start with, then swaps, moves and the like; the row keeps two to five words."""
    size = rng.randint(2, 6)
    drawn = draw(rng, split, lambda: _changes(rng, size))
    start, steps = str(drawn[0]), [str(step) for step in drawn[1:]]
    rows = [start.split()]
    for step in steps:
        rows.append(ROW[step](rows[-1]))
    working = " ".join(f"Step {i}: {' '.join(row)}." for i, row in enumerate(rows[1:], 1))
    text = ROW_STEPS.pick(rng, split).format(start=start.replace(" ", ", "), steps=_listed(steps))
    return _question("row_steps", text, " ".join(rows[-1]), "list", working, size)


TASKS: dict[str, Callable[[random.Random, str], Question]] = {"number_steps": number_steps, "row_steps": row_steps}


def _calculations(rng: random.Random, size: int) -> tuple[object, ...]:
    """The number to start with, then the steps, each as "what is said: its equation"."""
    start = value = rng.randint(2, 30)
    steps = []
    for _ in range(size):
        said, equation, value = rng.choice(_possible(value, rng.randint(2, 12)))
        steps.append(f"{said}: {equation}")
    return start, *steps


def _possible(value: int, n: int) -> list[tuple[str, str, int]]:
    """What can be done with the value so that it stays within 0 to 99: what is said, the equation, the result."""
    steps = [
        (f"add {n}", f"{value} + {n} = {value + n}", value + n),
        (f"take away {n}", f"{value} - {n} = {value - n}", value - n),
        ("double it", f"{value} * 2 = {value * 2}", value * 2),
        ("multiply by 3", f"{value} * 3 = {value * 3}", value * 3),
    ]
    if value % 2 == 0 and value:
        steps.append(("halve it", f"{value} / 2 = {value // 2}", value // 2))
    return [step for step in steps if 0 <= step[2] <= 99]


def _changes(rng: random.Random, size: int) -> tuple[object, ...]:
    """The row to start with, its words apart by spaces, then the steps; the row keeps two to five words."""
    words = rng.sample(WORDS, rng.randint(3, 5))
    steps: list[str] = []
    length = len(words)
    while len(steps) < size:
        step = rng.choice(list(ROW))
        after = length + step.startswith("repeat") - step.startswith("drop")
        if 2 <= after <= 5:
            steps.append(step)
            length = after
    return " ".join(words), *steps


def _listed(steps: list[str]) -> str:
    return " ".join(f"Step {i}: {step}." for i, step in enumerate(steps, 1))


def _question(task: str, text: str, answer: str, checker: str, working: str, difficulty: int) -> Question:
    worked = f"{working} Answer: {answer}"
    name = identify(task, text)
    return Question(name, "procedures", task, text, answer, answer, checker, worked, difficulty=difficulty)
