"""What an answer claims beyond its question, and whether a passage bears it out."""

import re
from collections.abc import Iterable

from strategies.core.parse import final, sentences, squeeze

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
LINKS = "belong born call city come company home job live locate name place play situate trade work"


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
    """What an answer says that its question does not, in order: names, numbers and other words.

    Common words claim nothing, nor do those that only link a name to a value ("lives", "plays", "by trade").
    """
    told = {_stem(word) for word in words(f"{question} {LINKS}")}
    return [word for word in words(final(answer)) if _stem(word) not in told and word.lower() not in COMMON]


def missing(answer: str, question: str, passage: str) -> list[str]:
    """The claims of an answer that the passage must mention and does not.

    It must mention every name and number, and the last claim, which is mostly what was asked for. Without any name or
    number, it must mention each of up to four claims, and at least half of more.
    """
    there = {_stem(word) for word in words(passage)}
    made, named = claims(answer, question), names(final(answer))
    absent = [word for word in made if _stem(word) not in there]
    if any(word in named for word in made):
        return [word for word in absent if word in named or word == made[-1]]
    return [] if len(made) > 4 and 2 * len(absent) < len(made) else absent


def phrase(parts: list[str], text: str) -> str:
    """The part that comes last in the text, with the parts that stand right before it, such as both words of a name."""
    row = words(text)
    end = max((i for i, word in enumerate(row) if word in parts), default=-1)
    start = end
    while start > 0 and row[start - 1] in parts:
        start -= 1
    return " ".join(row[start : end + 1])


def misplaced(answer: str, question: str, passage: str) -> bool:
    """Whether the passage says what the answer claims only of somebody else.

    So it is if the answer names its subject, and every sentence with the claim names others: none of them the subject,
    and none whom another sentence names together with the subject.
    """
    made = {_stem(word) for word in claims(answer, question)}
    subject = {_stem(word) for word in names(final(answer))} - made
    rows = [passage[start:end] for start, end in sentences(passage)]
    named = [{_stem(word) for word in names(row)} for row in rows]
    linked = subject.union(*(row for row in named if row & subject))
    bearing = [named[i] - made for i, row in enumerate(rows) if made & {_stem(word) for word in words(row)}]
    return bool(subject and bearing) and all(row and not row & linked for row in bearing)


def telling(question: str, passages: Iterable[str]) -> list[str]:
    """The sentences of the passages that share most words with the question: one, or several that share as many."""
    wanted = {_stem(word) for word in words(question) if word.lower() not in COMMON}
    rows = [squeeze(passage[start:end]) for passage in passages for start, end in sentences(passage)]
    shared = [len(wanted & {_stem(word) for word in words(row)}) for row in rows]
    return [row for row, hits in zip(rows, shared, strict=True) if hits == max(shared)]


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
    return re.sub(r"(?:ed|ing|es|s|e)$", "", plain) if len(plain) > 3 else plain
