"""Answers from a given passage: one hop, two, among look-alikes, and against what was learned of the world."""

import random
from collections.abc import Callable
from functools import cache

from .facts import of_status
from .question import LAYOUTS, Question, Wordings, draw, held_out, identify
from .world import CITIES, COMPANIES, COMPANY, FIRST, KINDS, LAST, PERSON, VALUES, Fact, Relation

KIN = ("sister", "brother", "cousin", "friend", "boss", "neighbor")
HOPS = {
    "home": Wordings(
        (
            "Where does the {k} of {x} live?",
            "What city does the {k} of {x} live in?",
            "In which city does the {k} of {x} live?",
            "Which city is the home of the {k} of {x}?",
        ),
        ("Which city does the {k} of {x} live in?", "In what city does the {k} of {x} live?"),
    ),
    "job": Wordings(
        (
            "What is the trade of the {k} of {x}?",
            "What is the {k} of {x} by trade?",
            "Which trade does the {k} of {x} have?",
            "Name the trade of the {k} of {x}.",
        ),
        ("What trade does the {k} of {x} have?", "Which is the trade of the {k} of {x}?"),
    ),
    "instrument": Wordings(
        (
            "Which instrument does the {k} of {x} play?",
            "What does the {k} of {x} play?",
            "Name the instrument of the {k} of {x}.",
            "What is the instrument of the {k} of {x}?",
        ),
        ("What instrument does the {k} of {x} play?", "Which is the instrument of the {k} of {x}?"),
    ),
    "birthplace": Wordings(
        (
            "Where was the {k} of {x} born?",
            "In which city was the {k} of {x} born?",
            "Which city was the {k} of {x} born in?",
            "What is the birthplace of the {k} of {x}?",
        ),
        ("What city was the {k} of {x} born in?", "Which city is the birthplace of the {k} of {x}?"),
    ),
    "employer": Wordings(
        (
            "Which company does the {k} of {x} work for?",
            "Who is the employer of the {k} of {x}?",
            "For which company does the {k} of {x} work?",
            "Name the company that the {k} of {x} works for.",
        ),
        ("Which company is the employer of the {k} of {x}?", "Name the employer of the {k} of {x}."),
    ),
    "seat": Wordings(
        (
            "In which city is the company that {x} works for?",
            "Where is the employer of {x}?",
            "In which city is the employer of {x}?",
            "Which city is the company of {x} in?",
        ),
        ("Which city is the employer of {x} in?", "Where is the company that {x} works for?"),
    ),
}
SAYS = Wordings(
    (
        "According to the passage: {q}",
        "By the passage: {q}",
        "The passage says it. {q}",
        "What does the passage say? {q}",
        "Use only the passage. {q}",
        "Trust the passage. {q}",
    ),
    ("Trust only the passage. {q}", "According to the passage only: {q}"),
)


def one_hop(rng: random.Random, split: str) -> Question:
    """One sentence of the passage holds the answer; the others are about other people or other things."""
    people = rng.sample(_people(split), rng.randint(2, 4))
    rows = [
        (who, relation, rng.choice(VALUES[relation.name]))
        for who in people
        for relation in rng.sample(PERSON, rng.randint(1, 2))
    ]
    return _look_up(rng, split, "one_hop", rng.choice(rows), rows, 1)


def distractors(rng: random.Random, split: str) -> Question:
    """Six to nine sentences about people like the one who is asked about; some share the first or the last name."""
    asked = rng.choice(_people(split))
    near = rng.sample(_alike(asked, split), rng.randint(2, 3))
    far = rng.sample([name for name in rng.sample(_people(split), 9) if name not in (asked, *near)], rng.randint(1, 3))
    people = [asked, *near, *far]
    relation = rng.choice(PERSON)
    values = rng.sample(VALUES[relation.name], len(people))
    rows = [(who, relation, value) for who, value in zip(people, values, strict=True)]
    more = [(who, other) for who in people for other in PERSON if other is not relation]
    wanted = rng.randint(max(6, len(rows)), 9) - len(rows)
    rows += [(who, other, rng.choice(VALUES[other.name])) for who, other in rng.sample(more, wanted)]
    return _look_up(rng, split, "distractors", rows[0], rows, 2)


def two_hop(rng: random.Random, split: str) -> Question:
    """One sentence leads to another person or company, and only a second one holds the answer."""
    people = rng.sample(_people(split), rng.randint(3, 4))
    a, b = people[0], people[1]
    if rng.random() < 0.3:
        relation = COMPANY[0]
        firms = rng.sample(COMPANIES, 2)
        cities = rng.sample(CITIES, 2)
        link = f"{a} works for {firms[0]}."
        sentences = [link, f"{people[2]} works for {firms[1]}."]
        sentences += [relation.states[0].format(x=f, y=c) for f, c in zip(firms, cities, strict=True)]
        value, last = cities[0], relation.states[0].format(x=firms[0], y=cities[0])
        text = HOPS["seat"].pick(rng, split).format(x=a)
    else:
        relation = rng.choice(PERSON)
        kin = rng.choice(KIN)
        values = rng.sample(VALUES[relation.name], len(people))
        link = f"The {kin} of {a} is {b}."
        value = values[1]
        sentences = [link, *(relation.states[0].format(x=p, y=v) for p, v in zip(people, values, strict=True))]
        last = relation.states[0].format(x=b, y=value)
        text = HOPS[relation.name].pick(rng, split).format(x=a, k=kin)
    rng.shuffle(sentences)
    return _question(rng, "two_hop", text, value, last, f"{link} {last} Answer: {value}", sentences, 2)


def contradicted(rng: random.Random, split: str) -> Question:
    """The passage gives another value than the world that was learned; the passage is right."""

    def make() -> tuple[object, ...]:
        fact = rng.choice(of_status("learned"))
        picked.append((fact, rng.choice([v for v in _values(fact.relation) if v not in (fact.value, fact.subject)])))
        return (fact.subject, fact.relation.name, picked[-1][1])

    picked: list[tuple[Fact, str]] = []
    draw(rng, split, make)
    fact, value = picked[-1]
    relation = fact.relation
    others = rng.sample([f for f in of_status("learned") if f.relation is relation and f is not fact], 2)
    rows = [(fact.subject, relation, value)]
    rows += [(other.subject, relation, rng.choice(_values(relation))) for other in others]
    rest = [one for one in KINDS[fact.kind] if one is not relation]
    rows += [(fact.subject, one, rng.choice(_values(one))) for one in rng.sample(rest, rng.randint(0, 2))]
    sentences = [_say(rng, *row) for row in rows]
    rng.shuffle(sentences)
    text = _by_passage(relation).pick(rng, split).format(x=fact.subject)
    return _question(rng, "contradicted", text, value, fact.state(value=value), None, sentences, 2)


TASKS: dict[str, Callable[[random.Random, str], Question]] = {
    "one_hop": one_hop,
    "two_hop": two_hop,
    "distractors": distractors,
    "contradicted": contradicted,
}


def _look_up(
    rng: random.Random,
    split: str,
    task: str,
    row: tuple[str, Relation, str],
    rows: list[tuple[str, Relation, str]],
    difficulty: int,
) -> Question:
    who, relation, value = row
    sentences = [_say(rng, *one) for one in rows]
    rng.shuffle(sentences)
    text = relation.asks.pick(rng, split).format(x=who)
    return _question(rng, task, text, value, relation.states[0].format(x=who, y=value), None, sentences, difficulty)


def _question(
    rng: random.Random,
    task: str,
    text: str,
    value: str,
    reply: str,
    worked: str | None,
    sentences: list[str],
    difficulty: int,
) -> Question:
    context, layout = " ".join(sentences), rng.randrange(len(LAYOUTS))
    name = identify(task, context + text)
    return Question(name, "reading", task, text, value, reply, "name", worked, context, layout, difficulty)


@cache
def _people(split: str) -> tuple[str, ...]:
    """Every name of a split: who is asked about in testing is asked about in no training by these three tasks."""
    names = [(first, last) for first in FIRST for last in LAST]
    return tuple(" ".join(name) for name in names if held_out(*name) == (split == "test"))


@cache
def _alike(asked: str, split: str) -> tuple[str, ...]:
    """The other names of the split that have the first or the last name in common with who is asked about."""
    first, last = asked.split()
    names = [
        *((first, other) for other in LAST if other != last),
        *((other, last) for other in FIRST if other != first),
    ]
    return tuple(" ".join(name) for name in names if held_out(*name) == (split == "test"))


@cache
def _everybody() -> tuple[str, ...]:
    return tuple(f"{first} {last}" for first in FIRST for last in LAST)


def _values(relation: Relation) -> tuple[str, ...]:
    """What may stand in a passage for the relation: people's names where the world has no list of its own."""
    return VALUES[relation.name] or _everybody()


@cache
def _by_passage(relation: Relation) -> Wordings:
    """The relation's own wordings, each after a call to go by the passage."""

    def joined(says: tuple[str, ...], asks: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(say.replace("{q}", ask) for say in says for ask in asks)

    return Wordings(joined(SAYS.train, relation.asks.train), joined(SAYS.test, relation.asks.test))


def _say(rng: random.Random, who: str, relation: Relation, value: str) -> str:
    return rng.choice(relation.states).format(x=who, y=value)
