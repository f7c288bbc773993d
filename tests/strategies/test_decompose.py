"""Divide or conquer: smaller questions without answers, all of them solved in one go, each stage by its own model."""

import pytest

from models.errors import ModelUnavailable, StrategyError
from models.scripted import Scripted
from models.types import Message, Request
from strategies.core import Called, Constraints
from strategies.decompose import DECOMPOSE, SOLVE, decompose, parts_of
from tests.strategies.line import travel
from tests.strategies.stage import run, saying

ASKED = "Tom buys 5 bags of 3 nuts and eats 4. How many nuts are left?"
PARTS = "How many nuts are in 5 bags of 3?\nHow many are left after 4 are eaten?"
SOLVED = "5 * 3 = 15. 15 - 4 = 11.\nAnswer: 11"


async def test_two_calls_the_second_sees_all_smaller_questions_at_once() -> None:
    ran = await run(decompose, ASKED, saying(PARTS, SOLVED))
    assert ran.labels == ["decompose", "answer"]
    assert ran.prompt("decompose") == DECOMPOSE.format(question=ASKED)
    assert ran.prompt("answer") == SOLVE.format(question=ASKED, parts=PARTS)
    assert ran.text == ran.streamed == SOLVED
    assert (ran.facts["parts"], ran.facts["by"]) == (PARTS.split("\n"), "small")


async def test_who_decomposes_sees_no_answer_and_is_told_not_to_answer() -> None:
    ran = await run(decompose, ASKED, saying(PARTS, SOLVED))
    first = "\n".join(message.text for message in ran.calls[0].request.messages)
    assert "Do not answer them" in first
    assert "11" not in first
    assert "at most three" in first


async def test_a_smaller_model_decomposes_and_the_arms_own_solves_each_counted_by_itself() -> None:
    tiny = Scripted("tiny", saying(PARTS))
    ran = await run(decompose, ASKED, saying(SOLVED), peers={"tiny": tiny}, to="tiny")
    assert [(call.label, call.model) for call in ran.calls] == [("decompose", "tiny"), ("answer", "small")]
    assert ran.facts["by"] == "tiny"
    journey = await travel(decompose, ASKED, saying(SOLVED), Scripted("tiny", saying(PARTS)), params={"to": "tiny"})
    spent = {event.model: event.reply.usage for event in journey.events if isinstance(event, Called) and event.reply}
    assert set(spent) == {"tiny", "small"}
    assert journey.ended.outcome.usage.completion_tokens == sum(usage.completion_tokens for usage in spent.values())
    assert journey.ended.outcome.mixed


async def test_a_model_that_there_is_not_is_named_with_those_there_are() -> None:
    with pytest.raises(StrategyError, match=r"decompose\.to = 'huge': no such model; there are tiny"):
        await run(decompose, ASKED, saying(), peers={"tiny": Scripted("tiny", saying())}, to="huge")


async def test_the_arms_own_model_may_be_named() -> None:
    ran = await run(decompose, ASKED, saying(PARTS, SOLVED), to="small")
    assert {call.model for call in ran.calls} == {"small"}


@pytest.mark.parametrize(
    "listed",
    [
        "No decomposition",
        "no decomposition.",
        "**No decomposition** is needed here.",
        "",
        "Just do it.",
        "1. Multiply.",
    ],
)
async def test_a_question_that_needs_no_parts_is_asked_as_it_is(listed: str) -> None:
    ran = await run(decompose, ASKED, saying(listed, "11"))
    assert ran.labels == ["decompose", "answer"]
    assert ran.prompt("answer") == ASKED
    assert (ran.text, ran.facts["parts"]) == ("11", [])


async def test_a_model_that_the_caller_does_not_allow_gives_way_to_the_arms_own() -> None:
    peers, said = {"tiny": Scripted("tiny", saying())}, saying(PARTS, SOLVED)
    limits = Constraints(models=("small",))
    ran = await run(decompose, ASKED, said, peers=peers, constraints=limits, to="tiny")
    assert {call.model for call in ran.calls} == {ran.facts["by"]} == {"small"}
    both = Constraints(models=("small", "tiny"))
    ran = await run(
        decompose, ASKED, saying(SOLVED), peers={"tiny": Scripted("tiny", PARTS)}, constraints=both, to="tiny"
    )
    assert [call.model for call in ran.calls] == ["tiny", "small"]


@pytest.mark.parametrize("most", [0, 4, -1])
async def test_more_parts_than_are_ever_asked_for_are_an_error(most: int) -> None:
    with pytest.raises(StrategyError, match=rf"decompose\.most = {most}: give a number from 1 to 3"):
        await run(decompose, ASKED, saying(), most=most)


async def test_more_parts_than_asked_for_are_cut() -> None:
    listed = "\n".join(f"{i}. What is {i}?" for i in range(1, 7))
    ran = await run(decompose, ASKED, saying(listed, "11"))
    assert ran.facts["parts"] == ["What is 1?", "What is 2?", "What is 3?"]
    two = await run(decompose, ASKED, saying(listed, "11"), most=2)
    assert two.facts["parts"] == ["What is 1?", "What is 2?"]


@pytest.mark.parametrize(
    ("reply", "parts"),
    [
        ("1. How many?\n2) How far?\n- How long?\n* Why?", ["How many?", "How far?", "How long?", "Why?"]),
        ("Here are the questions:\nHow many? \n\nGood luck.", ["How many?"]),
        ("How many? It is 15.\nHow far? Thank you.", ["How many?", "How far?"]),
        ("No decomposition", []),
        ("How many? No decomposition otherwise.\nHow far?", ["How many?", "How far?"]),
        ("{0}?", ["{0}?"]),
    ],
)
def test_only_lines_that_ask_are_parts(reply: str, parts: list[str]) -> None:
    assert parts_of(reply) == parts


async def test_what_the_caller_wants_binds_the_solution_and_not_the_parts() -> None:
    asked = Request((Message("user", ASKED),), temperature=0.6, max_tokens=40, stop=("11",), seed=3)
    ran = await run(decompose, asked, saying(PARTS, SOLVED))
    first, last = (call.request for call in ran.calls)
    assert (first.temperature, first.max_tokens, first.stop, first.seed) == (0.0, None, (), 3)
    assert (last.temperature, last.max_tokens, last.stop, last.seed) == (0.6, 40, ("11",), 3)


async def test_if_the_model_that_decomposes_is_down_the_engine_has_the_arms_own_answer() -> None:
    def down(_: Request) -> str:
        raise ModelUnavailable("gone", model="tiny")

    journey = await travel(decompose, ASKED, saying("11"), Scripted("tiny", down), params={"to": "tiny"})
    assert (journey.text, journey.arm, journey.status) == ("11", "direct@small", "degraded")
