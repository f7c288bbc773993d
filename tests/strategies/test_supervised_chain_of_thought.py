"""Supervised chain of thought: a form for the task, every step checked, what follows a wrong one written again."""

import pytest

from models.types import Message, Request
from strategies.core import Constraints
from strategies.core.chain import CHAIN
from strategies.core.forms import FORMS
from strategies.supervised_chain_of_thought import SUPERVISED, supervised_chain_of_thought
from tests.strategies.line import travel
from tests.strategies.stage import run, saying

SUM = "What is 345 + 278?"
ROWS = [
    "Step 1: 5 + 8 = 13, write 3, carry 1",
    "Step 2: 4 + 7 + 1 = 12, write 2, carry 1",
    "Step 3: 3 + 2 + 1 = 6, write 6, carry 0",
    "Step 4: written 3 2 6",
    "Answer: 623",
]
RIGHT = "\n".join(ROWS)
SLIP = (
    RIGHT.replace("4 + 7 + 1 = 12, write 2", "4 + 7 + 1 = 11, write 1").replace("3 2 6", "3 1 6").replace("623", "613")
)
REST = "\n".join(ROWS[1:])


async def test_right_steps_take_exactly_one_call_and_stand_word_for_word() -> None:
    ran = await run(supervised_chain_of_thought, SUM, saying(RIGHT))
    assert ran.labels == ["steps"]
    assert ran.text == RIGHT
    assert (ran.facts["form"], ran.facts["wrong_step"], len(ran.facts["steps"] or [])) == ("add", None, 4)  # type: ignore[arg-type]  # a list


async def test_the_prompt_names_the_state_to_carry_and_the_shape_of_a_step() -> None:
    ran = await run(supervised_chain_of_thought, SUM, saying(RIGHT))
    form = FORMS["add"]
    assert ran.prompt("steps") == SUPERVISED.format(question=SUM, how=form.how, shape=form.shape)
    assert "carry" in ran.prompt("steps")


async def test_a_question_without_a_sure_form_is_asked_for_a_plain_chain_and_streamed() -> None:
    ran = await run(supervised_chain_of_thought, "Why is the sky blue?", saying("Light. Answer: scattering"))
    assert ran.labels == ["answer"]
    assert ran.prompt("answer") == CHAIN.format(question="Why is the sky blue?")
    assert ran.streamed == ran.text
    assert ran.facts["form"] is None


async def test_after_a_wrong_step_the_model_goes_on_from_the_last_right_one() -> None:
    ran = await run(supervised_chain_of_thought, SUM, saying(SLIP, REST))
    assert ran.labels == ["steps", "repair 1"]
    assert f"The steps up to here are right:\n{ROWS[0]}\nWrite only" in ran.prompt("repair 1")
    assert "write 1" not in ran.prompt("repair 1")
    assert ran.text == RIGHT
    assert ran.notes[0] == "4 steps of the form add: step 2: column 2 is wrong"


async def test_right_steps_that_are_said_again_in_a_repair_are_not_doubled() -> None:
    ran = await run(supervised_chain_of_thought, SUM, saying(SLIP, RIGHT), repairs=1)
    assert ran.text == RIGHT


async def test_a_repair_that_is_worse_leaves_the_first_reply() -> None:
    ran = await run(
        supervised_chain_of_thought, SUM, saying(SLIP, "Step 2: 4 + 7 = 11, write 1, carry 1\nAnswer: 1"), repairs=1
    )
    assert ran.text == SLIP


async def test_a_repair_that_gets_further_stands_even_if_it_is_not_right_to_the_end() -> None:
    further = "\n".join(ROWS[1:4]) + "\nAnswer: 999"
    ran = await run(supervised_chain_of_thought, SUM, saying(SLIP, further), repairs=1)
    assert ran.text == f"{ROWS[0]}\n{further}"
    assert ran.facts["why"] == "the answer is not what was written"


@pytest.mark.parametrize("repairs", [0, 1, 2])
async def test_the_number_of_repairs_is_a_parameter_and_its_end_is_the_end(repairs: int) -> None:
    ran = await run(supervised_chain_of_thought, SUM, saying(*[SLIP] * (repairs + 1)), repairs=repairs)
    assert len(ran.calls) == 1 + repairs
    assert ran.text == SLIP


@pytest.mark.parametrize(
    "mangled",
    [
        "623",
        "",
        "The answer is 623, I think.",
        "Step one: 5 + 8\nAnswer: 623",
        "Step 4: written\nStep 9: what\nAnswer: 7",
        "{steps} {0} Step 1: {question}",
        "Step 1:\nStep 2:\nAnswer:",
    ],
)
async def test_a_reply_that_is_not_in_the_form_is_asked_for_once_more_and_then_stands(mangled: str) -> None:
    repaired = await run(supervised_chain_of_thought, SUM, saying(mangled, RIGHT), repairs=1)
    assert repaired.text == RIGHT
    kept = await run(supervised_chain_of_thought, SUM, saying(mangled, mangled), repairs=1)
    assert kept.text == mangled
    assert kept.labels == ["steps", "repair 1"]


async def test_marks_around_steps_do_not_matter() -> None:
    dressed = "Let me see.\n\n" + "\n".join(f"**{row.replace(': ', ':** ', 1)}" for row in ROWS[:4]) + "\nAnswer: 623"
    ran = await run(supervised_chain_of_thought, SUM, saying(dressed))
    assert ran.text == dressed


async def test_what_the_caller_wants_binds_the_steps_and_the_repair() -> None:
    asked = Request((Message("user", SUM),), temperature=0.3, max_tokens=90, stop=("###",), seed=8)
    ran = await run(supervised_chain_of_thought, asked, saying(SLIP, REST))
    for i, call in enumerate(ran.calls):
        made = call.request
        assert (made.temperature, made.max_tokens, made.stop, made.seed) == (0.3, 90, ("###",), 8 + i)


async def test_what_is_drawn_again_may_come_out_otherwise() -> None:
    ran = await run(supervised_chain_of_thought, SUM, saying(SLIP, SLIP, REST))
    assert [call.request.temperature for call in ran.calls] == [None, 0.7, 0.7]
    assert ran.text == RIGHT


async def test_without_a_call_left_for_the_repair_the_first_reply_is_given_and_flagged() -> None:
    journey = await travel(supervised_chain_of_thought, SUM, saying(SLIP), constraints=Constraints(max_calls=1))
    assert (journey.text, journey.kept, journey.status, journey.arm) == (
        SLIP,
        True,
        "degraded",
        "supervised_chain_of_thought@small",
    )


async def test_a_repaired_text_is_cut_to_the_callers_length_too() -> None:
    asked = Request((Message("user", SUM),), max_tokens=27)  # each reply is cut there; joined they would be longer
    journey = await travel(supervised_chain_of_thought, asked, saying(SLIP, REST, REST, REST))
    assert len(journey.text.split()) == 27
    assert journey.reply.finish_reason == "length"


def test_a_form_that_is_wrong_for_the_task_is_what_it_is_known_to_be_hurt_by() -> None:
    assert {"writing", "chat", "advice"} <= supervised_chain_of_thought.hurts
