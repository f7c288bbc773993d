"""Exact checkers: is a reply right? Hard to fool: a reply that lists every candidate is wrong."""

import json
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
    """The right number is said last and, besides those of the question in an equation or a sentence, no other.

    Where the right number is one of the question's, as of the largest, those count only before an equals sign.
    """
    said = re.sub(r"(?<=\d),(?=\d{3}\b)", "", said)
    right = float(question.answer)
    found = [float(n) for n in _NUMBER.findall(said)]
    asked = [float(n) for n in _NUMBER.findall(question.question)]
    allowed = asked if right not in asked or "=" in said else []
    strange = [n for n in found if n != right and n not in allowed]
    return bool(found) and found[-1] == right and not strange and not _denies(said)


def _word(question: Question, said: str) -> bool:
    """Exactly the word, quotes and full stop aside; "The answer is X." is accepted."""
    return _bare(said) == question.answer.lower()


def _list(question: Question, said: str) -> bool:
    """The same words and numbers in the same order, whatever separates them."""
    return re.findall(r"[a-z]+|[0-9]+", _bare(said)) == re.findall(r"[a-z]+|[0-9]+", question.answer.lower())


def _name(question: Question, said: str) -> bool:
    """The right name stands in the reply, nothing else of its kind does, and it is not said of somebody else."""
    low, right = said.lower(), question.answer.lower()
    kind = next((values for values in _KINDS if right in values), None)
    people = {name.lower() for name in _PERSON.findall(said)}
    names = people if kind is None else set(re.findall(r"[a-z]+", low)) & kind
    asked = question.question.lower()
    others = {name for name in names if name != right and name not in asked}
    known = f"{asked} {right}" + (
        f" {question.context.lower()}" if question.context and question.task == "two_hop" else ""
    )
    strangers = {name for name in people if name not in known}
    stated = re.search(rf"\b{re.escape(right)}\b", low) is not None
    return stated and not others and not strangers and not _denies(low)


def _yes_no(question: Question, said: str) -> bool:
    """It begins with the right word, as a word of its own, and the other is not said."""
    found = re.match(r"\W*(yes|no)\s*(?:[.,;:!]|$)", said.lower())
    other = "no" if question.answer == "yes" else "yes"
    return found is not None and found[1] == question.answer and re.search(rf"\b{other}\b", said.lower()) is None


def _json(question: Question, said: str) -> bool:
    """The whole reply is JSON for the same value."""
    try:
        return bool(json.loads(said) == json.loads(question.answer))
    except ValueError:
        return False


def _bare(said: str) -> str:
    return re.sub(r"^(?:the answer is|it is)\s+", "", said.strip().lower()).strip(" .\"'!")


def _denies(said: str) -> bool:
    """Whether the reply takes back or hedges what it names."""
    return re.search(r"\b(?:not|never|no|neither|nor|but|or|maybe|elsewhere)\b|n't", said.lower()) is not None


CHECKERS = {"number": _number, "word": _word, "list": _list, "name": _name, "yes_no": _yes_no, "json": _json}
