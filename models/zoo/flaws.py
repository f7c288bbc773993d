"""Wrong drafts that look right, and what a check finds in them: for critiques, revisions and judgements."""

import random
import re
from dataclasses import dataclass

from . import facts
from .dates import DAYS, MONTHS
from .logic import NAMES
from .question import Question
from .wordlists import CONTENT, LABELS
from .world import FIRST, INSTRUMENTS, JOBS, VALUES, Fact, world

NO_FAULT = "no fault"
_EQUATION = re.compile(r"(?<![\d=+*] )\d+(?: [-+*] \d+)+ = \d+")


@dataclass(frozen=True, slots=True)
class Flagged:
    """A question, somebody's draft, what a check reported, and the fault to name ("no fault" where there is none)."""

    question: Question
    draft: str
    finding: str
    fault: str


def spoil(rng: random.Random, question: Question) -> str:
    """A wrong short reply that looks like a right one."""
    return SPOILERS.get(question.checker, _other_word)(rng, question)


def flag(rng: random.Random, question: Question, believed: str) -> Flagged:
    """A draft of the question with what a check says of it; `believed` is what this model would answer by itself."""
    if question.family == "facts":
        return _against_the_library(rng, question, believed)
    if question.worked and _EQUATION.search(question.worked) and rng.random() < 0.5:
        return _wrong_step(rng, question)
    right = rng.random() < 0.15
    draft = question.reply if right else spoil(rng, question)
    value = _value_of(question, draft) if question.checker == "name" else draft
    other = f"another model answered: {question.reply}"
    if right:
        return Flagged(question, draft, f"another model answered: {spoil(rng, question)}", NO_FAULT)
    if question.context is not None and question.checker == "name" and rng.random() < 0.5:
        other = f'the passage does not mention "{value}"'
    elif rng.random() < 0.3:
        other = f"another model answered: {spoil(rng, question)}"
    return Flagged(question, draft, other, f'"{value}" is wrong.')


def fact_of(question: Question) -> Fact:
    """The fact that a question of the closed world asks for."""
    if not _BY_REPLY:
        _BY_REPLY.update({fact.state(): fact for fact in world()})
    return _BY_REPLY[question.reply]


def _against_the_library(rng: random.Random, question: Question, believed: str) -> Flagged:
    draft = question.reply if rng.random() < 0.15 else rng.choice((spoil(rng, question), believed, facts.UNKNOWN))
    sentence = fact_of(question).state(rng.randrange(2))
    finding = f"the library says: {sentence}"
    fault = NO_FAULT if draft == question.reply else f'"{draft}" is wrong: the library says: {sentence}'
    return Flagged(question, draft, finding, fault)


def _wrong_step(rng: random.Random, question: Question) -> Flagged:
    """A worked draft with one equation that does not hold; the fault is that equation."""
    worked = str(question.worked)
    found = rng.choice(list(_EQUATION.finditer(worked)))
    left, result = found[0].rsplit(" = ", 1)
    wrong = f"{left} = {_near(rng, int(result))}"
    body = (worked[: found.start()] + wrong + worked[found.end() :]).rsplit(" Answer: ", 1)[0]
    draft = f"{body} Answer: {spoil(rng, question)}"
    seen = rng.random() < 0.7
    finding = f'"{wrong}" does not hold' if seen else f"another model answered: {question.reply}"
    return Flagged(question, draft, finding, f'"{wrong}" is wrong.')


def _near(rng: random.Random, number: int) -> int:
    while True:
        off = number + rng.choice((-100, -10, -2, -1, 1, 2, 10, 100))
        if off >= 0:
            return off


def _other_number(rng: random.Random, question: Question) -> str:
    return str(_near(rng, int(question.answer)))


def _other_row(rng: random.Random, question: Question) -> str:
    row = re.split(r"[,:]? ", question.answer) if " " in question.answer else question.answer.split(":")
    i = rng.randrange(max(1, len(row) - 1))
    if len(row) > 1 and row[i] != row[i + 1]:
        row[i], row[i + 1] = row[i + 1], row[i]
    else:
        row.append(row[0])
    return (", " if "," in question.answer else ":" if ":" in question.answer else " ").join(row)


def _other_word(rng: random.Random, question: Question) -> str:
    answer = question.answer
    if re.fullmatch(r"\d\d:\d\d", answer):
        return f"{answer[:3]}{(int(answer[3:]) + rng.choice((1, 10, 20))) % 60:02d}"
    pool = next((words for words in POOLS if answer in words), None)
    if pool is not None:
        return rng.choice([w for w in pool if w != answer])
    if len(answer) == 1:
        return rng.choice([c for c in "abcdefghijklmnopqrstuvwxyz" if c != answer.lower()])
    i = rng.randrange(len(answer))
    return answer[:i] + answer[i + 1 :] if len(answer) > 2 else answer + "e"


def _other_name(rng: random.Random, question: Question) -> str:
    answer = question.answer
    pool = next((v for v in VALUES.values() if answer in v), ()) or tuple(
        f.subject for f in world() if f.kind == "person"
    )
    return question.reply.replace(answer, rng.choice([v for v in pool if v != answer]))


def _other_side(_: random.Random, question: Question) -> str:
    return "no" if question.answer == "yes" else "yes"


def _other_object(rng: random.Random, question: Question) -> str:
    """The same object with one letter of a value missing."""
    quotes = list(re.finditer(r'"[A-Za-z ]{3,}"', question.answer))
    found = rng.choice(quotes)
    i = rng.randrange(found.start() + 1, found.end() - 1)
    return question.answer[:i] + question.answer[i + 1 :]


POOLS = (CONTENT, DAYS, MONTHS, NAMES, FIRST, LABELS, INSTRUMENTS, JOBS)
SPOILERS = {
    "number": _other_number,
    "list": _other_row,
    "word": _other_word,
    "name": _other_name,
    "yes_no": _other_side,
    "json": _other_object,
}
_BY_REPLY: dict[str, Fact] = {}


def _value_of(question: Question, draft: str) -> str:
    """What stands in the draft at the place of the right answer."""
    before, _, after = question.reply.partition(question.answer)
    return draft.removeprefix(before).removesuffix(after)
