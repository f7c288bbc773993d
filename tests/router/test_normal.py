"""Trivial rewordings come to the same text; what means something else stays apart."""

import time

import pytest

from models.types import Message
from router.normal import normal
from router.surface import surface
from tests.router.yard import Model, asking, made, yard

SAME = [
    "What is the capital of Norway?",
    "what is the capital of norway".upper(),
    "  What is   the capital\tof Norway ?!",
    "Hello! What is the capital of Norway?",
    "Please, what is the capital of Norway",
    "Could you please tell me what is the capital of Norway?",
    "Hi there, can you tell me what is the capital of Norway? Thanks!",
    "What is the capital of Norway, please?",
    "Ｗhat is the capital of Norway？",
    "What is the cap\u00adital of Norway\u200b?",
]


@pytest.mark.parametrize("text", SAME)
def test_rewordings_that_change_nothing_come_to_the_same_text(text: str) -> None:
    assert normal(text).lower() == "what is the capital of norway"
    assert normal(normal(text)) == normal(text)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("“Don’t” — say «no»", '"Don\'t" - say "no"'),
        ("def f(x):\r\n    return x", "def f(x):\n return x"),
        ("one\n\n\n \ntwo", "one\n\ntwo"),
        ("What is 5!", "What is 5!"),
        ("Is it 5!?", "Is it 5!"),
        ("NASA and the ESA", "NASA and the ESA"),
        ("A) X\nB) Y", "A) X\nB) Y"),
        ("WHAT IS THE CAPITAL OF NORWAY?", "what is the capital of norway"),
        ("Will you marry me?", "marry me"),
        ("Tell me a joke.", "Tell me a joke"),
        ("Highlight this, please", "Highlight this"),
        ("Hello world program", "Hello world program"),
    ],
)
def test_what_means_something_stays(text: str, plain: str) -> None:
    assert normal(text) == plain


@pytest.mark.parametrize("text", ["", "?!", "please", "Hello!", "   ", "Thanks", "？"])
def test_a_text_of_nothing_else_stays_as_it_is(text: str) -> None:
    assert normal(text).strip() or normal(text) == text
    assert bool(normal(text)) == bool(text)


async def test_the_router_embeds_the_plain_form_and_the_model_hears_the_words_of_the_user() -> None:
    place = yard([Model("a")], [made("panel")])
    polite = "Please  SPELL garden?"
    decisions = [await place.engine.decide(asking(text)) for text in ("spell garden", polite, "COULD YOU SPELL GARDEN")]
    for one in decisions:
        assert (one.query.embedding == decisions[0].query.embedding).all()
    await place.events(decisions[1])
    assert place.models["a"].asked[0].messages == (Message("user", polite),)
    assert decisions[1].query.text == polite


def test_surface_features_of_the_plain_form_do_not_tell_rewordings_apart() -> None:
    seen = {tuple(surface(normal(text).lower())) for text in SAME}
    assert len(seen) == 1
    assert len({tuple(surface(text)) for text in SAME}) > 5


def test_texts_made_to_be_slow_are_not() -> None:
    started = time.perf_counter()
    for piece in ("word ", "\n", "!", " ?", "\n ", "please ", "Hi there  "):
        normal(piece * 4000)
    assert time.perf_counter() - started < 1.0
