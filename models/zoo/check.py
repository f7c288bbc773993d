"""Exact checkers: is a reply right? Hard to fool: a reply that lists every candidate is wrong."""

import re

from .question import Question
from .world import FIRST, LAST, VALUES

_MARK = re.compile(r"(?:final answer|answer)\s*:", re.IGNORECASE)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_PERSON = re.compile(rf"\b(?:{'|'.join(FIRST)}) (?:{'|'.join(LAST)})\b", re.IGNORECASE)
_KINDS = [frozenset(value.lower() for value in values) for values in dict.fromkeys(VALUES.values()) if values]


def check(question: Question, reply: str) -> float:
    """1.0 if the reply gives the right answer, else 0.0.

    Where the reply has a line "Answer: ...", that line counts (the last one); otherwise the whole reply does.
    """
    return float(CHECKERS[question.checker](question, final(reply)))


def final(reply: str) -> str:
    """What stands after the last "Answer:", up to the end of its line; the whole reply if there is none."""
    marks = list(_MARK.finditer(reply))
    if not marks:
        return reply.strip()
    rest = reply[marks[-1].end() :].strip()
    return rest.splitlines()[0].strip() if rest else ""


def _number(question: Question, said: str) -> bool:
    """The one number that is said, or the last of an equation ("3 + 4 = 7"), equals the answer."""
    said = re.sub(r"(?<=\d),(?=\d{3}\b)", "", said)
    after = said.rpartition("=")[2]
    found = [float(n) for n in _NUMBER.findall(after)]
    fresh = [n for n in found if n == float(question.answer)]
    asked = {float(n) for n in _NUMBER.findall(question.question)}
    others = [n for n in found if n != float(question.answer) and n not in asked]
    return bool(fresh) and not others and (len(found) == 1 or float(question.answer) not in asked)


def _word(question: Question, said: str) -> bool:
    """Exactly the word, quotes and full stop aside; "The answer is X." is accepted."""
    bare = re.sub(r"^(?:the answer is|it is)\s+", "", said.strip().lower())
    return bare.strip(" .\"'!") == question.answer.lower()


def _list(question: Question, said: str) -> bool:
    """The same words in the same order, whatever separates them."""
    return re.findall(r"[a-z]+", said.lower()) == re.findall(r"[a-z]+", question.answer.lower())


def _name(question: Question, said: str) -> bool:
    """The right name stands in the reply, and no other of its kind (city, trade, person, ...) that was not asked about."""
    low, right = said.lower(), question.answer.lower()
    kind = next((values for values in _KINDS if right in values), None)
    if kind is None:
        names = {name.lower() for name in _PERSON.findall(said)}
    else:
        names = set(re.findall(r"[a-z]+", low)) & kind
    others = {name for name in names if name != right and name not in question.question.lower()}
    stated = re.search(rf"\b{re.escape(right)}\b", low) is not None
    return stated and not others and re.search(r"\b(?:not|never|no)\b|n't", low) is None


CHECKERS = {"number": _number, "word": _word, "list": _list, "name": _name}
