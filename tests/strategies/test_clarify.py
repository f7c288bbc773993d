"""Clarify: one question back, only where the caller allows it, the readings differ and it was not asked before."""

from pathlib import Path

import pytest

from models.errors import BadRequest
from models.scripted import Scripted
from models.types import Message, Request
from router.catalog import Catalog
from router.types import Arm
from strategies.clarify import ASK, READ, clarify, only_question
from strategies.core import Constraints, load
from strategies.direct import direct
from tests.service.serving import served, settings
from tests.strategies.line import travel
from tests.strategies.stage import run, saying

ASKED = "Write me a script for my files."
READINGS = (
    "A shell program that renames photos by date is wanted.",
    "They need Python code which finds duplicate documents.",
    "Somebody would like backups made every night, automatically.",
)
SAME = ("Rename the photos.", "Rename the photos!", "rename the photos")
BACK = "What should happen to your files?"
ALLOWED = Constraints(clarify=True)


def talk(*turns: str) -> Request:
    """A conversation whose turns alternate, the user's first."""
    return Request(tuple(Message("assistant" if i % 2 else "user", text) for i, text in enumerate(turns)))


async def test_readings_that_differ_lead_to_one_question_back() -> None:
    ran = await run(clarify, ASKED, saying(*READINGS, BACK))
    assert ran.labels == ["reading 1", "reading 2", "reading 3", "question"]
    assert ran.prompt("reading 1") == READ.format(question=ASKED)
    shown = "\n".join(f"- {one}" for one in READINGS)
    assert ran.prompt("question") == ASK.format(question=ASKED, readings=shown)
    assert (ran.text, ran.facts["clarified"], ran.facts["readings"]) == (BACK, True, list(READINGS))
    assert len(ran.calls) == clarify.calls(clarify.params)


async def test_readings_that_agree_lead_to_the_answer() -> None:
    ran = await run(clarify, ASKED, saying(*SAME, "mv a b"))
    assert ran.labels == ["reading 1", "reading 2", "reading 3", "answer"]
    assert ran.prompt("answer") == ASKED
    assert ran.text == ran.streamed == "mv a b"
    assert ran.facts["agreement"] == pytest.approx(1.0)


async def test_how_much_readings_must_agree_and_how_many_are_drawn_are_parameters() -> None:
    ran = await run(clarify, ASKED, saying(*READINGS[:2], "mv a b"), readings=2, agreement=0.0)
    assert ran.labels == ["reading 1", "reading 2", "answer"]


async def test_one_reading_alone_cannot_differ() -> None:
    ran = await run(clarify, ASKED, saying("x", "mv a b"), readings=1, agreement=1.0)
    assert ran.text == "mv a b"


@pytest.mark.parametrize(
    ("reply", "question"),
    [
        (BACK, BACK),
        ("Sure! I would like to know: which language do you use? And which system?", "which language do you use?"),
        ('"Which files?"', "Which files?"),
        ("- Which files?\n- Which folder?", "Which files?"),
        ("It depends. Which files?", "Which files?"),
        ("I have no question.", None),
        ("", None),
        ("?", "?"),
    ],
)
def test_a_reply_is_cut_to_its_first_question(reply: str, question: str | None) -> None:
    assert only_question(reply) == question


async def test_several_questions_in_a_reply_reach_the_user_as_one() -> None:
    ran = await run(clarify, ASKED, saying(*READINGS, "Which files? Which folder? When?"))
    assert ran.text == "Which files?"


@pytest.mark.parametrize("mangled", ["", "Tell me more.", "{readings}", "No."])
async def test_without_a_question_in_the_reply_the_answer_is_given(mangled: str) -> None:
    ran = await run(clarify, ASKED, saying(*READINGS, mangled, "mv a b"))
    assert (ran.labels[-2:], ran.text) == (["question", "answer"], "mv a b")


async def test_what_was_asked_already_is_not_asked_again() -> None:
    before = talk(ASKED, BACK, "The usual things.")
    again = await run(clarify, before, saying(*READINGS, "What should happen to your files then?", "mv a b"))
    assert (again.text, again.facts["clarified"]) == ("mv a b", False)
    other = await run(clarify, before, saying(*READINGS, "Which operating system do you use?"))
    assert other.text == "Which operating system do you use?"


async def test_after_two_questions_in_a_row_it_answers_without_another_reading() -> None:
    turns = (ASKED, BACK, "Rename them.", "By which rule?", "By date.")
    ran = await run(clarify, talk(*turns), saying("mv a b"))
    assert (ran.labels, ran.text, ran.facts["clarified"]) == (["answer"], "mv a b", False)
    once = await run(clarify, talk(*turns[:3]), saying("mv a b"), most=1)
    assert once.labels == ["answer"]


async def test_questions_before_an_answer_do_not_count() -> None:
    turns = ("Hi", "How are you?", "Fine.", "Good to hear.", ASKED)
    ran = await run(clarify, talk(*turns), saying(*READINGS, BACK))
    assert ran.text == BACK


async def test_the_users_answers_are_in_what_is_read_and_answered() -> None:
    before = talk(ASKED, BACK, "Rename them by date.")
    ran = await run(clarify, before, saying(*SAME, "mv a b"))
    for call in ran.calls:
        assert call.request.messages[:2] == before.messages[:2]
    assert ran.calls[-1].request.messages == before.messages


async def test_a_user_who_answers_back_is_answered_better_than_one_who_was_not_asked() -> None:
    def say(request: Request) -> str:
        told = "by date" in "\n".join(message.text for message in request.messages)
        prompt = request.messages[-1].text
        if "In one sentence" in prompt:
            return SAME[0] if told else READINGS[len(model.requests) % 3]
        if "Ask the user one short question" in prompt:
            return BACK
        return "renamed by date" if told else "a guess"

    model = Scripted("small", say)
    assert (await run(direct, ASKED, model)).text == "a guess"
    asked = await run(clarify, ASKED, model)
    assert asked.text == BACK
    answered = await run(clarify, talk(ASKED, asked.text, "Rename them by date."), model)
    assert answered.text == "renamed by date"


async def test_what_the_caller_wants_binds_the_question_and_the_answer_and_not_the_readings() -> None:
    asked = Request((Message("user", ASKED),), temperature=0.3, max_tokens=9, stop=("###",), seed=5)
    ran = await run(clarify, asked, saying(*READINGS, "no", "mv a b"))
    bound = {call.label: (call.request.max_tokens, call.request.stop) == (9, ("###",)) for call in ran.calls}
    assert [label for label, is_bound in bound.items() if is_bound] == ["question", "answer"]
    assert [call.request.temperature for call in ran.calls] == [0.8, 0.8, 0.8, 0.0, 0.3]
    assert [call.request.seed for call in ran.calls] == [5, 6, 7, 5, 5]


async def test_a_reading_that_fails_is_left_out() -> None:
    left = iter([READINGS[0], READINGS[1], BACK])
    ran = await run(clarify, ASKED, lambda _: next(left), readings=2)
    assert ran.text == BACK


def catalog() -> Catalog:
    """A catalogue with one model and the strategies clarify and direct."""
    return Catalog({"m": Scripted("m", "hi")}, ["direct", "clarify"], {}, frozenset, {}, known=load())


def test_it_is_offered_only_where_the_caller_allows_to_ask_back() -> None:
    assert [one.arm for one in catalog().candidates("auto", Constraints())] == [Arm("m", "direct")]
    allowed = [one.arm for one in catalog().candidates("auto", ALLOWED)]
    assert allowed == [Arm("m", "direct"), Arm("m", "clarify")]
    with pytest.raises(BadRequest, match="needs clarify"):
        catalog().candidates("clarify@m", Constraints())


async def test_when_the_calls_run_out_before_the_answer_the_question_is_asked_directly() -> None:
    limits = Constraints(clarify=True, max_calls=4)
    journey = await travel(clarify, ASKED, saying(*READINGS, "no question", "mv a b"), constraints=limits)
    assert (journey.text, journey.arm, journey.status) == ("mv a b", "direct@small", "degraded")


async def test_the_question_back_is_a_whole_answer_of_the_engine() -> None:
    journey = await travel(clarify, ASKED, saying(*READINGS, BACK), constraints=ALLOWED)
    assert (journey.text, journey.status, journey.ended.outcome.calls) == (BACK, "ok", 4)


def test_over_http_it_takes_the_callers_word(tmp_path: Path) -> None:
    replies = {"In one sentence": "Files are wanted.", "Ask the user one short question": BACK}
    model = {"backend": "scripted", "extra": {"replies": replies, "reply": "mv a b"}}
    tables = {"enabled": ["direct", "clarify"], "clarify": {"agreement": 1.5}}
    with served(settings(tmp_path, {"well": model}, strategies=tables)) as service:
        allowed = service.ask(ASKED, "clarify@well", pointsman={"clarify": True})
        assert allowed.json()["choices"][0]["message"]["content"] == BACK
        refused = service.ask(ASKED, "clarify@well")
        assert refused.status_code == 400
        assert "clarify" in refused.json()["error"]["message"]
        routed = service.http.post("/v1/route", json={"messages": [{"role": "user", "content": ASKED}]}).json()
        assert set(routed["propensities"]) == {"direct@well"}
