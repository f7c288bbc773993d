"""Does the model know: each phrase of giving up, their order, and the two calls."""

import pytest

from models.scripted import Scripted
from models.types import Message, Request
from strategies.core import Context, Query
from strategies.core.knowing import POST_DOUBTS, PRIOR_DOUBTS, judged_right, knows, post, prior
from tests.strategies.stage import Ran, WordEmbedder


async def context(ran: Ran, model: Scripted) -> Context:
    embedding = (await WordEmbedder().embed(["so"]))[0]
    request = Request((Message("user", "Who built the mill?"),), temperature=0.9)
    return Context(query=Query(request, embedding), backend=model, emit=ran.hear)


@pytest.mark.parametrize("phrase", PRIOR_DOUBTS)
def test_each_phrase_gives_up_before_a_yes_is_read(phrase: str) -> None:
    assert prior(f"Yes, {phrase.upper()}, I think.") is None


@pytest.mark.parametrize("phrase", POST_DOUBTS)
def test_each_phrase_gives_up_before_correct_is_read(phrase: str) -> None:
    assert post(f"It is {phrase}. True and correct.") is None


@pytest.mark.parametrize(
    ("reply", "known"),
    [
        ("yes", True), ("Yes.", True), ("**YES**", True), ("no", False), ("No, I cannot.", False), ("unknown", None),
        ("", None), (None, None), ("perhaps", None), ("I can't answer.", None), ("Answer: yes", True),
        ("either yes or no", None), ("nothing", None),
    ],
)  # fmt: skip
def test_a_prior_judgement_is_read(reply: str | None, known: bool | None) -> None:
    assert prior(reply) is known


@pytest.mark.parametrize(
    ("reply", "right"),
    [
        ("yes", True), ("no", False), ("The answer is correct.", True), ("incorrect", False), ("False.", False),
        ("not correct", None), ("not incorrect", None), ("It is true.", True), (None, None), ("hm", None),
        ("No, it is not true.", None), ("That is wrong.", False), ("unknown", None),
    ],
)  # fmt: skip
def test_a_judgement_of_an_answer_is_read(reply: str | None, right: bool | None) -> None:
    assert post(reply) is right


async def test_the_model_is_asked_once_shortly_and_cold() -> None:
    ran, model = Ran(), Scripted("m", "No")
    assert await knows(await context(ran, model)) is False
    request = model.requests[0]
    assert (len(model.requests), request.temperature, request.max_tokens) == (1, 0.0, 16)
    assert "Who built the mill?" in request.messages[-1].text
    assert ran.facts == {"prior": "no"}


async def test_a_judgement_shows_the_answer_word_for_word() -> None:
    ran, model = Ran(), Scripted("m", "Yes")
    assert await judged_right(await context(ran, model), "Old {Tomas} built it.") is True
    prompt = model.requests[0].messages[-1].text
    assert "Old {Tomas} built it." in prompt
    assert "Who built the mill?" in prompt
    assert ran.facts == {"post": "yes"}
