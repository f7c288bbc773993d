"""Sorting and counting: words by the alphabet, numbers by size, how many there are, the largest and the smallest."""

import random
from collections.abc import Callable, Sequence

from .question import Question, Wordings, draw, identify
from .wordlists import ITEMS
from .words import spelled

WORDS = Wordings(
    train=(
        "Sort these words by the alphabet: {l}.",
        "Put these words into alphabetical order: {l}.",
        "Sort alphabetically: {l}.",
        "Order these words from A to Z: {l}.",
        "Arrange in alphabetical order: {l}.",
        "Which alphabetical order do these words have: {l}?",
        "Sort the words {l} from A to Z.",
        "List these words in alphabetical order: {l}.",
        "Write these words in the order of a dictionary: {l}.",
        "Please sort: {l}.",
        "Bring these words into the order of the alphabet: {l}.",
        "How does a dictionary order these words: {l}?",
        "The words are {l}. Sort them by the first letter.",
        "Here are some words: {l}. Put them in alphabetical order.",
        "In which order do {l} stand in a dictionary?",
        "Give {l} in the order of the alphabet.",
        "What is the alphabetical order of {l}?",
        "Take these words and sort them by their first letter: {l}.",
    ),
    test=(
        "Put the words {l} into the order of a dictionary.",
        "Sort these words from A to Z: {l}.",
        "Here are some words: {l}. Arrange them by the alphabet.",
        "What is the order of these words in a dictionary: {l}?",
        "List {l} alphabetically.",
        "Please bring these words into alphabetical order: {l}.",
    ),
)
NUMBERS = Wordings(
    train=(
        "Sort these numbers {d}: {l}.",
        "Put these numbers in order {d}: {l}.",
        "Order these numbers {d}: {l}.",
        "Arrange {l} {d}.",
        "List the numbers {l} {d}.",
        "The numbers are {l}. Sort them {d}.",
        "Here are some numbers: {l}. Put them in order {d}.",
        "Please sort {d}: {l}.",
        "Write these numbers {d}: {l}.",
        "What are {l} when sorted {d}?",
        "How do you sort {l} {d}?",
        "Bring these numbers into order, {d}: {l}.",
        "Give the numbers {l} {d}.",
        "Read these numbers: {l}. Now write them {d}.",
        "Which order do {l} have {d}?",
        "Take {l} and order them {d}.",
        "Sort the list {l}, please, {d}.",
    ),
    test=(
        "Put {l} in order {d}.",
        "Please write {l} {d}.",
        "Here are some numbers: {l}. Sort them {d}.",
        "What are these numbers, sorted {d}: {l}?",
        "Take these numbers and arrange them {d}: {l}.",
        "List these numbers in order, {d}: {l}.",
    ),
)
UPWARDS = ("from smallest to largest", "from low to high", "in ascending order", "starting with the smallest")
DOWNWARDS = ("from largest to smallest", "from high to low", "in descending order", "starting with the largest")
COUNT_ONE = Wordings(
    train=(
        "How many times does {x} stand in this list: {l}?",
        "How often is {x} in this list: {l}?",
        "Count how often {x} occurs: {l}.",
        "Count the word {x} in this list: {l}.",
        "In the list {l}, how often do you see {x}?",
        "The list is {l}. How many times is {x} in it?",
        "How many of these are {x}: {l}?",
        "Here is a list: {l}. How often does it have {x}?",
        "Find the number of times {x} is named: {l}.",
        "Look at this list: {l}. How many times do you find {x}?",
        "How often do you read {x} here: {l}?",
        "How many times does {x} occur in {l}?",
        "What is the count of {x} in this list: {l}?",
        "Read this list and count only {x}: {l}.",
        "How many of the words in this list are {x}: {l}?",
        "Give the number of times you see {x}: {l}.",
        "Say how often {x} is here: {l}.",
    ),
    test=(
        "How many times is {x} in this list: {l}?",
        "How often does {x} occur in the list {l}?",
        "Look at the list {l}. How often do you find {x}?",
        "Count how many times you read {x} here: {l}.",
        "Here is a list: {l}. How many of the words are {x}?",
    ),
)
COUNT_ALL = Wordings(
    train=(
        "How many things are in this list: {l}?",
        "How many items does this list have: {l}?",
        "Count the items: {l}.",
        "Count all the words in this list: {l}.",
        "The list is {l}. How many items is that in all?",
        "How long is this list: {l}?",
        "Here is a list: {l}. How many things does it have?",
        "Find the number of items in {l}.",
        "What is the number of words in this list: {l}?",
        "How many words are there in all: {l}?",
        "Look at this list: {l}. How many words do you see?",
        "Tell me how many items there are: {l}.",
        "Give the number of things in this list: {l}.",
        "Read this list and count all of it: {l}.",
        "How many things are named here: {l}?",
        "In the list {l}, how many items are there?",
        "Say how many words this list has: {l}.",
    ),
    test=(
        "How many items are in this list: {l}?",
        "Count all the things in this list: {l}.",
        "The list is {l}. How many words does it have?",
        "Here is a list: {l}. Give the number of items.",
        "Tell me how many things you see in all: {l}.",
    ),
)
LARGEST = Wordings(
    train=(
        "What is the {d} of these numbers: {l}?",
        "Which number is the {d}: {l}?",
        "Find the {d} number: {l}.",
        "Give the {d} number in this list: {l}.",
        "Name the {d} of {l}.",
        "In the list {l}, which number is the {d}?",
        "The numbers are {l}. Which one is the {d}?",
        "Here are some numbers: {l}. What is the {d}?",
        "Which of {l} is the {d}?",
        "Look at these numbers: {l}. Find the {d} one.",
        "Tell me the {d} of the numbers {l}.",
        "What is the {d} number here: {l}?",
        "Take the {d} number out of {l}.",
        "Read these numbers and write down the {d}: {l}.",
        "Of {l}, say the {d}.",
        "Choose the {d} of these: {l}.",
        "Which of these numbers is the {d} one: {l}?",
    ),
    test=(
        "Which is the {d} of these numbers: {l}?",
        "Find the {d} of {l}.",
        "Here are some numbers: {l}. Name the {d} one.",
        "What is the {d} number in the list {l}?",
        "Look at {l}. Which number is the {d}?",
    ),
)
MOST, LEAST = ("largest", "biggest", "greatest", "highest"), ("smallest", "lowest")


def sort_words(rng: random.Random, split: str) -> Question:
    """Three or four words of three to five letters for the order of the alphabet; their first letters differ."""
    row: dict[str, str] = {}
    size = rng.choice((3, 4))
    while len(row) < size:
        w = spelled(rng, split, 3, 5)
        row.setdefault(w[0], w)
    shuffled, ordered = list(row.values()), sorted(row.values())
    answer = ", ".join(ordered)
    text = WORDS.pick(rng, split).format(l=", ".join(shuffled))
    letters = f"{' '.join(w[0] for w in shuffled)}, sorted {' '.join(w[0] for w in ordered)}"
    return _question("sort_words", text, answer, "list", f"{letters}. Answer: {answer}", size - 2)


def sort_numbers(rng: random.Random, split: str) -> Question:
    """Three to five different two-digit numbers to sort up or down; the working takes them out one by one."""
    row = _numbers(rng, split, "sort", rng.randint(3, 5), 10, 99)
    down = rng.random() < 0.5
    left, steps = list(row), []
    for number in sorted(row, reverse=down):
        steps.append(f"{' '.join(map(str, left))}: {number}.")
        left.remove(number)
    answer = ", ".join(map(str, sorted(row, reverse=down)))
    told = rng.choice(DOWNWARDS if down else UPWARDS)
    text = NUMBERS.pick(rng, split).format(d=told, l=_said(row))
    return _question("sort_numbers", text, answer, "list", f"{' '.join(steps)} Answer: {answer}", len(row) - 2)


def count_items(rng: random.Random, split: str) -> Question:
    """How often one thing stands in a list of three to nine, or how many things stand there in all."""
    row = _things(rng, split)
    one = rng.choice(row) if rng.random() < 0.85 else rng.choice(ITEMS)
    if rng.random() < 0.6:
        text = COUNT_ONE.pick(rng, split).format(x=one, l=", ".join(row))
    else:
        one, text = "", COUNT_ALL.pick(rng, split).format(l=", ".join(row))
    seen, steps = 0, []
    for thing in row:
        seen += one in ("", thing)
        steps.append(f"{thing} {seen}")
    worked = f"{', '.join(steps)}. Answer: {seen}"
    return _question("count_items", text, str(seen), "number", worked, 1 + (len(row) - 3) // 3)


def largest(rng: random.Random, split: str) -> Question:
    """The largest or the smallest of three to six numbers; the working keeps the best so far."""
    row = _numbers(rng, split, "largest", rng.randint(3, 6), 1, rng.choice((99, 999)))
    top = rng.random() < 0.5
    best, steps = row[0], []
    for number in row[1:]:
        winner = max(best, number) if top else min(best, number)
        steps.append(f"{best} {number}: {winner}.")
        best = winner
    text = LARGEST.pick(rng, split).format(d=rng.choice(MOST if top else LEAST), l=_said(row))
    return _question("largest", text, str(best), "number", f"{' '.join(steps)} Answer: {best}", len(row) - 2)


TASKS: dict[str, Callable[[random.Random, str], Question]] = {
    "sort_words": sort_words,
    "sort_numbers": sort_numbers,
    "count_items": count_items,
    "largest": largest,
}


def _numbers(rng: random.Random, split: str, task: str, size: int, low: int, high: int) -> list[int]:
    """Different numbers; the split goes by which they are, whatever their order."""
    _, *drawn = draw(rng, split, lambda: (task, *sorted(rng.sample(range(low, high + 1), size))))
    row = [int(str(number)) for number in drawn]
    rng.shuffle(row)
    return row


def _things(rng: random.Random, split: str) -> list[str]:
    """Three to nine things out of a few kinds, so that some come again."""

    def make() -> tuple[object, ...]:
        kinds = rng.sample(ITEMS, rng.randint(2, 5))
        return tuple(sorted(rng.choices(kinds, k=rng.randint(3, 9))))

    row = [str(thing) for thing in draw(rng, split, make)]
    rng.shuffle(row)
    return row


def _said(row: Sequence[int]) -> str:
    return ", ".join(map(str, row))


def _question(task: str, text: str, answer: str, checker: str, worked: str, difficulty: int) -> Question:
    return Question(identify(task, text), "sorting", task, text, answer, answer, checker, worked, difficulty=difficulty)
