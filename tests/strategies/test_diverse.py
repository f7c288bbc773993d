"""Task-anchored sampling: what "different" means depends on the kind of question; some want no difference at all."""

from collections.abc import AsyncIterator

import pytest

from models.embedding import Embedder, open_embedder
from models.types import Message, Request
from strategies.diverse import ANCHORED, DIFFERENT, KINDS, KNOWN, MOST, diverse, wanted
from tests.strategies.line import travel
from tests.strategies.stage import run, saying

POEMS = "Write three poems about the sea."
UNSEEN = {
    "A": ("What is 512 - 129?", "What is the capital of Peru?", "Spell kitchen backwards.", "Who invented the radio?"),
    "B": ("Name a vegetable.", "Give me an example of an even number.", "Name an African country."),
    "C": ("Flip a coin for me.", "Pick a random number between 1 and 100.", "Roll a die."),
    "D": ("Anna has 20 pens and gives away 8. How many are left? Show your work.", "Solve 2x - 7 = 9 step by step."),
    "E": ("Write a function that reverses a string.", "Prove that the square root of two is irrational."),
    "F": ("Explain how volcanoes work.", "Tell me about the history of Rome."),
    "G": ("Write a poem about autumn.", "Give me three short stories about a cat.", "Write a song about the rain."),
    "H": ("Should I buy a car or take the bus?", "How can I get better at cooking?"),
}


@pytest.fixture
async def packaged() -> AsyncIterator[Embedder]:
    """The embedder that the service comes with."""
    embedder = open_embedder(None)
    yield embedder
    await embedder.close()


async def test_questions_that_are_no_prototypes_are_told_apart_by_the_packaged_embedder(packaged: Embedder) -> None:
    rows = [(kind, question) for kind, questions in UNSEEN.items() for question in questions]
    assert not {question for _, question in rows} & {text for texts in KINDS.values() for text in texts}
    guesses = [await KNOWN.guess((await packaged.embed([question]))[0], packaged) for _, question in rows]
    right = [guess.category == kind for (kind, _), guess in zip(rows, guesses, strict=True)]
    assert sum(right) >= len(rows) - 2, [row for row, hit in zip(rows, right, strict=True) if not hit]


async def test_one_call_asks_for_as_many_as_the_question_names_with_the_difference_spelled_out() -> None:
    ran = await run(diverse, POEMS, saying("1. ...\n2. ...\n3. ..."))
    assert ran.prompt("answer") == ANCHORED.format(question=POEMS, n=3, different=DIFFERENT["G"])
    assert (ran.labels, ran.facts["kind"], ran.facts["several"]) == (["answer"], "G", 3)
    assert ran.text == ran.streamed
    assert (ran.calls[0].request.temperature, ran.calls[0].request.top_p) == (1.0, 0.9)


@pytest.mark.parametrize("kind", list(DIFFERENT))
async def test_every_kind_but_the_well_specified_one_has_its_own_sense_of_different(kind: str) -> None:
    ran = await run(diverse, f"{KINDS[kind][0]} Give me several options.", saying("1. so"))
    assert (ran.facts["kind"], ran.facts["several"]) == (kind, 0)
    assert f"Give 5 different responses, {DIFFERENT[kind]}." in ran.prompt("answer")


def test_the_senses_of_different_are_all_different_and_problems_keep_their_right_result() -> None:
    assert len(set(DIFFERENT.values())) == len(DIFFERENT) == 7
    assert "A" not in DIFFERENT
    assert "same right result" in DIFFERENT["D"]


@pytest.mark.parametrize("more", ["", " Give me four different answers.", " Suggest several options."])
@pytest.mark.parametrize("question", KINDS["A"])
async def test_a_well_specified_question_is_never_sampled_for_variety(question: str, more: str) -> None:
    ran = await run(diverse, question + more, saying("623"))
    if more:
        assert ran.facts["several"] is not None
    assert ran.facts["kind"] == "A"
    assert ran.prompt("answer") == question + more
    assert ran.calls[0].request.temperature == 0.0


@pytest.mark.parametrize("kind", ["B", "D", "F", "G", "H"])
async def test_a_question_that_wants_one_answer_is_asked_as_it_is(kind: str) -> None:
    question = KINDS[kind][0]
    ran = await run(diverse, question, saying("so"))
    assert (ran.prompt("answer"), ran.calls[0].request.temperature) == (question, None)
    assert ran.facts["several"] is None


async def test_a_question_of_no_clear_kind_is_asked_as_it_is() -> None:
    question = "Xylo qwertz: list three zorples."
    ran = await run(diverse, question, saying("so"))
    assert (ran.facts["kind"], ran.facts["several"], ran.prompt("answer")) == (None, 3, question)


@pytest.mark.parametrize(
    ("question", "count"),
    [
        ("Give me three names for a cat", 3),
        ("List 5 ideas for a birthday party.", 5),
        ("Can you come up with several slogans?", 0),
        ("Please write four different haikus.", 4),
        ("Give me a list of 7 cities", 7),
        ("Tell me ten jokes", 10),
        ("Give me your top 5 films.", 5),
        ("I need ideas for dinner", 0),
        ("Suggest some alternatives.", 0),
        (f"Name {MOST} rivers.", MOST),
        ("Tom has 12 apples", None),
        ("Tom has 12 apples and gives 5 away. How many are left?", None),
        ("I have 12 apples. I give 5 apples to Tom. How many are left?", None),
        ("Write a story about three friends.", None),
        ("Write a function that takes two arguments.", None),
        ("Write 3 sentences about cats.", None),
        ("Write two paragraphs on Rome.", None),
        ("Write some code to sort lists.", None),
        ("Give me 1 example.", None),
        ("Name a fruit.", None),
        ("Give me 50 names.", None),
        ("", None),
    ],
)
def test_the_number_of_answers_is_read_from_the_question(question: str, count: int | None) -> None:
    assert wanted(question) == count


async def test_how_many_where_no_number_is_named_is_a_parameter() -> None:
    ran = await run(diverse, "Write several poems about the sea.", saying("1. so"), n=7)
    assert "Give 7 different responses" in ran.prompt("answer")


async def test_the_callers_own_heat_goes_before_the_methods() -> None:
    several = Request((Message("user", POEMS),), temperature=0.2, top_p=0.5, max_tokens=70, stop=("4.",), seed=9)
    made = (await run(diverse, several, saying("1. so"))).calls[0].request
    assert (made.temperature, made.top_p, made.max_tokens, made.stop, made.seed) == (0.2, 0.5, 70, ("4.",), 9)
    sure = Request((Message("user", KINDS["A"][0]),), temperature=0.2)
    assert (await run(diverse, sure, saying("623"))).calls[0].request.temperature == 0.2


async def test_braces_and_earlier_turns_stay_as_they_are() -> None:
    talk = (
        Message("user", "Hi {n}"),
        Message("assistant", "{0}"),
        Message("user", "Write three poems about {the} sea."),
    )
    ran = await run(diverse, Request(talk), saying("1. so"))
    assert ran.calls[0].request.messages[:2] == talk[:2]
    assert "about {the} sea.\n\nGive 3" in ran.prompt("answer")


async def test_through_the_engine_it_is_one_streamed_call() -> None:
    journey = await travel(diverse, POEMS, saying("1. a\n2. b\n3. c"))
    assert (journey.text, journey.status, journey.labels) == ("1. a\n2. b\n3. c", "ok", ["answer"])
