"""A question about the closed world asks for a fact of the right status and is answered by today's value."""

import random
import re

import pytest

from models.zoo import check
from models.zoo.facts import TASKS, ask, of_status, recall
from models.zoo.question import WRAPPERS
from models.zoo.world import world


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("task", TASKS)
def test_a_question_is_about_one_fact_of_its_status_and_tells_its_value(task: str, split: str) -> None:
    rng = random.Random(3)
    by_reply = {fact.state(): fact for fact in world()}
    for _ in range(200):
        question = TASKS[task](rng, split)
        fact = by_reply[question.reply]
        assert (fact.status, fact.value) == (task, question.answer)
        assert re.search(rf"\b{fact.subject}\b", question.question)
        assert check(question, question.reply) == 1.0
        assert check(question, fact.value) == 1.0
        if task != "learned":
            assert check(question, recall(fact)) == 0.0


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_fact_is_asked_for_in_the_wordings_of_its_relation_and_of_the_split(split: str) -> None:
    rng = random.Random(4)
    for fact in of_status("learned"):
        asks = fact.relation.asks
        own = {"train": asks.train, "test": asks.test}[split]
        texts = {wrapper.replace("{q}", one).format(x=fact.subject) for wrapper in WRAPPERS for one in own}
        assert ask(rng, fact, split).question in texts


def test_every_fact_of_a_status_is_found_and_no_other() -> None:
    for status in TASKS:
        assert of_status(status) == tuple(fact for fact in world() if fact.status == status)
        assert of_status(status)
