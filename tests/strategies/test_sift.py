"""SIFT: a sticker is trusted only where the answer from it alone is the answer from question and sticker."""

import asyncio

import pytest

from models.scripted import Scripted
from models.types import Message, Request
from strategies.core import Constraints
from strategies.sift import FIX_STICKER, FROM_SOLUTION, FROM_STICKER, STICKER, WITH_STICKER, read, sift
from tests.strategies.line import travel
from tests.strategies.stage import Ran, run, saying

ASKED = "Tom buys 5 bags of 3 nuts and eats 4 of them. How many nuts are left?"
GIVEN = "CONDITIONS:\n1. There are 5 bags of 3 nuts.\n2. 4 are eaten.\nQUESTION: How many nuts are left?"
THIN = "CONDITIONS:\n1. There are 5 bags.\nQUESTION: How many are left?"
ANEW = "CONDITIONS:\n1. 15 pieces, less 4.\nQUESTION: How many remain?"
YES, NO = "5 * 3 = 15. 15 - 4 = 11.\nAnswer: 11", "It is 5.\nAnswer: 5"


def scene(*agreed: bool) -> Scripted:
    """A model whose answers from the sticker are right at the stages that agree, those with the question always."""
    left = list(agreed)

    def say(request: Request) -> str:
        text = request.messages[-1].text
        if text == STICKER.format(question=ASKED):
            return THIN
        if "that you cannot see" in text:
            return ANEW
        if "Somebody wrote down" in text:
            return GIVEN
        if text.startswith("CONDITIONS:"):
            return YES if left.pop(0) else NO
        return YES

    return Scripted("small", say)


async def test_where_both_answers_agree_it_takes_exactly_three_calls_and_the_one_with_the_question_stands() -> None:
    ran = await run(sift, ASKED, saying(GIVEN, "15 - 4 = 11. So 11.", YES))
    assert ran.labels == ["sticker", "from sticker 1", "with sticker 1"]
    assert ran.prompt("sticker") == STICKER.format(question=ASKED)
    assert ran.prompt("from sticker 1") == FROM_STICKER.format(sticker=GIVEN)
    assert ran.prompt("with sticker 1") == WITH_STICKER.format(question=ASKED, sticker=GIVEN)
    assert ran.text == YES
    assert (ran.facts["stage"], ran.facts["agreed"], ran.facts["both"]) == (1, True, "11")


@pytest.mark.parametrize(
    ("agreed", "calls", "stage"),
    [((True,), 3, 1), ((False, True), 6, 2), ((False, False, True), 10, 3), ((False, False, False), 11, 0)],
)
async def test_it_takes_three_six_ten_or_eleven_calls(agreed: tuple[bool, ...], calls: int, stage: int) -> None:
    ran = await run(sift, ASKED, scene(*agreed))
    assert len(ran.calls) == calls
    assert (ran.text, ran.facts["stage"]) == (YES, stage)


async def test_correcting_against_the_question_comes_before_writing_anew_from_the_solution() -> None:
    ran = await run(sift, ASKED, scene(False, False, False))
    assert [label for label in ran.labels if label[-1] in "123"] == [
        "from sticker 1",
        "with sticker 1",
        "correct 1",
        "from sticker 2",
        "with sticker 2",
        "from solution 2",
        "correct 2",
        "from sticker 3",
        "with sticker 3",
    ]
    assert ran.prompt("correct 1") == FIX_STICKER.format(question=ASKED, sticker=THIN)
    assert ran.prompt("correct 2") == FIX_STICKER.format(question=ASKED, sticker=ANEW)
    assert ran.prompt("from sticker 2") == FROM_STICKER.format(sticker=GIVEN)


async def test_the_sticker_written_from_the_solution_is_asked_without_anything_of_the_question() -> None:
    talk = (Message("system", "Be kind."), Message("user", "Hi"), Message("assistant", "Hello"), Message("user", ASKED))
    ran = await run(sift, Request(talk), scene(False, False, True))
    call = next(call for call in ran.calls if call.label == "from solution 2")
    assert [message.role for message in call.request.messages] == ["system", "user"]
    assert call.request.messages[-1].text == FROM_SOLUTION.format(solution=YES)
    for word in ("Tom", "bags", "nuts", "Hi"):
        assert word not in call.request.messages[-1].text


async def test_nor_does_the_answer_from_the_sticker_see_the_question() -> None:
    ran = await run(sift, ASKED, saying(ANEW, YES, YES))
    assert "Tom" not in "\n".join(message.text for message in ran.calls[1].request.messages)


async def test_the_last_resort_is_the_question_without_a_sticker() -> None:
    ran = await run(sift, ASKED, scene(False, False, False))
    assert ran.labels[-1] == "answer"
    assert ran.prompt("answer").startswith(ASKED)
    assert "CONDITIONS" not in ran.prompt("answer")
    assert ran.streamed == ran.text


@pytest.mark.parametrize(("stages", "calls"), [(1, 4), (2, 7), (3, 11)])
async def test_the_stages_are_a_parameter(stages: int, calls: int) -> None:
    ran = await run(sift, ASKED, scene(False, False, False), stages=stages)
    assert len(ran.calls) == calls


@pytest.mark.parametrize("answer", ["1/2", "\\boxed{\\frac{1}{2}}", "0.50", "$0.5$"])
async def test_answers_that_say_the_same_in_another_way_agree(answer: str) -> None:
    ran = await run(sift, "What is half of one?", saying(GIVEN, f"Answer: {answer}", "So.\nAnswer: 0.5"))
    assert (len(ran.calls), ran.facts["agreed"]) == (3, True)


async def test_every_stage_is_noted_with_both_answers() -> None:
    ran = await run(sift, ASKED, scene(False, True))
    assert ran.notes == ["stage 1: the answers differ", "stage 2: the answers agree"]


async def test_both_answers_of_a_stage_are_asked_for_at_once() -> None:
    most = 0

    async def say(request: Request) -> str:
        nonlocal most
        await asyncio.sleep(0)
        most = max(most, model.running)
        return GIVEN if "Write down" in request.messages[-1].text else YES

    model = Scripted("small", say)
    await run(sift, ASKED, model)
    assert most == 2


@pytest.mark.parametrize(
    "mangled", ["", "I cannot.", "CONDITIONS:\n1. 5 bags", "QUESTION: How many?", "CONDITIONS:\nQUESTION:", "{sticker}"]
)
async def test_without_a_readable_sticker_the_question_is_solved_plainly(mangled: str) -> None:
    assert read(mangled) is None
    ran = await run(sift, ASKED, saying(mangled, YES))
    assert (ran.labels, ran.text, ran.facts["stage"]) == (["sticker", "answer"], YES, 0)


async def test_a_correction_that_cannot_be_read_keeps_the_sticker_before_it() -> None:
    ran = await run(sift, ASKED, saying(GIVEN, NO, YES, "no faults", YES, YES))
    assert ran.prompt("from sticker 2") == FROM_STICKER.format(sticker=GIVEN)


def test_a_sticker_is_read_out_of_what_surrounds_it() -> None:
    dressed = f"Sure! Here it is:\n```\n**CONDITIONS:**\n{GIVEN.split(chr(10), 1)[1]}\n```"
    assert read(dressed) == GIVEN
    assert read("conditions: 1. five bags\nquestion: how\nmany?") == "CONDITIONS:\n1. five bags\nQUESTION: how many?"


@pytest.mark.parametrize(("callers", "made"), [(None, 0.0), (0.5, 0.5)])
async def test_it_is_greedy_unless_the_caller_says_otherwise(callers: float | None, made: float) -> None:
    asked = Request((Message("user", ASKED),), temperature=callers)
    ran = await run(sift, asked, scene(False, False, True))
    assert {call.request.temperature for call in ran.calls} == {made}


async def test_what_the_caller_wants_binds_the_answers_and_not_the_stickers() -> None:
    asked = Request((Message("user", ASKED),), max_tokens=60, stop=("###",), seed=2)
    ran = await run(sift, asked, scene(False, False, False))
    for call in ran.calls:
        bound = (call.request.max_tokens, call.request.stop) == (60, ("###",))
        assert bound == (call.label == "answer" or call.label.startswith(("from sticker", "with sticker")))
        assert call.request.seed == 2


@pytest.mark.parametrize("calls", [3, 4, 5, 6, 7, 8, 9, 10])
async def test_when_the_calls_run_out_the_last_answer_with_the_question_is_given_and_flagged(calls: int) -> None:
    model = scene(False, False, False)
    journey = await travel(sift, ASKED, model, constraints=Constraints(max_calls=calls))
    assert (journey.text, journey.kept, journey.status, journey.arm) == (YES, True, "degraded", "sift@small")
    assert len(model.requests) <= calls


async def test_the_answer_from_the_sticker_alone_is_never_returned() -> None:
    ran = Ran()
    await run(sift, ASKED, saying(GIVEN, "11", YES), ran=ran)
    assert ran.text == YES
