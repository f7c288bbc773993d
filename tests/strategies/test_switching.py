"""Task switches: planted ones are found, follow-ups keep their history, and what is in doubt stays."""

from collections.abc import AsyncIterator

import pytest

from models.embedding import Embedder, open_embedder
from models.types import Message
from strategies.core.switching import Switch, compared, refers, switch, trimmed
from tests.strategies.planted_turns import (
    FOLLOW_UPS,
    FRESH_FOLLOW_UPS,
    FRESH_SWITCHES,
    PARIS,
    SWITCHES,
    conversation,
)

PRIMES = "Write a Python function that checks whether a number is prime."


@pytest.fixture
async def embedder() -> AsyncIterator[Embedder]:
    """The packaged one."""
    found = open_embedder(None)
    yield found
    await found.close()


async def looked_at(embedder: Embedder, messages: tuple[Message, ...]) -> Switch | None:
    """What the last turn is taken for; None where its history stays without a look at embeddings."""
    before = compared(messages)
    if not before:
        return None
    rows = await embedder.embed([messages[-1].text, *before])
    return switch(rows[0], rows[1:])


async def test_no_follow_up_loses_its_history(embedder: Embedder) -> None:
    planted = [*FOLLOW_UPS, *FRESH_FOLLOW_UPS]
    assert len(planted) >= 80
    found = {last: await looked_at(embedder, conversation(before, last)) for before, last in planted}
    assert [last for last, seen in found.items() if seen is not None and seen.switched] == []


@pytest.mark.parametrize("planted", [SWITCHES, FRESH_SWITCHES], ids=["seen while tuning", "fresh"])
async def test_most_planted_switches_are_found(embedder: Embedder, planted: list[tuple[tuple[str, str], str]]) -> None:
    seen = [await looked_at(embedder, conversation(before, last)) for before, last in planted]
    assert sum(one is not None and one.switched for one in seen) >= 0.7 * len(planted)


async def test_both_cosines_count(embedder: Embedder) -> None:
    first, other = Message("user", "Which fish live in the Baltic Sea?"), Message("assistant", "Herring, cod, plaice.")
    middle = (Message("user", PRIMES), Message("assistant", "def is_prime(n): ..."))
    last = Message("user", "Where do salmon go to lay eggs?")
    seen = await looked_at(embedder, (first, other, *middle, last))
    assert seen is not None
    assert seen.last < 0.15 < seen.mean
    assert not seen.switched


def test_what_is_left_is_the_system_and_the_question() -> None:
    messages = conversation(PARIS, PRIMES)
    assert [message.text for message in trimmed(messages)] == ["Be brief.", PRIMES]


@pytest.mark.parametrize(
    "earlier",
    [
        "From now on answer in French.",
        "Always write at most ten words.",
        "You are a pirate. Stay in that role.",
        "Call me Ishmael.",
    ],
)
def test_standing_instructions_keep_the_history(earlier: str) -> None:
    assert compared(conversation((earlier, "Understood."), PRIMES)) == []
    assert compared(conversation(("Name a fish.", "Herring."), PRIMES)) == ["Name a fish."]


def test_what_the_user_said_of_herself_is_kept() -> None:
    before = ("I'm a vegetarian and live in Oslo.", "Good to know.")
    assert compared(conversation(before, "What should I cook for a dinner with twelve guests?")) == []


def test_images_and_tool_calls_keep_the_history() -> None:
    picture = Message("user", ({"type": "image_url", "image_url": {"url": "data:,"}},))
    asked = Message("user", PRIMES)
    called = Message("assistant", "", tool_calls=({"id": "1"},))
    assert compared((picture, Message("assistant", "A cat."), asked)) == []
    assert compared((Message("user", "Name a fish."), called, Message("tool", "cod", tool_call_id="1"), asked)) == []
    assert compared((asked,)) == []


def test_a_question_back_makes_the_next_turn_an_answer() -> None:
    last = "There will be seven adults and two children."
    assert refers(conversation(("Book a table.", "For how many people?"), last))
    assert not refers(conversation(("Book a table.", "It is booked."), last))


@pytest.mark.parametrize(
    "text",
    [
        "Wie heißt die größte Stadt der Welt und wo liegt sie?",
        "日本の首都はどこですか",
        "Объясни the принцип работы of двигателя внутреннего сгорания",
    ],
)
def test_languages_whose_references_are_not_known_keep_the_history(text: str) -> None:
    assert compared(conversation(("Name a fish.", "Herring."), text)) == []


def test_only_the_last_three_questions_are_compared() -> None:
    turns = [Message(role, f"{role} {i} said a word") for i in range(6) for role in ("user", "assistant")]
    messages = (*turns, Message("user", PRIMES))
    assert compared(messages) == [f"user {i} said a word" for i in (3, 4, 5)]
