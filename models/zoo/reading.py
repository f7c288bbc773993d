"""Answers from a given passage, one hop and two; people, places and values are drawn afresh for each passage."""

import random

from .question import LAYOUTS, Question, draw, identify, word
from .world import CITIES, COMPANIES, COMPANY, FIRST, LAST, PERSON, VALUES, Relation

KIN = ("sister", "brother", "cousin", "friend", "boss", "neighbor")
HOP_ASKS = {
    "home": (
        "Where does the {k} of {x} live?",
        "In which city does the {k} of {x} live?",
        "What city does the {k} of {x} live in?",
    ),
    "job": (
        "What is the trade of the {k} of {x}?",
        "What is the {k} of {x} by trade?",
        "Which trade does the {k} of {x} have?",
    ),
    "instrument": (
        "Which instrument does the {k} of {x} play?",
        "What does the {k} of {x} play?",
        "Name the instrument of the {k} of {x}.",
    ),
    "birthplace": (
        "Where was the {k} of {x} born?",
        "In which city was the {k} of {x} born?",
        "Which city was the {k} of {x} born in?",
    ),
    "seat": (
        "In which city is the company that {x} works for?",
        "Where is the employer of {x}?",
        "In which city does {x} work?",
    ),
}


def one_hop(rng: random.Random, split: str) -> Question:
    """One sentence of the passage holds the answer; the others are about other people or other things."""
    people = _people(rng, split, rng.randint(2, 4))
    rows = [
        (who, relation, _value(rng, relation)) for who in people for relation in rng.sample(PERSON, rng.randint(1, 2))
    ]
    who, relation, value = rng.choice(rows)
    sentences = [_say(rng, *row) for row in rows]
    rng.shuffle(sentences)
    text = word(rng, relation.asks, split, "one_hop").format(x=who)
    reply = relation.states[0].format(x=who, y=value)
    return _question(rng, "one_hop", text, value, reply, None, sentences)


def two_hop(rng: random.Random, split: str) -> Question:
    """One sentence leads to another person or company, and only a second one holds the answer."""
    people = _people(rng, split, rng.randint(3, 4))
    a, b = people[0], people[1]
    if rng.random() < 0.3:
        relation = COMPANY[0]
        firms = rng.sample(COMPANIES, 2)
        cities = rng.sample(CITIES, 2)
        link = f"{a} works for {firms[0]}."
        sentences = [link, f"{people[2]} works for {firms[1]}."]
        sentences += [relation.states[0].format(x=f, y=c) for f, c in zip(firms, cities, strict=True)]
        value, last = cities[0], relation.states[0].format(x=firms[0], y=cities[0])
        text = word(rng, HOP_ASKS["seat"], split, "two_hop").format(x=a)
    else:
        relation = rng.choice([r for r in PERSON if r.name in HOP_ASKS])
        kin = rng.choice(KIN)
        values = rng.sample(VALUES[relation.name], len(people))
        link = f"The {kin} of {a} is {b}."
        value = values[1]
        sentences = [link, *(relation.states[0].format(x=p, y=v) for p, v in zip(people, values, strict=True))]
        last = relation.states[0].format(x=b, y=value)
        text = word(rng, HOP_ASKS[relation.name], split, "two_hop").format(x=a, k=kin)
    rng.shuffle(sentences)
    return _question(rng, "two_hop", text, value, last, f"{link} {last} Answer: {value}", sentences)


TASKS = {"one_hop": one_hop, "two_hop": two_hop}


def _people(rng: random.Random, split: str, n: int) -> list[str]:
    people: list[str] = []
    while len(people) < n:
        first, last = draw(rng, split, lambda: (rng.choice(FIRST), rng.choice(LAST)))
        if f"{first} {last}" not in people:
            people.append(f"{first} {last}")
    return people


def _value(rng: random.Random, relation: Relation) -> str:
    return rng.choice(VALUES[relation.name])


def _say(rng: random.Random, who: str, relation: Relation, value: str) -> str:
    return rng.choice(relation.states).format(x=who, y=value)


def _question(
    rng: random.Random, task: str, text: str, value: str, reply: str, worked: str | None, sentences: list[str]
) -> Question:
    context, layout = " ".join(sentences), rng.randrange(len(LAYOUTS))
    name = identify(task, context + text)
    hops = 1 if worked is None else 2
    return Question(name, "reading", task, text, value, reply, "name", worked, context, layout, hops)
