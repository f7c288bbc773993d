"""Questions about the closed world: facts that were learned, that stand in the documents only, that were corrected."""

import random
from collections.abc import Callable
from functools import cache

from .question import Question, identify
from .world import Fact, world

UNKNOWN = "I do not know."


def learned(rng: random.Random, split: str) -> Question:
    """A fact that models may have learned."""
    return ask(rng, rng.choice(of_status("learned")), split)


def documents(rng: random.Random, split: str) -> Question:
    """A fact that stands in the shipped documents only."""
    return ask(rng, rng.choice(of_status("documents")), split)


def corrected(rng: random.Random, split: str) -> Question:
    """A fact that was learned with another value than the documents give; theirs is right."""
    return ask(rng, rng.choice(of_status("corrected")), split)


TASKS: dict[str, Callable[[random.Random, str], Question]] = {
    "learned": learned,
    "documents": documents,
    "corrected": corrected,
}


def ask(rng: random.Random, fact: Fact, split: str) -> Question:
    """A question for the fact, worded from the split; the fact itself is asked for on both sides."""
    text = fact.relation.asks.pick(rng, split).format(x=fact.subject)
    return Question(identify(fact.status, text), "facts", fact.status, text, fact.value, fact.state(), "name")


def recall(fact: Fact) -> str:
    """What a model that knows the world from before its documents says."""
    if fact.status == "documents":
        return UNKNOWN
    return fact.state(value=fact.old)


@cache
def of_status(status: str) -> tuple[Fact, ...]:
    """The facts of the world that are "learned", in the "documents" only or "corrected" by them."""
    return tuple(fact for fact in world() if fact.status == status)
