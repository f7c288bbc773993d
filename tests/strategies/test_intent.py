"""What a turn really asks: positions and pronouns are resolved from the conversation, in code or by a model."""

import time

import pytest

from models.scripted import Scripted
from models.types import Message
from strategies.core.intent import items, points_back, resolve, rewritten

LISTED = "1. Binoculars and scopes\n2. Trapping the plover\n3. Boots"


def talk(*texts: str) -> tuple[Message, ...]:
    """Turns of the user and the assistant by turns; the user begins."""
    return tuple(Message("user" if i % 2 == 0 else "assistant", text) for i, text in enumerate(texts))


@pytest.mark.parametrize(
    "turn",
    [
        "Give more detail on section 2.",
        "Expand point two, please.",
        "Now the second one.",
        "Tell me more about the second part.",
        "And #2?",
        "What about item (2)?",
        "Write step 2 out in full.",
        "Elaborate on the second.",
        "Go deeper into number 2 and number 3.",
    ],
)
def test_a_position_becomes_what_stands_there(turn: str) -> None:
    resolved = resolve(talk("List chapters for a bird book.", LISTED, turn))
    assert resolved.startswith(turn)
    assert "Trapping the plover" in resolved
    assert "Binoculars" not in resolved


@pytest.mark.parametrize(
    "listed",
    [
        LISTED,
        "The parts are 1) binoculars; 2) trapping the plover; 3) boots.",
        "# Binoculars\nText.\n# Trapping the plover\nText.\n# Boots",
        "- binoculars\n- trapping the plover\n- boots",
        "Section 1: binoculars\nSection 2: trapping the plover\nSection 3: boots",
        "a) binoculars\nb) trapping the plover\nc) boots",
        "**1.** binoculars\n**2.** trapping the plover\n**3.** boots",
    ],
)
def test_lists_are_read_in_many_forms(listed: str) -> None:
    assert "rapping the plover" in items(listed)[2]
    assert "rapping the plover" in resolve(talk("List chapters.", listed, "More on section 2."))


def test_the_list_may_be_the_users_own() -> None:
    assert "plover" in resolve(talk(f"Write an essay with these parts:\n{LISTED}", "Done.", "Expand on section 2."))


def test_the_last_one_and_the_latest_list_count() -> None:
    first, later = "1. Herons\n2. Storks", "1. Oaks\n2. Elms\n3. Pines"
    resolved = resolve(talk("Birds?", first, "Trees?", later, "More on the last one and on point 1."))
    assert "Pines" in resolved
    assert "Oaks" in resolved
    assert "Herons" not in resolved


def test_a_pronoun_stands_for_what_was_asked_before_through_several_turns() -> None:
    resolved = resolve(
        talk("List chapters.", LISTED, "Expand on section 2.", "It is long.", "Go on with that.", "So.", "More.")
    )
    assert "Trapping the plover" in resolved


def test_a_turn_that_refers_to_nothing_stays_as_it_is() -> None:
    assert resolve(talk("List chapters.", LISTED, "What is the capital of France?")) == "What is the capital of France?"
    assert resolve(talk("Explain section 2 of that.")) == "Explain section 2 of that."
    assert not points_back("What is the capital of France?")
    assert points_back("Explain section 2 in more words than four.")


async def test_a_model_may_write_the_turn_out() -> None:
    model = Scripted("small", "How are plovers trapped?")
    found = await rewritten(model, talk("Tell me of {plovers}.", "They run.", "How are those birds caught?"))
    assert found == "How are plovers trapped?"
    prompt = model.requests[0].messages[-1].text
    assert "user: Tell me of {plovers}.\nassistant: They run." in prompt
    assert "How are those birds caught?" in prompt
    assert await rewritten(Scripted("small", "  "), talk("So?")) is None


def test_a_long_conversation_is_resolved_in_milliseconds() -> None:
    listed = "\n".join(f"{i % 30 + 1}. Entry {i} of section 2, and so on; step 3 is like it." for i in range(400))[
        :7000
    ]
    turns = talk(*[listed] * 119)
    resolve(turns)
    best = min(_seconds(turns) for _ in range(3))
    assert best < 0.05


@pytest.mark.parametrize("text", ["1. a" + " " * 20_000, "the second " * 600, "1. " * 2300, " " * 7000])
def test_no_text_takes_long_to_read(text: str) -> None:
    begun = time.perf_counter()
    resolve(talk(text, text, f"{text}\nMore on section 7."))
    assert time.perf_counter() - begun < 0.25


def test_what_was_said_more_than_ten_turns_ago_is_not_referred_to() -> None:
    between = ["How are you?", "Fine."] * 8
    assert "plover" in resolve(talk("List chapters.", LISTED, *between, "Now expand on section 2 there."))
    assert "plover" not in resolve(talk("List chapters.", LISTED, *between, *between, "Now expand on section 2 there."))


def _seconds(turns: tuple[Message, ...]) -> float:
    begun = time.perf_counter()
    resolve(turns)
    return time.perf_counter() - begun
