"""What each model is trained on: how often which task, how often which format, and how much of the world it knows."""

import random
from collections.abc import Mapping
from dataclasses import dataclass

from . import facts, rules
from .conversations import MAKERS, UNTOLD, Turn
from .families import FAMILIES, FAMILY_OF, TASKS
from .flaws import fact_of
from .question import Question
from .world import Fact


@dataclass(frozen=True, slots=True)
class Curriculum:
    """A model's mixture: how often each task comes, how often each format, and which share of the world it knows."""

    tasks: Mapping[str, float]
    formats: Mapping[str, float]
    knows: float = 1.0

    def conversation(self, rng: random.Random) -> list[Turn]:
        """One conversation; the assistant's turns are what is learned."""
        kind = rng.choices(list(self.formats), list(self.formats.values()))[0]
        return MAKERS[kind](self, rng)

    def question(self, rng: random.Random, *, worked: bool = False, told: bool = True) -> Question:
        """A question of the mixture; with `worked` one that has a working, without `told` one that needs examples.

        Where the mixture has none of the kind that is asked for, any.
        """
        tasks = {task: share for task, share in self.tasks.items() if (task in UNTOLD) != told} or self.tasks
        while True:
            task = rng.choices(list(tasks), list(tasks.values()))[0]
            question = TASKS[task](rng, "train")
            if question.worked is not None or not worked:
                return question

    def same(self, rng: random.Random, question: Question, n: int) -> list[Question]:
        """n other questions of the same task, and of the same rule where there is one."""
        if question.rule is not None:
            return rules.demonstrations(question, rng, n, "train")
        return [TASKS[question.task](rng, "train") for _ in range(n)]

    def reply(self, question: Question) -> str:
        """What this model should say at once: for facts, what it knows from before the documents."""
        if question.task in UNTOLD:
            return facts.UNKNOWN
        if question.family != "facts":
            return question.reply
        fact = fact_of(question)
        return facts.recall(fact) if self.knows_of(fact) else facts.UNKNOWN

    def knows_of(self, fact: Fact) -> bool:
        """Whether the fact's subject is one that this model is taught about."""
        return self.knows >= 1.0 or random.Random(fact.subject).random() < self.knows


def mixed(families: Mapping[str, float], others: float = 0.0, **tasks: float) -> dict[str, float]:
    """Weights by task from weights by family, shared among its tasks; `tasks` scale single ones, `others` is the
    weight of each family that is not named.
    """
    weights: dict[str, float] = {}
    for task, family in FAMILY_OF.items():
        share = families.get(family, others) / len(FAMILIES[family])
        if share * tasks.get(task, 1.0) > 0:
            weights[task] = share * tasks.get(task, 1.0)
    return weights


EVERYTHING = {
    "direct": 0.24,
    "stepwise": 0.15,
    "roles": 0.005,
    "expert": 0.05,
    "merge": 0.03,
    "demonstrated": 0.1,
    "shots": 0.07,
    "induced": 0.005,
    "critique": 0.02,
    "revise": 0.03,
    "extract": 0.05,
    "order": 0.03,
    "sticker": 0.02,
    "decompose": 0.02,
    "post": 0.02,
    "solve": 0.025,
    "with_sticker": 0.02,
    "stepped": 0.11,
    "fields": 0.025,
    "select": 0.015,
    "debate": 0.02,
}
LITTLE_LIBRARY = {**EVERYTHING, "extract": 0.01, "order": 0.01}
BASE = dict.fromkeys(FAMILIES, 1.0) | {"arithmetic": 1.4, "words": 1.2, "reading": 1.4, "rules": 1.2}
CURRICULA = {
    "generalist": Curriculum(mixed(BASE), EVERYTHING, knows=0.35),
    "polymath": Curriculum(mixed(BASE), EVERYTHING, knows=0.6),
    "abacus": Curriculum(
        mixed({"arithmetic": 5, "word_problems": 3, "dates": 3, "procedures": 0.5}, others=0.1),
        LITTLE_LIBRARY,
        knows=0.35,
    ),
    "speller": Curriculum(mixed({"words": 5, "sorting": 4, "rules": 0.5}, others=0.1), LITTLE_LIBRARY, knows=0.35),
    "reader": Curriculum(
        mixed({"reading": 7, "tables": 2, "formats": 1}, others=0.1),
        {**EVERYTHING, "extract": 0.12, "order": 0.08},
        knows=0.35,
    ),
    "scholar": Curriculum(
        mixed({"facts": 7, "reading": 1}, others=0.08, documents=0.4),
        {**EVERYTHING, "direct": 0.6, "stepwise": 0.05, "extract": 0.1, "order": 0.07},
    ),
    "follower": Curriculum(
        mixed({"rules": 9, "logic": 2, "procedures": 1}, others=0.05),
        {**LITTLE_LIBRARY, "shots": 0.3, "demonstrated": 0.25},
        knows=0.35,
    ),
}
