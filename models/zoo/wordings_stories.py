"""The sentences of little stories that hide a calculation, and the stories that they make together.

A story opens with what there is, something happens once or twice, and a question follows.
"""

from itertools import product

from .question import Wordings

HAVE = Wordings(
    train=(
        "{who} has {a} {what}.",
        "{who} had {a} {what} at first.",
        "There are {a} {what} in the box of {who}.",
        "In the morning {who} has {a} {what}.",
        "In the box of {who} there are {a} {what}.",
        "{who} starts with {a} {what}.",
    ),
    test=(
        "{who} has {a} {what} at first.",
        "{who} had {a} {what} in the morning.",
        "In the morning there are {a} {what} in the box of {who}.",
    ),
)
ROWS = Wordings(
    train=(
        "{who} has {b} boxes with {a} {what} in each.",
        "One bag holds {a} {what}. {who} fills {b} bags.",
        "{who} buys {a} {what} every day for {b} days.",
        "There are {b} rows of {a} {what} before {who}.",
        "{who} fills {b} boxes with {a} {what} in every box.",
        "{who} puts {a} {what} into each of {b} bags.",
        "One box holds {a} {what}. {who} buys {b} boxes.",
    ),
    test=(
        "{who} has {b} bags with {a} {what} in each.",
        "One bag holds {a} {what}. {who} has {b} bags.",
        "{who} fills {b} bags with {a} {what} in every bag.",
    ),
)
GAIN = Wordings(
    train=(
        "Then {who} gets {n} more.",
        "Then {who} finds {n} more {what}.",
        "Later a friend gives {who} {n} more.",
        "Then {who} buys {n} {what}.",
        "Later {n} more {what} are given to {who}.",
        "Later {who} gets {n} {what} from a friend.",
    ),
    test=(
        "Later {who} finds {n} {what}.",
        "Then a friend gives {who} {n} more {what}.",
        "Later {who} buys {n} more.",
    ),
)
LOSS = Wordings(
    train=(
        "Then {who} gives {n} away.",
        "Then {who} loses {n} of them.",
        "Later {who} sells {n} of the {what}.",
        "Later a friend takes {n} of them.",
        "Then {who} gives {n} {what} to a friend.",
        "Later {n} of the {what} are taken away.",
    ),
    test=(
        "Later {who} loses {n} {what}.",
        "Then {who} sells {n} of them.",
        "Later {who} gives {n} of the {what} away.",
    ),
)
ASK = Wordings(
    train=(
        "How many {what} does {who} have now?",
        "How many {what} are there now?",
        "How many {what} are there in the end?",
        "Find the number of {what} that {who} has in the end.",
        "What is the number of {what} now?",
    ),
    test=(
        "How many {what} does {who} have in the end?",
        "Find the number of {what} that there are now.",
        "What is the number of {what} in the end?",
    ),
)


def told(*parts: Wordings) -> Wordings:
    """Every story of one sentence from each part; those for testing are made of sentences for testing alone.

    The number of the second thing that happens, if two do, is the field c; that of the first is b, or c where b is
    already told by the opening.
    """
    return Wordings(_told([part.train for part in parts]), _told([part.test for part in parts]))


def _told(parts: list[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(_numbered(" ".join(sentences)) for sentences in product(*parts))


def _numbered(story: str) -> str:
    first = "{c}" if "{b}" in story else "{b}"
    return story.replace("{n}", first, 1).replace("{n}", "{c}")
