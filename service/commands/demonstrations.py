"""Demonstrations to fit on: solved questions of a file, or of the log where answers were rated well or put right."""

import asyncio
import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # a line of the file

from models.errors import BadRequest
from models.zoo import Question, check
from models.zoo.check import CHECKERS as EXACT
from service.house import opened_store
from service.sections import Settings
from store import Store
from strategies.core.demos import Demo
from strategies.core.equivalence import marked
from strategies.core.parse import final
from strategies.core.verify import agree

LONG = 20
"""Words of an answer that marks no short one, above which it is open: it cannot be compared with another."""
SUFFIXES = (".jsonl", ".csv")


@dataclass(frozen=True, slots=True)
class Solved:
    """A question, the right answers to it (any of them will do), how a reply is checked, and the answer to imitate."""

    question: str
    answers: tuple[str, ...]
    checker: str = "same"
    worked: str = ""
    context: str | None = None

    @property
    def demo(self) -> Demo:
        """As it is shown."""
        return Demo(self.question, self.worked or self.answers[0])

    @property
    def is_open(self) -> bool:
        """Whether its answer is prose that no check could compare."""
        free = self.checker == "same" and marked(self.answers[0]) is None
        return free and len(self.answers[0].split()) > LONG

    def score(self, reply: str) -> float:
        """1.0 if the reply is right, else 0.0."""
        return max(float(CHECKERS[self.checker](self, answer, reply)) for answer in self.answers)


@dataclass(frozen=True, slots=True)
class Demonstrations:
    """Each question once; `known` by its text. The open ones cannot be scored."""

    solved: Sequence[Solved]
    source: str

    @property
    def scored(self) -> list[Demo]:
        """Those of which a reply can be scored."""
        return [one.demo for one in self.solved if not one.is_open]

    @property
    def open_ones(self) -> list[Demo]:
        """Those of which it cannot."""
        return [one.demo for one in self.solved if one.is_open]

    def scorer(self) -> Callable[[Demo, str], float]:
        """What scores a reply to one of them, 0..1."""
        known = {one.question: one for one in self.solved}
        return lambda demo, reply: known[demo.question].score(reply)


def _same(one: Solved, answer: str, reply: str) -> bool:
    return agree(reply, answer, one.question)


def _exact(one: Solved, answer: str, reply: str) -> bool:
    return final(reply).strip() == answer.strip()


def _contains(one: Solved, answer: str, reply: str) -> bool:
    return " ".join(answer.casefold().split()) in " ".join(reply.casefold().split())


def _by_zoo(one: Solved, answer: str, reply: str) -> bool:
    question = Question("", "", "", one.question, answer, answer, one.checker, context=one.context)
    return check(question, reply) > 0


CHECKERS: Mapping[str, Callable[[Solved, str, str], bool]] = {
    "same": _same,
    "exact": _exact,
    "contains": _contains,
    **dict.fromkeys(EXACT, _by_zoo),
}
"""How a reply is checked: the same answer, the very words, the answer somewhere in it, or as the zoo does it."""


def read_demos(path: Path) -> Demonstrations:
    """The rows of a JSON-lines or CSV file: question and answer (in JSON also a list of right ones).

    Optional are checker, context (a passage, shown before the question) and worked (the answer to imitate). Raises
    BadRequest, saying where.
    """
    if path.suffix not in SUFFIXES:
        raise BadRequest(f"demonstrations are a file ending in .jsonl or .csv, not {str(path)!r}", param="demos")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as wrong:
        raise BadRequest(f"cannot read the demonstrations {str(path)!r}: {wrong.strerror}", param="demos") from wrong
    except UnicodeDecodeError as wrong:
        raise BadRequest(f"{path}: not a text file in UTF-8", param="demos") from wrong
    rows = _of_csv(path, text) if path.suffix == ".csv" else _of_json(path, text)
    solved: dict[str, Solved] = {}
    for line, row in rows:
        one = _solved(row, f"{path}, line {line}")
        solved.setdefault(one.question, one)
    return Demonstrations(list(solved.values()), str(path))


async def read_log(settings: Settings) -> Demonstrations:
    """As `of_store`, of the settings' database."""
    async with opened_store(settings) as store:
        return await of_store(store)


async def of_store(store: Store) -> Demonstrations:
    """The log's answers that were rated well, and the corrections of others, to questions that stood alone."""
    found = await asyncio.to_thread(store.history.well_rated)
    solved = {one.question: Solved(one.question, (one.answer,)) for one in reversed(found) if one.answer.strip()}
    return Demonstrations(list(solved.values()), "the log")


def _of_json(path: Path, text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for line, row in enumerate(text.split("\n"), 1):
        if row.strip():
            try:
                found = json.loads(row)
            except json.JSONDecodeError as wrong:
                raise BadRequest(f"{path}, line {line}: not JSON: {wrong}", param="demos") from wrong
            if not isinstance(found, dict):
                raise BadRequest(f"{path}, line {line}: should be an object with question and answer", param="demos")
            yield line, found


def _of_csv(path: Path, text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    rows = csv.DictReader(text.splitlines(keepends=True))
    missing = [name for name in ("question", "answer") if name not in (rows.fieldnames or ())]
    if missing:
        raise BadRequest(f"{path}: no column {', '.join(missing)}; it needs question and answer", param="demos")
    for row in rows:
        yield rows.line_num, row


def _solved(row: Mapping[str, Any], where: str) -> Solved:
    question, context = str(row.get("question") or "").strip(), str(row.get("context") or "").strip()
    if not question:
        raise BadRequest(f"{where}: question is empty; leave the line out", param="demos")
    given = row.get("answer")
    listed = given if isinstance(given, list) else [] if given is None else [given]
    answers = tuple(text for text in (_text(one) for one in listed) if text)
    if not answers:
        raise BadRequest(f"{where}: answer is empty; give the right one, or leave the line out", param="demos")
    checker = str(row.get("checker") or "same").strip()
    if checker not in CHECKERS:
        raise BadRequest(f"{where}: unknown checker {checker!r}; there are {', '.join(CHECKERS)}", param="demos")
    if checker == "number" and not all(_is_number(text) for text in answers):
        raise BadRequest(f"{where}: the checker is number, and {answers[0]!r} is none", param="demos")
    asked = f"{context}\n\n{question}" if context else question
    return Solved(asked, answers, checker, str(row.get("worked") or "").strip(), context or None)


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
