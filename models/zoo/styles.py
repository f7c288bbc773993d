"""Answers in a told form: a JSON object, one word, a list."""

import json
import random
from collections.abc import Callable

from .question import Question, Wordings, draw, identify
from .wordlists import CATEGORIES
from .world import CITIES, FIRST, INSTRUMENTS, JOBS, LAST

OBJECT = Wordings(
    train=(
        "{s} Reply with a JSON object with the keys {k} and nothing else.",
        "{s} Write this as a JSON object with the keys {k}.",
        "Turn this into JSON with the keys {k}: {s}",
        "Read this: {s} Give a JSON object with the keys {k}.",
        "Answer with one JSON object, keys {k}: {s}",
        "Make a JSON object with {k} from this text: {s}",
        "Fill a JSON object with the keys {k} from this sentence: {s}",
        "{s} Answer in JSON. The keys are {k}.",
        "Give me JSON only, with the keys {k}: {s}",
        "The text is: {s} Write {k} as JSON.",
        "Put {k} into one JSON object: {s}",
        "Extract {k} as a JSON object: {s}",
        "Use JSON with the keys {k} for this: {s}",
        "{s} As a JSON object with {k}, please.",
        "Find {k} in this text and reply in JSON: {s}",
        "Reply only in JSON. Keys: {k}. Text: {s}",
        "From this sentence, make JSON with {k}: {s}",
    ),
    test=(
        "Write a JSON object with the keys {k} from this: {s}",
        "{s} Reply in JSON with {k} and nothing else.",
        "The text is: {s} Turn this into one JSON object with the keys {k}.",
        "Find {k} in this sentence and answer as a JSON object: {s}",
        "Read this text: {s} Reply only with JSON. The keys are {k}.",
        "Extract JSON with the keys {k} from this text: {s}",
    ),
)
WORD = Wordings(
    train=(
        "Answer in one word: {a} {s}",
        "{s} {a} Answer in one word.",
        "{s} {a} Reply with one word only.",
        "Read this: {s} {a} Use only one word.",
        "In a single word: {a} {s}",
        "{a} Give one word and nothing else. {s}",
        "{s} Now answer with a single word: {a}",
        "Give a single word as the answer. {s} {a}",
        "One word, please: {a} {s}",
        "{s} Say in one word: {a}",
        "Reply with just one word. {s} {a}",
        "The text is: {s} {a} Write one word.",
        "Do not write a sentence, just one word: {a} {s}",
        "{a} Write just a single word. The text says: {s}",
        "I want one word only. {s} {a}",
        "Here is a sentence: {s} {a} One word is enough.",
        "Your answer must be one word. {a} {s}",
    ),
    test=(
        "Reply in one word: {a} {s}",
        "{s} {a} Give just one word.",
        "Here is a text: {s} Answer with one word only: {a}",
        "{a} A single word is enough. {s}",
        "Read this sentence: {s} Now answer in a single word: {a}",
        "Use one word and nothing else. {s} {a}",
    ),
)
LIST = Wordings(
    train=(
        "List the {k} in this sentence, separated by commas: {s}",
        "{s} List the {k}, with commas between them.",
        "Which {k} are named here? {s} Write a list with commas.",
        "Give all {k} of this sentence as a list with commas: {s}",
        "{s} Which {k} are in it? Answer with a list, separated by commas.",
        "Write down the {k} in their order, separated by commas: {s}",
        "Find the {k} and list them with commas: {s}",
        "Name the {k} in this text, in order, as a list: {s}",
        "Read this: {s} Reply with the {k} only, separated by commas.",
        "The text is: {s} Give only a list of its {k}.",
        "Make a list of the {k} that you find, with commas: {s}",
        "Take the {k} out of this sentence and put commas between them: {s}",
        "{s} Reply with a list of the {k} and nothing else.",
        "Only the {k}, please, separated by commas: {s}",
        "Extract the {k} as a list with commas: {s}",
        "{s} Name all the {k} in order.",
        "What {k} does this text name? List them: {s}",
    ),
    test=(
        "{s} Give the {k} as a list, separated by commas.",
        "List all the {k} that are named here: {s}",
        "Read this sentence: {s} Write down its {k} with commas between them.",
        "Which {k} are in this text? Reply with a list and nothing else. {s}",
        "The text is: {s} Name the {k} only, separated by commas.",
        "Find the {k} in this sentence and make a list: {s}",
    ),
)
STATED = {  # key: how it is said and asked, and what it may be
    "city": ("{x} lives in {y}.", "Where does {x} live?", tuple(CITIES)),
    "job": ("{x} is a {y}.", "What is the job of {x}?", tuple(job for job in JOBS if job[0] not in "aeiou")),
    "instrument": ("{x} plays the {y}.", "Which instrument does {x} play?", tuple(INSTRUMENTS)),
    "age": ("{x} is {y} years old.", "How old is {x}?", tuple(map(str, range(18, 90)))),
}
LISTED = {  # what is listed: how a sentence names three of it
    "colors": (CATEGORIES["colors"], ("{n} has a {a} hat, a {b} coat and a {c} bag.", "The flag is {a}, {b} and {c}.")),
    "animals": (CATEGORIES["animals"], ("{n} saw a {a}, a {b} and a {c}.", "There is a {a}, a {b} and a {c} here.")),
    "names": (tuple(FIRST), ("{a}, {b} and {c} live in {n}.", "{a} met {b} and {c} in {n}.")),
    "cities": (tuple(CITIES), ("{n} went from {a} to {b} and {c}.", "{n} knows {a}, {b} and {c}.")),
}


def json_object(rng: random.Random, split: str) -> Question:
    """One or two statements about a person as a JSON object with told keys; an age is a number."""
    who, values = _person(rng, split, rng.choice((1, 2)), tuple(STATED))
    said = " ".join(STATED[key][0].format(x=who, y=value) for key, value in values)
    keys = ["name", *(key for key, _ in values)]
    told = f"{', '.join(keys[:-1])} and {keys[-1]}"
    text = OBJECT.pick(rng, split).format(s=said, k=told)
    filled = {"name": who, **{key: int(value) if key == "age" else value for key, value in values}}
    answer = json.dumps(filled, separators=(",", ":"))
    return _question("json_object", text, answer, "json", len(values))


def one_word(rng: random.Random, split: str) -> Question:
    """A question about a short text to answer in one word; mostly the text says one thing more than is asked."""
    who, values = _person(rng, split, rng.choice((1, 2, 2)), ("city", "job", "instrument"))
    key, value = rng.choice(values)
    said = " ".join(STATED[one][0].format(x=who, y=it) for one, it in values)
    text = WORD.pick(rng, split).format(s=said, a=STATED[key][1].format(x=who))
    return _question("one_word", text, value, "word", len(values))


def as_list(rng: random.Random, split: str) -> Question:
    """Three colors, animals, names or cities of a sentence, in their order."""
    kind = rng.choice(tuple(LISTED))
    words, sentences = LISTED[kind]
    _, *three = (str(part) for part in draw(rng, split, lambda: (kind, *rng.sample(words, 3))))
    other = rng.choice(CITIES if kind == "names" else FIRST)
    a, b, c = three
    said = rng.choice(sentences).format(a=a, b=b, c=c, n=other)
    text = LIST.pick(rng, split).format(s=said, k=kind)
    return _question("as_list", text, ", ".join(three), "list", 1)


TASKS: dict[str, Callable[[random.Random, str], Question]] = {
    "json_object": json_object,
    "one_word": one_word,
    "as_list": as_list,
}


def _person(
    rng: random.Random, split: str, size: int, keys: tuple[str, ...]
) -> tuple[str, tuple[tuple[str, str], ...]]:
    """A person of the split and some statements about them, as keys and values."""
    who = " ".join(map(str, draw(rng, split, lambda: (rng.choice(FIRST), rng.choice(LAST)))))
    return who, tuple((key, rng.choice(STATED[key][2])) for key in rng.sample(keys, size))


def _question(task: str, text: str, answer: str, checker: str, difficulty: int) -> Question:
    return Question(identify(task, text), "formats", task, text, answer, answer, checker, difficulty=difficulty)
