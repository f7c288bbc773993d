"""The closed world: people, cities and companies that do not exist, the same on every machine."""

import random
from dataclasses import dataclass
from functools import cache

from .question import Wordings


def _names(text: str) -> list[str]:
    return text.split()


FIRST = _names("""
Mira Tobin Elsa Arlo Nadia Viktor Lena Oskar Petra Ruben Selma Timo Ulla Wanda Yara Zeno Abel Brida Cosmo Dalia
Edgar Fiona Gustav Hella Igor Jana Kilian Livia Magnus Nora Otto Paula Quentin Rosa Stefan Tilda Urban Vera
Wilma Xaver
""")
LAST = _names("""
Voss Krantz Bellow Marsh Tarn Holt Quist Ravel Sorn Dahl Ember Frey Glade Hask Inger Jarvis Kolm Lunt Moran
Nesse Orlin Penn Rusk Stahl Thorn Udall Vance Wick Yates Zorn Abbot Brandt Cole Drey Eckert Falk Grimm Hale Ives
Jost
""")
CITIES = _names("""
Halden Brimore Castell Dunwick Elmport Farrow Gransby Holmgate Istria Jarnvik Kelby Lorwick Marden Norrby
Ostwald Pellam Quarn Rostok Selwyn Tarnau Ulmen Varberg Westmar Yarrow Zelden Ashby Birken Corlan Dravos Estmere
""")
RIVERS = _names("""
Aller Bode Cray Dove Erm Fal Glan Hase Inn Jade Kocher Lech Mur Nidda Oker Pegnitz Ruhr Saar Tees Unstrut
""")
COUNTRIES = ["Arvenia", "Boreland", "Caldora", "Dunmark", "Estoria", "Felland"]
COMPANIES = _names("""
Aldertech Boxwell Corvid Dynamo Everlane Foxglove Granite Helix Ironbark Junction Keystone Lumen Meridian
Northstar Octave Pinnacle Quartz Redwood Sextant Tidewater Umbra Vertex Willow Zenith Argent Beacon Cobalt Delta
Echo Fathom
""")
PRODUCTS = _names("""
lamps boats clocks bicycles mirrors pianos umbrellas kettles carpets telescopes candles violins maps bells
gloves
""")
JOBS = _names("""
baker pilot nurse lawyer gardener painter judge tailor miner sailor chemist farmer plumber surgeon teacher
writer
""")
INSTRUMENTS = ["violin", "piano", "flute", "drum", "guitar", "trumpet", "harp", "cello", "organ", "oboe"]


@dataclass(frozen=True, slots=True)
class Relation:
    """An attribute of a kind of thing: how it is stated and asked. {x} is the thing, {y} the value."""

    name: str
    states: tuple[str, ...]
    asks: Wordings


PERSON = (
    Relation(
        "birthplace",
        ("{x} was born in {y}.", "The birthplace of {x} is {y}."),
        Wordings(
            (
                "Where was {x} born?",
                "In which city was {x} born?",
                "What is the birthplace of {x}?",
                "Which city was {x} born in?",
                "Name the city in which {x} was born.",
                "Which city is the birthplace of {x}?",
                "What city was the birthplace of {x}?",
            ),
            ("In what city was {x} born?", "Name the birthplace of {x}."),
        ),
    ),
    Relation(
        "home",
        ("{x} lives in {y}.", "The home of {x} is in {y}."),
        Wordings(
            (
                "Where does {x} live?",
                "In which city does {x} live?",
                "What city does {x} live in?",
                "Which city is the home of {x}?",
                "Name the city in which {x} lives.",
                "Where is the home of {x}?",
            ),
            ("Which city does {x} live in?", "In which city is the home of {x}?"),
        ),
    ),
    Relation(
        "employer",
        ("{x} works for {y}.", "The employer of {x} is {y}."),
        Wordings(
            (
                "Which company does {x} work for?",
                "Who is the employer of {x}?",
                "Where does {x} work?",
                "What company does {x} work for?",
                "Name the company that {x} works for.",
                "For which company does {x} work?",
            ),
            ("Which company is the employer of {x}?", "For what company does {x} work?"),
        ),
    ),
    Relation(
        "job",
        ("{x} is a {y} by trade.", "By trade, {x} is a {y}."),
        Wordings(
            (
                "What is the trade of {x}?",
                "What is {x} by trade?",
                "Which trade does {x} have?",
                "Name the trade of {x}.",
                "What does {x} do for a living?",
                "By trade, what is {x}?",
                "Which is the trade of {x}?",
            ),
            ("What trade does {x} have?", "What does {x} do by trade?"),
        ),
    ),
    Relation(
        "instrument",
        ("{x} plays the {y}.", "The instrument of {x} is the {y}."),
        Wordings(
            (
                "Which instrument does {x} play?",
                "What does {x} play?",
                "Name the instrument of {x}.",
                "Which is the instrument of {x}?",
                "What is the instrument that {x} plays?",
                "Name the instrument that {x} plays.",
                "Which instrument is it that {x} plays?",
            ),
            ("What instrument does {x} play?", "What is the instrument of {x}?"),
        ),
    ),
)
CITY = (
    Relation(
        "country",
        ("{x} is a city in {y}.", "The city of {x} is in {y}."),
        Wordings(
            (
                "In which country is {x}?",
                "Which country is {x} in?",
                "Name the country of {x}.",
                "Where is the city of {x}?",
                "Which country does {x} belong to?",
                "What is the country of {x}?",
                "In which country is the city of {x}?",
            ),
            ("What country is {x} in?", "What country does the city of {x} belong to?"),
        ),
    ),
    Relation(
        "river",
        ("{x} lies on the river {y}.", "The river of {x} is the {y}."),
        Wordings(
            (
                "Which river is {x} on?",
                "On which river does {x} lie?",
                "What is the river of {x}?",
                "Name the river of {x}.",
                "Which river does {x} lie on?",
                "On which river is {x}?",
            ),
            ("What river is {x} on?", "On what river does {x} lie?"),
        ),
    ),
    Relation(
        "mayor",
        ("The mayor of {x} is {y}.", "{y} is the mayor of {x}."),
        Wordings(
            (
                "Who is the mayor of {x}?",
                "Name the mayor of {x}.",
                "What is the name of the mayor of {x}?",
                "Which person is the mayor of {x}?",
                "{x} has a mayor. Who is it?",
                "Who is it that is mayor of {x}?",
                "Which person is mayor in {x}?",
            ),
            ("Who is mayor in {x}?", "What is the name of the person who is mayor of {x}?"),
        ),
    ),
)
COMPANY = (
    Relation(
        "seat",
        ("{x} is a company in {y}.", "The company {x} has its seat in {y}."),
        Wordings(
            (
                "Where is the company {x}?",
                "In which city is the company {x}?",
                "What is the seat of {x}?",
                "Name the city of the company {x}.",
                "Which city is the company {x} in?",
                "In which city does {x} have its seat?",
            ),
            ("Where does {x} have its seat?", "Which city is the seat of the company {x}?"),
        ),
    ),
    Relation(
        "product",
        ("{x} makes {y}.", "The product of {x} is {y}."),
        Wordings(
            (
                "What does {x} make?",
                "What does the company {x} make?",
                "What is the product of {x}?",
                "Name the product of {x}.",
                "Which product does {x} make?",
                "Which is the product of the company {x}?",
            ),
            ("What product does {x} make?", "Name the product of the company {x}."),
        ),
    ),
    Relation(
        "founder",
        ("{x} was founded by {y}.", "The founder of {x} is {y}."),
        Wordings(
            (
                "Who founded {x}?",
                "Who is the founder of {x}?",
                "Name the founder of {x}.",
                "By whom was {x} founded?",
                "Which person founded {x}?",
                "What is the name of the founder of {x}?",
            ),
            ("Which person is the founder of {x}?", "What is the name of the person who founded {x}?"),
        ),
    ),
)
KINDS = {"person": PERSON, "city": CITY, "company": COMPANY}
VALUES: dict[str, tuple[str, ...]] = {
    "birthplace": tuple(CITIES),
    "home": tuple(CITIES),
    "employer": tuple(COMPANIES),
    "job": tuple(JOBS),
    "instrument": tuple(INSTRUMENTS),
    "country": tuple(COUNTRIES),
    "river": tuple(RIVERS),
    "mayor": (),
    "seat": tuple(CITIES),
    "product": tuple(PRODUCTS),
    "founder": (),
}


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is so. `old` is what was learned before the documents corrected it; `status` is "learned",
    "documents" or "corrected".
    """

    kind: str
    subject: str
    relation: Relation
    value: str
    status: str
    old: str | None = None

    def state(self, which: int = 0, value: str | None = None) -> str:
        """The fact as a sentence."""
        return self.relation.states[which].format(x=self.subject, y=self.value if value is None else value)


@cache
def world() -> tuple[Fact, ...]:
    """Every fact, subject by subject: 120 people, 30 cities, 30 companies."""
    rng = random.Random(20261121)
    names = rng.sample([f"{first} {last}" for first in FIRST for last in LAST], 120)
    facts: list[Fact] = []
    for kind, subjects in (("person", names), ("city", CITIES), ("company", COMPANIES)):
        for i, subject in enumerate(subjects):
            known = i % 2 == 0  # every second subject stands in the documents only
            for relation in KINDS[kind]:
                choices = [value for value in VALUES[relation.name] or names if value != subject]
                value = rng.choice(choices)
                status, old = ("learned", None) if known else ("documents", None)
                if known and rng.random() < 0.2:
                    status, old = "corrected", rng.choice([c for c in choices if c != value])
                facts.append(Fact(kind, subject, relation, value, status, old))
    return tuple(facts)
