"""Words and letters: spell backwards, count a letter, find the n-th letter, find the n-th word."""

import random
from collections.abc import Callable

from .question import Question, Wordings, draw, identify
from .wordlists import CONTENT, SPELLED

BACKWARDS = Wordings(
    train=(
        'Spell "{w}" backwards.',
        'Write "{w}" backwards.',
        'What is "{w}" spelled backwards?',
        'Reverse the word "{w}".',
        'Reverse the letters of "{w}".',
        'How do you write "{w}" from the last letter to the first?',
        'Turn "{w}" around, letter by letter.',
        'Give me the letters of "{w}" in reverse order.',
        'Say the word "{w}" from back to front.',
        'What does "{w}" look like in a mirror, letter by letter?',
        'Read "{w}" from right to left.',
        'Please reverse "{w}".',
        'Which word do you get when you spell "{w}" backwards?',
        'Put the letters of "{w}" in the reverse order.',
        'What do you read when you go through "{w}" from its end?',
        'The word is "{w}". Write it from the end to the start.',
        'How does "{w}" read backwards?',
        'Take "{w}" and write its letters from last to first.',
    ),
    test=(
        'Give the word "{w}" backwards.',
        'How do you spell "{w}" from back to front?',
        'Write the letters of "{w}" from right to left.',
        'What do you get when you reverse "{w}"?',
        'The word is "{w}". Spell it backwards.',
        'Read the word "{w}" from the last letter to the first.',
    ),
)
COUNT = Wordings(
    train=(
        'How many times does the letter "{c}" occur in "{w}"?',
        'How often is the letter "{c}" in "{w}"?',
        'Count the letter "{c}" in "{w}".',
        'How many letters "{c}" are there in "{w}"?',
        'In the word "{w}", how often do you see "{c}"?',
        'Count how often "{c}" stands in "{w}".',
        'The word "{w}": how many times is "{c}" in it?',
        'How many of the letters of "{w}" are "{c}"?',
        'Find the number of times "{c}" is used in "{w}".',
        'What is the count of "{c}" in "{w}"?',
        'Tell me how many "{c}" the word "{w}" has.',
        'How many times do you write "{c}" when you spell "{w}"?',
        'How often does "{w}" have the letter "{c}"?',
        'Look at "{w}". How many "{c}" do you find?',
        'Give the number of letters "{c}" in the word "{w}".',
        'Spell "{w}" and count each "{c}".',
        'If you spell "{w}", how often do you say "{c}"?',
        'Say how often the letter "{c}" occurs in the word "{w}".',
    ),
    test=(
        'How often does "{c}" occur in "{w}"?',
        'Count how many times the letter "{c}" is in "{w}".',
        'What is the number of letters "{c}" in "{w}"?',
        'In "{w}", how many times do you find "{c}"?',
        'Look at the word "{w}". How often is "{c}" in it?',
        'Tell me how often you see the letter "{c}" in the word "{w}".',
    ),
)
LETTER = Wordings(
    train=(
        'What is the {n} letter of "{w}"?',
        'Which letter is the {n} one in "{w}"?',
        'Give the {n} letter of "{w}".',
        'Find the {n} letter in "{w}".',
        'In "{w}", what is the {n} letter?',
        'Name the {n} letter of the word "{w}".',
        'The word is "{w}". What is its {n} letter?',
        'Spell "{w}" and tell me the {n} letter.',
        'Which is the {n} letter of "{w}"?',
        'Write down the {n} letter of "{w}".',
        'Take the {n} letter out of "{w}".',
        'Count to the {n} letter of "{w}". Which one is it?',
        'When you spell "{w}", which letter comes {n}?',
        'Say the {n} letter in the word "{w}".',
        'Look at "{w}". What letter stands {n}?',
        'What letter do you find at the {n} place of "{w}"?',
        'At the {n} place of the word "{w}", which letter stands there?',
        'Read "{w}" letter by letter. What is the {n} one?',
    ),
    test=(
        'Which letter stands {n} in "{w}"?',
        'Tell me the {n} letter of the word "{w}".',
        'Look at the word "{w}". Which is its {n} letter?',
        'What letter is at the {n} place in "{w}"?',
        'Spell "{w}". What is the {n} letter?',
        'The word is "{w}". Name the {n} letter.',
    ),
)
NTH = Wordings(
    train=(
        "What is the {n} word of: {s}?",
        "Which word is the {n} one in: {s}?",
        "Give the {n} word of this sentence: {s}.",
        "Find the {n} word in this row: {s}.",
        "In this row, what is the {n} word: {s}?",
        "Take the {n} word out of these words: {s}.",
        "Name the {n} word of the sentence: {s}.",
        "The sentence is: {s}. What is its {n} word?",
        "Read this and tell me the {n} word: {s}.",
        "Which is the {n} word here: {s}?",
        "Write down the {n} word of this: {s}.",
        "Count to the {n} word: {s}. What is it?",
        "Here are some words: {s}. Which one is {n}?",
        "Look at these words: {s}. Say the {n} one.",
        "Which word comes {n} in this sentence: {s}?",
        "The words are: {s}. Which word stands at the {n} place?",
        "Here is a row of words: {s}. Give me the {n} word.",
        "At the {n} place of this sentence, which word stands there: {s}?",
    ),
    test=(
        "Which is the {n} word of this sentence: {s}?",
        "Here is a sentence: {s}. What is the {n} word?",
        "Tell me the {n} word of this row: {s}.",
        "The words are: {s}. Name the {n} one.",
        "Look at this sentence: {s}. Which word stands at the {n} place?",
        "Read these words and give me the {n} one: {s}.",
    ),
)
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh")
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def backwards(rng: random.Random, split: str) -> Question:
    """A word of three to seven letters to spell from its end."""
    w = spelled(rng, split, 3, 7)
    answer = w[::-1]
    text = BACKWARDS.pick(rng, split).format(w=w)
    worked = f"{' '.join(w)}, backwards {' '.join(answer)}. Answer: {answer}"
    return _question("backwards", text, answer, "word", worked, 1 + len(w) // 4)


def count_letter(rng: random.Random, split: str) -> Question:
    """How often a letter stands in a word of three to seven; it mostly does."""
    w = spelled(rng, split, 3, 7)
    c = rng.choice(w) if rng.random() < 0.85 else rng.choice(LETTERS)
    seen, steps = 0, []
    for letter in w:
        seen += letter == c
        steps.append(f"{letter} {seen}")
    text = COUNT.pick(rng, split).format(w=w, c=c)
    return _question("count_letter", text, str(seen), "number", f"{', '.join(steps)}. Answer: {seen}", 1 + len(w) // 5)


def nth_letter(rng: random.Random, split: str) -> Question:
    """The n-th letter of a word of three to seven."""
    w = spelled(rng, split, 3, 7)
    n = rng.randrange(len(w))
    text = LETTER.pick(rng, split).format(n=ORDINALS[n], w=w)
    return _question("nth_letter", text, w[n], "word", _counted(tuple(w[: n + 1])), 1 + n // 3)


def nth_word(rng: random.Random, split: str) -> Question:
    """The n-th word of a row of four to seven words."""
    (s,) = draw(rng, split, lambda: (" ".join(rng.sample(CONTENT, rng.randint(4, 7))),))
    row = str(s).split()
    n = rng.randrange(len(row))
    text = NTH.pick(rng, split).format(n=ORDINALS[n], s=s)
    return _question("nth_word", text, row[n], "word", _counted(tuple(row[: n + 1])), 1 + n // 3)


TASKS: dict[str, Callable[[random.Random, str], Question]] = {
    "backwards": backwards,
    "count_letter": count_letter,
    "nth_letter": nth_letter,
    "nth_word": nth_word,
}


def spelled(rng: random.Random, split: str, shortest: int, longest: int) -> str:
    """A real word for testing, an invented one for training (none of which is among the real ones)."""
    if split == "test":
        return rng.choice([w for w in SPELLED if shortest <= len(w) <= longest])
    while True:
        w = _invent(rng, rng.randint(shortest, longest))
        if w not in SPELLED:
            return w


def _invent(rng: random.Random, size: int) -> str:
    if rng.random() < 0.3:
        return "".join(rng.choice(LETTERS) for _ in range(size))
    vowel = rng.random() < 0.4
    letters = []
    for _ in range(size):
        letters.append(rng.choice("aeiou" if vowel else "bcdfghjklmnprstvwz"))
        vowel = not vowel if rng.random() < 0.85 else vowel
    return "".join(letters)


def _counted(row: tuple[str, ...]) -> str:
    return ", ".join(f"{i} {part}" for i, part in enumerate(row, 1)) + f". Answer: {row[-1]}"


def _question(task: str, text: str, answer: str, checker: str, worked: str, difficulty: int) -> Question:
    return Question(identify(task, text), "words", task, text, answer, answer, checker, worked, difficulty=difficulty)


__all__ = ["BACKWARDS", "CONTENT", "COUNT", "LETTER", "NTH", "ORDINALS", "SPELLED", "TASKS", "spelled"]
