"""Few-shot: well-rated answers of the past, chosen to cover the question together, the best one next to it."""

import pytest

from models.types import Message, Request
from strategies.core import Example
from strategies.core.demos import Demo, prompt_of
from strategies.few_shot import few_shot
from tests.strategies.stage import Past, run, saying

ASKED = "add apples and peel pears"
PAST = Past(
    [
        Example("add apples and figs", "added", 1.0, 0.9),
        Example("add apples and nuts", "added too", 1.0, 0.8),
        Example("peel pears", "peeled", 0.9, 0.6),
        Example("sing a song", "la", 1.0, 0.2),
    ]
)


async def shown(**params: str | int | float | bool) -> list[str]:
    """The questions of the examples that are shown, in their order."""
    ran = await run(few_shot, ASKED, saying("so"), memory=PAST, params=params)
    found = ran.facts["examples"]
    assert isinstance(found, list)
    return [str(question) for question in found]


async def test_one_call_shows_the_examples_before_the_question_and_streams_the_answer() -> None:
    ran = await run(few_shot, ASKED, saying("so"), memory=PAST, k=1)
    assert ran.labels == ["answer"]
    assert ran.prompt("answer") == prompt_of("", [Demo("add apples and figs", "added")], ASKED)
    assert ran.prompt("answer").endswith(f"Input: {ASKED}\nOutput:")
    assert ran.text == ran.streamed == "so"


async def test_a_set_covers_what_near_duplicates_leave_out() -> None:
    assert await shown(k=2) == ["peel pears", "add apples and figs"]


async def test_each_by_itself_the_near_duplicates_are_taken() -> None:
    assert await shown(k=2, cover=False) == ["add apples and nuts", "add apples and figs"]


async def test_the_best_example_stands_last_next_to_the_question() -> None:
    assert (await shown(k=3))[-1] == "add apples and figs"


@pytest.mark.parametrize(("near", "count"), [(0.3, 3), (0.85, 1), (0.0, 4)])
async def test_what_is_too_far_from_the_question_is_no_candidate(near: float, count: int) -> None:
    assert len(await shown(near=near)) == count


async def test_the_question_itself_is_never_its_own_example() -> None:
    ran = await run(few_shot, ASKED, saying("so"), memory=Past([Example(ASKED, "so", 1.0, 1.0)]))
    assert (ran.prompt("answer"), ran.facts["examples"]) == (ASKED, [])


async def test_examples_that_do_not_fit_the_budget_are_left_out() -> None:
    long = Past([Example("add apples and peel", "word " * 800, 1.0, 0.9), PAST.told[2]])
    ran = await run(few_shot, ASKED, saying("so"), memory=long, most_tokens=100)
    assert ran.facts["examples"] == ["peel pears"]


@pytest.mark.parametrize("memory", [None, Past([])])
async def test_without_a_past_the_question_is_asked_as_it_is(memory: Past | None) -> None:
    ran = await run(few_shot, ASKED, saying("so"), memory=memory)
    assert (ran.prompt("answer"), ran.text, ran.notes) == (ASKED, "so", ["examples of the past: 0"])


async def test_equal_questions_of_the_past_are_shown_once() -> None:
    twice = Past([PAST.told[0], PAST.told[0], PAST.told[2]])
    ran = await run(few_shot, ASKED, saying("so"), memory=twice)
    assert sorted(ran.facts["examples"] or []) == ["add apples and figs", "peel pears"]  # type: ignore[arg-type]  # a list


async def test_all_that_the_caller_wants_reaches_the_call_and_braces_stay_as_they_are() -> None:
    asked = Request((Message("user", "add {apples}"),), temperature=0.4, max_tokens=8, stop=("Input:",), seed=2)
    ran = await run(few_shot, asked, saying("so"), memory=Past([Example("add {0}", "{x}", 1.0, 0.9)]))
    made = ran.calls[0].request
    assert (made.temperature, made.max_tokens, made.stop, made.seed) == (0.4, 8, ("Input:",), 2)
    assert made.messages[-1].text == "Input: add {0}\nOutput: {x}\n\nInput: add {apples}\nOutput:"
