"""IAO prompting: four fields a step in a fixed order, references that resolve, sums computed again, one repair."""

import pytest

from models.types import Message, Request
from strategies.core import Constraints
from strategies.core.chain import CHAIN
from strategies.core.fields import Step, computed, faults_in, from_memory, steps_in
from strategies.input_action_output import FIELDS, REPAIR, input_action_output
from tests.strategies.line import travel
from tests.strategies.stage import run, saying

ASKED = "Tom buys 5 bags of 3 nuts and eats 4. How many nuts are left?"
FIRST = "Subquestion: How many nuts are bought?\nInput: 5 (question), 3 (question)\nAction: 5 * 3\nOutput: 15"
SECOND = "Subquestion: How many are left?\nInput: 15 (step 1), 4 (question)\nAction: 15 - 4\nOutput: 11"
RIGHT = f"Step 1\n{FIRST}\nStep 2\n{SECOND}\nAnswer: 11"
SLIP = RIGHT.replace("Output: 11", "Output: 12").replace("Answer: 11", "Answer: 12")
SLIP_AND_LATER = SLIP.replace("5 (question)", "5 (step 4)")
SHUFFLED = RIGHT.replace("Action: 5 * 3\nOutput: 15", "Output: 15\nAction: 5 * 3")


async def test_steps_without_a_fault_take_one_call_and_are_kept_in_the_log() -> None:
    ran = await run(input_action_output, ASKED, saying(RIGHT))
    assert ran.labels == ["steps"]
    assert ran.prompt("steps") == FIELDS.format(question=ASKED)
    assert ran.text == RIGHT
    assert ran.facts["steps"] == [
        "How many nuts are bought? | 5 (question), 3 (question) | 5 * 3 | 15",
        "How many are left? | 15 (step 1), 4 (question) | 15 - 4 | 11",
    ]
    assert (ran.facts["faults"], ran.facts["readable"], ran.facts["from_memory"]) == ([], True, [])


def test_the_prompt_asks_for_the_four_fields_in_their_order_and_a_final_answer() -> None:
    places = [FIELDS.index(name) for name in ("Subquestion:", "Input:", "Action:", "Output:", "Answer:")]
    assert places == sorted(places)


def test_several_steps_are_read_whatever_marks_surround_them() -> None:
    dressed = RIGHT.replace("Input:", "- **Input:**").replace("Subquestion", "Sub-question").replace("Action", "ACTION")
    assert steps_in(dressed) == steps_in(RIGHT) is not None
    assert steps_in(RIGHT) == [
        Step("How many nuts are bought?", "5 (question), 3 (question)", "5 * 3", "15"),
        Step("How many are left?", "15 (step 1), 4 (question)", "15 - 4", "11"),
    ]


@pytest.mark.parametrize(
    "mangled", ["11", "", SHUFFLED, RIGHT.replace("Action: 15 - 4\n", ""), "Input: {x}\nOutput: {0}", FIRST[:30]]
)
async def test_what_is_not_in_the_form_is_repaired_once_and_then_a_plain_chain_answers(mangled: str) -> None:
    assert steps_in(mangled) is None
    repaired = await run(input_action_output, ASKED, saying(mangled, RIGHT))
    assert (repaired.labels, repaired.text) == (["steps", "repair"], RIGHT)
    plain = await run(input_action_output, ASKED, saying(mangled, mangled, "5 * 3 - 4. Answer: 11"))
    assert plain.labels == ["steps", "repair", "answer"]
    assert plain.prompt("answer") == CHAIN.format(question=ASKED)
    assert plain.text == plain.streamed == "5 * 3 - 4. Answer: 11"


async def test_a_sum_that_comes_to_something_else_is_named_and_written_again() -> None:
    ran = await run(input_action_output, ASKED, saying(SLIP, RIGHT))
    fault = "step 2: 15 - 4 is not 12"
    assert ran.prompt("repair") == REPAIR.format(asked=FIELDS.format(question=ASKED), fault=fault, draft=SLIP)
    assert "Somebody wrote this" in ran.prompt("repair")
    assert ran.notes[0] == f"2 steps, {fault}"
    assert ran.text == RIGHT


@pytest.mark.parametrize("again", [SLIP, SLIP_AND_LATER, "nothing of the kind"])
async def test_a_repair_with_as_many_faults_leaves_the_draft(again: str) -> None:
    ran = await run(input_action_output, ASKED, saying(SLIP, again))
    assert (ran.text, ran.labels) == (SLIP, ["steps", "repair"])


async def test_a_repair_with_fewer_faults_stands_even_if_one_is_left() -> None:
    ran = await run(input_action_output, ASKED, saying(SLIP_AND_LATER, SLIP))
    assert ran.text == SLIP


def step(input_: str, action: str = "think", output: str = "so") -> Step:
    return Step("What?", input_, action, output)


def test_an_input_comes_from_the_question_from_an_earlier_step_or_is_marked_as_known() -> None:
    asked = "Mira lives in Halden. Which river is there?"
    assert faults_in([step("Halden (question)"), step("what was found in step 1")], asked) == []
    assert faults_in([step("Mira lives there")], asked) == []
    assert faults_in([step("step 1")], asked) == ["step 1 uses step 1, which is not before it"]
    assert faults_in([step("question"), step("step 3")], asked) == ["step 2 uses step 3, which is not before it"]
    assert faults_in([step("step 0")], asked) == ["step 1 uses step 0, which is not before it"]
    assert faults_in([step("Paris")], asked) == ["step 1 does not say where its input comes from"]
    assert faults_in([step("Paris (own knowledge)")], asked) == []


def test_what_an_earlier_step_found_may_be_used_without_its_number() -> None:
    asked = "Mira lives in Halden. Which river is there?"
    assert faults_in([step("Halden (question)", output="the Orn"), step("the Orn")], asked) == []
    assert faults_in([step("Orn"), step("question", output="the Orn")], asked) == [
        "step 1 does not say where its input comes from"
    ]


def test_steps_from_memory_are_named_for_whoever_looks_things_up() -> None:
    steps = [step("question"), step("60 minutes an hour (own knowledge)"), step("Own Knowledge: Orn")]
    assert from_memory(steps) == [2, 3]


@pytest.mark.parametrize(
    ("action", "value"), [("15 - 4", 11), ("15 - 4 = 12", 11), ("add 3 and 4", 7), ("use the rule", None), ("", None)]
)
def test_an_action_that_is_a_sum_is_computed(action: str, value: int | None) -> None:
    found = computed(action)
    assert (None if found is None else found.value) == value


async def test_what_the_caller_wants_binds_every_reply_that_may_be_returned() -> None:
    asked = Request((Message("user", ASKED),), temperature=0.2, max_tokens=80, stop=("###",), seed=6)
    ran = await run(input_action_output, asked, saying("?", "?", "Answer: 11"))
    assert ran.labels == ["steps", "repair", "answer"]
    for call in ran.calls:
        made = call.request
        assert (made.temperature, made.max_tokens, made.stop, made.seed) == (0.2, 80, ("###",), 6)


@pytest.mark.parametrize("draft", [SLIP, "11, as anybody can see"])
async def test_without_a_call_left_for_the_repair_the_draft_is_given_and_flagged(draft: str) -> None:
    journey = await travel(input_action_output, ASKED, saying(draft), constraints=Constraints(max_calls=1))
    assert (journey.text, journey.kept, journey.status) == (draft, True, "degraded")


async def test_without_a_call_left_for_the_chain_the_draft_is_given_too() -> None:
    journey = await travel(input_action_output, ASKED, saying("11?", "no"), constraints=Constraints(max_calls=2))
    assert (journey.text, journey.kept) == ("11?", True)
