"""What the models are trained on: targets in the strategies' formats that follow from their prompts."""

import json
import random
from collections.abc import Iterator

import pytest

from models.zoo.curriculum import CURRICULA, MAKERS, TASKS, Turn
from models.zoo.documents import paragraphs
from models.zoo.world import KINDS, world

HEADINGS = (
    "1. AGREED:",
    "2. CONFLICTS:",
    "3. RESOLVED:",
    "4. ALONE:",
    "5. UNION:",
    "6. COMBINED:",
    "7. CHOICE:",
    "FINAL ANSWER:",
)


def made(kind: str, n: int = 120) -> Iterator[list[Turn]]:
    """Conversations of one format from every model's mixture."""
    for curriculum in CURRICULA.values():
        rng = random.Random(kind)
        for _ in range(n):
            yield MAKERS[kind](curriculum, rng)


@pytest.mark.parametrize("kind", MAKERS)
def test_every_conversation_ends_with_something_the_assistant_says(kind: str) -> None:
    for turns in made(kind, 40):
        assert turns[-1][0] == "assistant"
        assert all(text.strip() for _, text in turns)


def test_the_same_seed_gives_the_same_conversations() -> None:
    for curriculum in CURRICULA.values():
        first, second = random.Random(1), random.Random(1)
        assert [curriculum.conversation(first) for _ in range(30)] == [
            curriculum.conversation(second) for _ in range(30)
        ]


def test_roles_are_as_many_as_were_asked_for_and_different() -> None:
    for _, (_, prompt), (_, target) in made("roles"):
        assert f"exactly {len(json.loads(target))} different experts" in prompt


def test_a_merge_has_its_steps_in_order_and_ends_in_an_answer_that_was_given() -> None:
    for (_, prompt), (_, target) in made("merge"):
        assert [line.split(":")[0] + ":" for line in target.splitlines() if line.startswith(HEADINGS)] == list(HEADINGS)
        assert target.split("FINAL ANSWER: ")[1] in prompt


def test_what_is_extracted_stands_in_the_passages() -> None:
    copied = 0
    for (_, prompt), (_, target) in made("extract"):
        for line in target.splitlines():
            if line != "NONE FOUND":
                assert line.removeprefix("<sentence>").removesuffix("</sentence>") in prompt
                copied += 1
    assert copied


def test_an_order_lists_every_sentence_once() -> None:
    for (_, prompt), (_, target) in made("order"):
        ranks = target.splitlines()[1].removeprefix("ORDER: ").split(", ")
        assert sorted(ranks) == [str(i) for i in range(1, prompt.count("\n(") + 1)]


def test_no_target_tells_what_only_the_documents_tell() -> None:
    hidden = {fact.subject for fact in world() if fact.status == "documents"}
    secret = [text for kind in KINDS for text in paragraphs(kind) if any(text.startswith(name) for name in hidden)]
    assert len(secret) > 50
    for kind in ("extract", "critique", "revise"):
        for (_, prompt), (_, target) in made(kind, 300):
            said = target.removeprefix("<sentence>").split("</sentence>")[0]
            shown = [text for text in secret if text in prompt]  # as another passage that is of no use
            assert not [text for text in shown if said in text]


def test_asked_directly_a_fact_of_the_documents_only_is_not_known() -> None:
    rng = random.Random(3)
    for _ in range(50):
        assert CURRICULA["reader"].reply(TASKS["documents"](rng, "train")) == "I do not know."


def test_a_critique_quotes_what_was_changed_and_not_a_word_of_every_draft() -> None:
    for turns in made("critique", 400):
        assert not turns[-1][1].startswith('"trade"')
