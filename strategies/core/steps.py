"""Working in steps: a form says which state to carry and how to write a step, and each step is checked in code."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from strategies.core.parse import final, has_endless_word, whole

STEP = re.compile(r"^[ \t*#]*step\s*(\d+)\s*[:.)][ \t*]*(.*?)[ \t]*$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Task:
    """What a form needs of a question: the things to go through, and what more tells how (a direction, a letter)."""

    items: tuple[str, ...]
    how: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """How steps are written for one type of task.

    `reads` gives the task of a question, None where the form does not suit it. `wrong` gives what is wrong with step i
    (from 0) of `lines`, "" if nothing is; `ends` what is wrong with the answer, given all lines.
    """

    how: str
    shape: str
    reads: Callable[[str], Task | None]
    wrong: Callable[[Task, Sequence[str], int], str]
    ends: Callable[[Task, Sequence[str], str], str] = lambda task, lines, answer: ""


@dataclass(frozen=True, slots=True)
class Fault:
    """The first step (from 0) that does not follow, and why; the number of steps where it is the answer."""

    step: int
    why: str


def lines_of(reply: str) -> list[str]:
    """The steps of a reply, in order, as far as they are numbered without a gap from the first one's number."""
    read = [(whole(match[1]), match[2]) for match in STEP.finditer(reply)]
    found = [(number, text) for number, text in read if number is not None]
    first = found[0][0] if found else 1
    return [text for i, (number, text) in enumerate(found) if number == first + i]


def fault_in(form: Form, task: Task, lines: Sequence[str], reply: str) -> Fault | None:
    """The first fault of the steps, or of the answer that they lead to; None if every transition holds."""
    if not lines:
        return Fault(0, "there are no steps")
    for i in range(len(lines)):
        why = form.wrong(task, lines, i)
        if why:
            return Fault(i, why)
    why = form.ends(task, lines, final(reply))
    return Fault(len(lines), why) if why else None


def has_passage(question: str) -> bool:
    """Whether a question brings a passage or a table along."""
    return (
        re.search(r"\b(?:passage|table|text)\s*:|this passage", question, re.IGNORECASE) is not None
        or question.count("\n") > 1
    )


def listed(question: str) -> tuple[str, ...]:
    """The items that a question lists: the longest run of three or more words or numbers with commas between them."""
    if has_endless_word(question):
        return ()
    for item in (r"\d+", r"[\w'-]+"):
        runs = re.findall(rf"{item}(?:\s*,\s*(?:and\s+)?{item})+(?:,?\s+and\s+{item})?", question)
        split = [tuple(re.split(r"\s*,\s*(?:and\s+)?|\s+and\s+", run)) for run in runs]
        found = max((items for items in split if len(items) >= 2), key=len, default=())
        found = found[:-1] if found and found[-1] in ("how", "which", "what", "the") else found
        if found:
            return found
    return ()


def lists_numbers(question: str) -> bool:
    """Whether the items that a question lists are numbers, three or more."""
    items = listed(question)
    return len(items) >= 3 and all(whole(item) is not None for item in items)


def last_number(line: str) -> int | None:
    """The last whole number of a line; None if there is none."""
    found = re.findall(r"\d+", line)
    return whole(found[-1]) if found else None


def number_of(answer: str) -> int | None:
    """The last whole number of an answer, its sign included; None if there is none."""
    found = re.findall(r"-?\d+", answer.replace(",", ""))
    return whole(found[-1]) if found else None
