"""Questions about the closed world: facts that were learned, that stand in the documents only, that were corrected."""

import random
from functools import cache

from .question import Question, identify, word
from .world import Fact, world

UNKNOWN = "I do not know."


def learned(rng: random.Random, split: str) -> Question:
    """A fact that models may have learned."""
    return ask(rng, rng.choice(_facts("learned")), split)


def documents(rng: random.Random, split: str) -> Question:
    """A fact that stands in the shipped documents only."""
    return ask(rng, rng.choice(_facts("documents")), split)


def corrected(rng: random.Random, split: str) -> Question:
    """A fact that was learned with another value than the documents give; theirs is right."""
    return ask(rng, rng.choice(_facts("corrected")), split)


TASKS = {"learned": learned, "documents": documents, "corrected": corrected}


def ask(rng: random.Random, fact: Fact, split: str) -> Question:
    """A question for the fact, worded from the split."""
    text = word(rng, fact.relation.asks, split, fact.status).format(x=fact.subject)
    return Question(identify(fact.status, text), "facts", fact.status, text, fact.value, fact.state(), "name")


def recall(fact: Fact) -> str:
    """What a model that knows the world from before its documents says."""
    if fact.status == "documents":
        return UNKNOWN
    return fact.state(value=fact.old)


@cache
def _facts(status: str) -> tuple[Fact, ...]:
    return tuple(fact for fact in world() if fact.status == status)
