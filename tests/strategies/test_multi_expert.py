"""Multi-expert prompting, held to its paper: isolation, seven steps, majority, a choice that is word for word."""

import asyncio
import json

import pytest

from models.errors import ModelUnavailable, UnreadableReply
from models.scripted import Scripted
from models.types import Message, Request
from strategies.core import Constraints
from strategies.multi_expert import EXPERT, MERGE, multi_expert, select
from tests.strategies.line import travel
from tests.strategies.stage import Ran, run, saying

ROLES = '{"bookkeeper": "adds by column", "teacher": "shows the working", "estimator": "rounds first"}'
MERGED = """1. AGREED: 623
2. CONFLICTS: 623 against 613
3. RESOLVED: 623
4. ALONE: none
5. UNION: 623
6. COMBINED: It is 623.
7. CHOICE: {choice} - most say so
FINAL ANSWER: {final}"""
ANSWERS = ("623", "It  makes\n623", "613")


def merged(choice: str, final: str) -> str:
    return MERGED.format(choice=choice, final=final)


async def test_three_experts_take_exactly_five_calls_in_three_stages() -> None:
    ran = await run(multi_expert, "What is 345 + 278?", saying(ROLES, *ANSWERS, merged("combined", "It is 623.")))
    assert ran.labels == ["roles", "expert 1", "expert 2", "expert 3", "merge"]
    assert ran.text == "It is 623."
    assert ran.facts["choice"] == "combined"


@pytest.mark.parametrize("n", [1, 2, 5])
async def test_the_number_of_experts_is_a_parameter(n: int) -> None:
    roles = "{" + ", ".join(f'"expert {i}": "knows {i}"' for i in range(n)) + "}"
    ran = await run(multi_expert, "Why?", saying(roles, *["so"] * n, merged("combined", "It is 623.")), experts=n)
    assert len(ran.calls) == n + 2 == multi_expert.calls({**multi_expert.params, "experts": n})
    assert f"exactly {n} different experts" in ran.prompt("roles")
    assert ran.prompt("roles").count('"": ""') == n


async def test_no_expert_sees_another() -> None:
    ran = await run(multi_expert, "Why?", saying(ROLES, *ANSWERS, merged("1", "623")))
    experts = [call for call in ran.calls if call.label.startswith("expert")]
    panel = json.loads(ROLES)
    for own, call in zip(panel, experts, strict=True):
        seen = "\n".join(message.text for message in call.request.messages)
        assert own in seen
        for other in (*panel, "623", "613"):
            assert other == own or other not in seen
        assert call.request.messages[-1].text == EXPERT.format(
            words=500, question="Why?", role=own, description=panel[own]
        )


async def test_what_all_experts_read_stands_first_so_that_an_engine_reads_it_once() -> None:
    history = (Message("system", "Answer in English."), Message("user", "Hello"), Message("assistant", "Hello."))
    asked = Request((*history, Message("user", "Why is the sky blue?")))
    ran = await run(multi_expert, asked, saying(ROLES, *ANSWERS, merged("1", "623")))
    texts = ["\n".join(m.text for m in c.request.messages) for c in ran.calls if c.label.startswith("expert")]
    alike = [len(set(letters)) == 1 for letters in zip(*texts, strict=False)]
    shared = texts[0][: alike.index(False)]
    assert "Why is the sky blue?" in shared
    assert "bookkeeper" not in shared


async def test_the_merge_sees_every_answer_under_its_role_and_seven_steps_in_order() -> None:
    ran = await run(multi_expert, "Why?", saying(ROLES, *ANSWERS, merged("1", "623")))
    prompt = ran.prompt("merge")
    assert "Answer 2, by teacher:\nIt  makes\n623" in prompt
    assert "Answer 3, by estimator:\n613" in prompt
    steps = ["1. AGREED", "2. CONFLICTS", "3. RESOLVED", "4. ALONE", "5. UNION", "6. COMBINED", "7. CHOICE"]
    places = [prompt.index(step) for step in [*steps, "FINAL ANSWER:"]]
    assert places == sorted(places)
    assert "more than half of the answers" in MERGE


async def test_a_planted_conflict_is_noted_and_the_majority_survives() -> None:
    ran = await run(multi_expert, "Why?", saying(ROLES, *ANSWERS, merged("combined", "It is 623.")))
    assert ran.facts["agreed"] == ["623"]
    assert ran.facts["conflicts"] == ["623 against 613"]
    assert "623" in ran.text


@pytest.mark.parametrize(
    ("choice", "final", "text", "noted"),
    [
        ("combined", "It is 623.", "It is 623.", "combined"),
        ("the combined answer", "something else", "It is 623.", "combined"),
        ("2", "It makes 623", "It  makes\n623", "expert 2"),
        ("2", "a paraphrase", "It  makes\n623", "expert 2"),
        ("Answer 3", "613", "613", "expert 3"),
        ("**Expert 1**", "623", "623", "expert 1"),
        ("7", "613", "613", "expert 3"),
        ("7", "no such", "It is 623.", "combined"),
        ("???", "It makes 623", "It  makes\n623", "expert 2"),
        ("9" * 5000, "613", "613", "expert 3"),
    ],
)
def test_the_text_is_word_for_word_what_was_chosen(choice: str, final: str, text: str, noted: str) -> None:
    found = select(merged(choice, final), ANSWERS)
    assert (found.text, found.choice) == (text, noted)


def test_without_a_final_marker_the_combined_answer_is_taken_and_without_both_expert_one() -> None:
    assert select("6. COMBINED: yes", ANSWERS).text == "yes"
    assert select("FINAL ANSWER: whole", ANSWERS).text == "whole"
    assert select("I cannot.", ANSWERS).choice == "expert 1"
    assert select("", ANSWERS).text == "623"


@pytest.mark.parametrize(
    "bad",
    [
        "I would ask a teacher.",
        '{"a": "x", "b": "y"}',
        '{"a": "x", "A": "y", "b": "z"}',
        '{"a": "x", "": "y", "b": "z"}',
        '{"a": 1, "b": 2, "c": 3}',
    ],
)
async def test_unreadable_roles_are_asked_for_again_warmer(bad: str) -> None:
    ran = await run(multi_expert, "Why?", saying(bad, bad, ROLES, *ANSWERS, merged("1", "623")))
    assert ran.labels[:3] == ["roles", "roles again 1", "roles again 2"]
    heats = [call.request.temperature for call in ran.calls[:3]]
    assert heats == sorted({heat for heat in heats if heat is not None})
    assert heats[0] == 0.0


async def test_roles_that_stay_unreadable_end_the_run() -> None:
    ran = Ran()
    with pytest.raises(UnreadableReply, match="3 different experts in 2 tries"):
        await run(multi_expert, "Why?", saying("no", "no"), ran=ran, tries=2)
    assert len(ran.calls) == 2


async def test_roles_and_merge_are_asked_at_temperature_zero_and_experts_at_the_callers() -> None:
    request = Request((Message("user", "Why?"),), temperature=0.9)
    ran = await run(multi_expert, request, saying(ROLES, *ANSWERS, merged("1", "623")))
    assert [call.request.temperature for call in ran.calls] == [0.0, 0.9, 0.9, 0.9, 0.0]


async def test_the_experts_are_asked_at_once() -> None:
    most = 0

    async def say(request: Request) -> str:
        nonlocal most
        await asyncio.sleep(0)
        most = max(most, model.running)
        text = request.messages[-1].text
        return ROLES if "different experts" in text else merged("1", "623") if "seven steps" in text else "623"

    model = Scripted("small", say)
    await run(multi_expert, "Why?", model)
    assert most == 3
    assert model.running == 0


async def test_a_merge_that_was_cut_off_is_not_passed_off_as_an_answer() -> None:
    torn = merged("combined", "It is").replace("It is 623.", "It is " * 60)
    ran = await run(multi_expert, "What is 345 + 278?", saying(ROLES, *ANSWERS, torn), most_tokens=24)
    assert (ran.text, ran.facts["choice"]) == (ANSWERS[0], "expert 1")


async def test_experts_that_fail_are_left_out_and_one_is_enough() -> None:
    def say(request: Request) -> str:
        text = request.messages[-1].text
        if "You are bookkeeper" in text or "You are estimator" in text:
            raise ModelUnavailable("gone", model="small")
        return ROLES if "different experts" in text else merged("1", "x") if "seven steps" in text else "623"

    ran = await run(multi_expert, "Why?", say)
    assert "1 experts answered it" in ran.prompt("merge")
    assert "Answer 1, by teacher:\n623" in ran.prompt("merge")
    assert (ran.text, ran.facts["choice"]) == ("623", "expert 1")


async def test_without_a_call_left_for_the_merge_the_first_expert_answers_and_it_is_flagged() -> None:
    said = saying("no roles", ROLES, *ANSWERS)
    journey = await travel(multi_expert, "Why?", said, constraints=Constraints(max_calls=5))
    assert (journey.text, journey.kept, journey.status) == (ANSWERS[0], True, "degraded")


async def test_what_the_caller_wants_binds_the_experts_whose_words_may_be_returned() -> None:
    asked = Request((Message("user", "Why?"),), max_tokens=30, stop=("###",), seed=3)
    ran = await run(multi_expert, asked, saying(ROLES, *ANSWERS, merged("1", "623")))
    bound = [call.label for call in ran.calls if (call.request.max_tokens, call.request.stop) == (30, ("###",))]
    assert bound == ["expert 1", "expert 2", "expert 3"]
    assert {call.request.seed for call in ran.calls} == {3}
