"""What a text claims and whether a passage bears it out: names, numbers and words, and the passage inside a message."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from strategies.core.parse import final, sentences, squeeze

LABEL = (
    r"(?:passage|context|text|document|article|excerpt|source|story|paragraph|notes?|background|information|facts|"
    r"(?:read|from|using|given|according to|based on) (?:this|the)\b[^:\n]*|(?:here|below) (?:is|are)\b[^:\n]*)"
)
ASK = r"(?:question|query|task|now answer|now|answer|instruction)\b[^:\n]*"
LABELLED = re.compile(rf"^[ \t*#]*{LABEL}\s*:\s*(.+?)(?=^[ \t*#]*{ASK}\s*:|\n\s*\n|\Z)", re.I | re.M | re.S)
MARKED = re.compile(r"<(passage|context|document|text)>(.+?)</\1>|\"\"\"(.+?)\"\"\"|```(.+?)```", re.I | re.S)
WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’-][^\W\d_]+)*")
COMMON_WORDS = """
a about above according after again all also am an and answer any are as at be because been before being below
between both but by can context could did do does during each either else ever every for found from given had
has have he her here hers him his how i if in into is it its just let may me mentioned might more most must my
named no nor not of on one only or other our out over passage question said same says shall she should since
so some stated such text than that the their them then there therefore these they this those though through
thus to too under until up us very was we were what when where whether which while who whom whose why will
with would yes yet you your
"""
COMMON = frozenset(COMMON_WORDS.split())


@dataclass(frozen=True, slots=True)
class Carried:
    """A message that brings its own passage: the passage, and the rest, which asks."""

    passage: str
    rest: str


def passage_in(message: str) -> Carried | None:
    """The passage that a message brings along for its question, or None.

    It is what stands in marks or behind a label such as `Passage:`; else, if the message asks who, where, which, when
    or what (not how many: that is calculated, not looked up), its other sentences, if there are two or more.
    """
    marked = MARKED.search(message)
    if marked:
        return Carried(next(group for group in marked.groups()[1:] if group), _without(message, marked.span()))
    for labelled in LABELLED.finditer(message):
        if len(words(labelled[1])) >= 5 and not labelled[1].rstrip().endswith("?"):
            return Carried(labelled[1], _without(message, labelled.span()))
    parts = [message[start:end] for start, end in sentences(message)]
    told = [part for part in parts if not part.endswith(("?", ":")) and len(words(part)) >= 4]
    rest = " ".join(part for part in parts if part not in told)
    looked_up = re.search(r"\b(?:who|whom|whose|where|which|when|what)\b", rest, re.IGNORECASE)
    counted = re.search(r"\b(?:how|total|sum|altogether|left)\b|\d", rest, re.IGNORECASE)
    numbers = re.findall(r"\d+", " ".join(told))
    return Carried(" ".join(told), rest) if len(told) > 1 and looked_up and not counted and len(numbers) < 2 else None


def _without(text: str, span: tuple[int, int]) -> str:
    return text[: span[0]] + " " + text[span[1] :]


def abstains(answer: str) -> bool:
    """Whether an answer says that it does not know."""
    return (
        re.search(r"\b(?:do(?:es)? not|don['’]t|doesn['’]t|cannot|can['’]t) (?:know|say|tell|answer)\b", answer)
        is not None
    )


def words(text: str) -> list[str]:
    """The words and numbers of a text, in order, as written."""
    return WORD.findall(text)


def names(text: str) -> list[str]:
    """The proper names and numbers of a text: what is capitalised though it begins no sentence, or is a number.

    A capitalised word that begins a sentence counts if it is followed by another one ("Mira Voss") or stands alone.
    """
    found = []
    for start, end in sentences(text):
        row = words(text[start:end])
        for i, word in enumerate(row):
            pair = len(row) == 1 or (i + 1 < len(row) and row[i + 1][0].isupper())
            if word[0].isdigit() or (word[0].isupper() and word.lower() not in COMMON and (i > 0 or pair)):
                found.append(word)
    return found


def claims(answer: str, question: str) -> list[str]:
    """What an answer says that its question does not: names and numbers if there are any, else the other words."""
    told = {_stem(word) for word in words(question)}
    new = [word for word in names(final(answer)) if _stem(word) not in told]
    if new:
        return new
    return [word for word in words(final(answer)) if _stem(word) not in told and word.lower() not in COMMON]


def missing(answer: str, question: str, passage: str) -> list[str]:
    """The claims of an answer that the passage does not mention.

    Of up to four claims, and of names and numbers, each must be there; of longer prose, at least half of the words.
    """
    there = {_stem(word) for word in words(passage)}
    made = claims(answer, question)
    absent = [word for word in made if _stem(word) not in there]
    prose = len(made) > 4 and not names(final(answer))
    return [] if prose and 2 * len(absent) < len(made) else absent


def telling(question: str, passages: Iterable[str]) -> str:
    """The sentence of the passages that shares most words with the question; the first of equals."""
    wanted = {_stem(word) for word in words(question) if word.lower() not in COMMON}
    rows = [squeeze(passage[start:end]) for passage in passages for start, end in sentences(passage)]
    return max(rows, key=lambda row: len(wanted & {_stem(word) for word in words(row)}), default="")


def about(question: str, passages: Iterable[str]) -> list[str]:
    """The passages that name most of what the question names; none, if they name nothing of it."""
    wanted = {_stem(word) for word in names(question)}
    rows = [(len(wanted & {_stem(word) for word in words(passage)}), passage) for passage in passages]
    most = max((hits for hits, _ in rows), default=0)
    if not wanted:
        return [passage for _, passage in rows[:1]]
    return [passage for hits, passage in rows if hits == most and most > 0]


def _stem(word: str) -> str:
    """A word without its ending, so that "plays" meets "play" and "1,200" meets "1200"."""
    if word[0].isdigit():
        return word.replace(",", "")
    plain = re.sub(r"['’]s$", "", word.lower())
    return re.sub(r"(?:ed|ing|es|s)$", "", plain) if len(plain) > 4 else plain
