"""Passages to look things up in, with the sentences that help: for copying from a library and putting in order."""

import random
from dataclasses import dataclass

from . import facts
from .documents import paragraphs
from .question import Question, identify
from .world import CITIES, COMPANIES, FIRST, KINDS, LAST, VALUES, world


@dataclass(frozen=True, slots=True)
class Shelf:
    """A question, passages that were found for it, and those sentences of them that help (none, sometimes)."""

    question: Question
    passages: list[str]
    useful: list[str]


@dataclass(frozen=True, slots=True)
class Row:
    """One sentence of an invented paragraph: of whom it tells what."""

    question: Question
    sentence: str


def look_up(rng: random.Random, other: Question) -> Shelf:
    """A shelf for a fact of the world, for one that is invented, or for `other`, which nothing there answers."""
    kind = rng.random()
    if kind < 0.3:
        fact = rng.choice([one for one in world() if one.status != "documents"])  # those are never learned
        question = facts.ask(rng, fact, "train")
        own = next(p for p in paragraphs(fact.kind) if p.startswith(fact.subject) or f" {fact.subject} " in p)
        others = rng.sample([p for p in paragraphs(fact.kind) if p != own], rng.randint(1, 2))
        return _shelve(rng, question, own, others, fact.state())
    if kind < 0.8:
        return _invented(rng)
    return Shelf(other, [_paragraph(rng, rng.choice(list(KINDS)))[0] for _ in range(3)], [])


def sentences(text: str) -> list[str]:
    """The sentences of a paragraph."""
    return [s if s.endswith(".") else f"{s}." for s in text.split(". ")]


def _invented(rng: random.Random) -> Shelf:
    """A question about somebody, with values drawn afresh, so that copying does not become remembering."""
    kind = rng.choice(list(KINDS))
    own, rows = _paragraph(rng, kind)
    row = rng.choice(rows)
    others = [_paragraph(rng, kind)[0] for _ in range(rng.randint(1, 2))]
    return _shelve(rng, row.question, own, others, row.sentence)


def _shelve(rng: random.Random, question: Question, own: str, others: list[str], sentence: str) -> Shelf:
    missing = rng.random() < 0.12
    passages = [*others] if missing else [own, *others]
    rng.shuffle(passages)
    return Shelf(question, passages, [] if missing else [sentence])


def _paragraph(rng: random.Random, kind: str) -> tuple[str, list[Row]]:
    person = f"{rng.choice(FIRST)} {rng.choice(LAST)}"
    subject = {"person": person, "city": rng.choice(CITIES), "company": rng.choice(COMPANIES)}[kind]
    rows = []
    for relation in KINDS[kind]:
        value = (
            rng.choice(VALUES[relation.name]) if VALUES[relation.name] else f"{rng.choice(FIRST)} {rng.choice(LAST)}"
        )
        text = relation.asks.pick(rng, "train").format(x=subject)
        sentence = relation.states[0].format(x=subject, y=value)
        made = Question(identify("invented", text), "facts", "learned", text, value, sentence, "name")
        rows.append(Row(made, sentence))
    return " ".join(row.sentence for row in rows), rows
