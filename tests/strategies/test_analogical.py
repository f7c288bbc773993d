"""Analogical prompting: worked examples of the model's own, right ones from a store or five written on the spot."""

import json
import re
from pathlib import Path

import pytest

from models.errors import StrategyError
from models.types import Message, Request
from strategies.analogical import GENERATE, KINDS, SIMPLE, analogical, read, written
from strategies.core.chain import CHAIN
from strategies.core.demos import Demo
from tests.strategies.line import travel
from tests.strategies.stage import run, saying

ASKED = "Tom buys 5 bags of 3 nuts. How many nuts?"
FIVE = "\n".join(f"Q: What is {i} * 3?\nA: {i} * 3 = {3 * i}.\nAnswer: {3 * i}" for i in range(1, 6))
SOLUTION = "5 * 3 = 15.\nAnswer: 15"
REPLY = f"{FIVE}\nSOLUTION: {SOLUTION}"


@pytest.fixture
def store(tmp_path: Path) -> str:
    """A store with three verified examples and a wrong one that nothing bears out."""
    rows = [
        {"question": f"Ann buys {i} bags of 4 nuts. How many?", "answer": str(4 * i), "verified": "arithmetic"}
        for i in (2, 3, 6)
    ]
    rows.append({"question": "Ann buys 5 bags of 3 nuts. How many?", "answer": "16", "verified": ""})
    path = tmp_path / "analogical.json"
    path.write_text(json.dumps({"small": {"exemplars": rows}, "other": {"exemplars": rows[3:]}}))
    return str(path)


async def test_verified_examples_are_shown_before_the_question_in_one_call(store: str) -> None:
    ran = await run(analogical, ASKED, saying("15"), fitted=store)
    assert ran.labels == ["answer"]
    assert ran.prompt("answer").count("Input: Ann buys") == 3
    assert ran.prompt("answer").endswith(f"\n\nInput: {ASKED}\nOutput:")
    assert (ran.facts["verified"], len(ran.facts["examples"] or [])) == (True, 3)  # type: ignore[arg-type]  # a list
    assert ran.text == ran.streamed == "15"


async def test_what_nothing_bears_out_is_never_shown(store: str) -> None:
    ran = await run(analogical, ASKED, saying("15"), fitted=store)
    assert "16" not in ran.prompt("answer")
    assert [one.verified for one in read(store)["small"]] == ["arithmetic"] * 3 + [""]


async def test_how_many_are_shown_is_a_parameter(store: str) -> None:
    ran = await run(analogical, ASKED, saying("15"), fitted=store, k=1)
    assert ran.prompt("answer").count("Input: Ann buys") == 1


async def test_right_examples_help_and_corrupted_ones_hurt(tmp_path: Path) -> None:
    def imitate(request: Request) -> str:
        """A model that does to the last two numbers what the examples do: multiply, or whatever else they show."""
        shown = re.findall(r"(\d+) bags of (\d+) nuts.*\nOutput: (\d+)", request.messages[-1].text)
        slip = {int(result) - int(a) * int(b) for a, b, result in shown}
        a, b = map(int, re.findall(r"(\d+) bags of (\d+)", request.messages[-1].text)[-1])
        return str(a * b + (slip.pop() if len(slip) == 1 else 0))

    answers = []
    for slip in (0, 1):
        rows = [
            {"question": f"Ann buys {i} bags of 4 nuts. How many?", "answer": str(4 * i + slip), "verified": "samples"}
            for i in (2, 3)
        ]
        path = tmp_path / f"{slip}.json"
        path.write_text(json.dumps({"small": {"exemplars": rows}}))
        answers.append((await run(analogical, ASKED, imitate, fitted=str(path))).text)
    assert answers == ["15", "16"]


async def test_without_a_store_five_examples_are_written_first_and_only_the_last_part_is_the_answer(
    store: str,
) -> None:
    ran = await run(analogical, ASKED, saying(REPLY), fitted=store + ".none")
    assert ran.labels == ["examples"]
    assert ran.prompt("examples") == GENERATE.format(question=ASKED, kind=KINDS["relevant"], simple=SIMPLE)
    assert ran.text == SOLUTION
    assert ran.facts["examples"] == [f"What is {i} * 3?" for i in range(1, 6)]
    assert ran.facts["verified"] is False


async def test_a_model_that_only_has_unverified_examples_writes_its_own(tmp_path: Path) -> None:
    path = tmp_path / "f.json"
    path.write_text(json.dumps({"small": {"exemplars": [{"question": "What is 1 + 1?", "answer": "3"}]}}))
    ran = await run(analogical, ASKED, saying(REPLY), fitted=str(path))
    assert ran.labels == ["examples"]


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("simple", [True, False])
async def test_the_kind_of_examples_can_be_switched(kind: str, simple: bool) -> None:
    ran = await run(analogical, ASKED, saying(REPLY), fitted="none", kind=kind, simple=simple)
    asked = KINDS[kind] + (SIMPLE if simple else "")
    assert f"First part. {asked}. Give each" in ran.prompt("examples")
    assert len({*KINDS.values()}) == len(KINDS)


async def test_an_unknown_kind_is_named_with_those_there_are() -> None:
    with pytest.raises(StrategyError, match="kind = 'cooking': no such kind; there are relevant, random"):
        await run(analogical, ASKED, saying(), kind="cooking")


def test_five_worked_examples_are_read_from_the_first_part_only() -> None:
    made = written(REPLY.replace("SOLUTION:", "SOLUTION:\nQ: one more?\nA: no\nAnswer: no\n"))
    assert [demo.question for demo in made] == [f"What is {i} * 3?" for i in range(1, 6)]
    assert made[4] == Demo("What is 5 * 3?", "5 * 3 = 15.\nAnswer: 15")


@pytest.mark.parametrize("mangled", ["15", "", FIVE, "Q:\nA:\nAnswer:", "SOLUTION:", "Q: {question}"])
async def test_examples_without_a_last_part_are_never_the_answer_a_plain_chain_is(mangled: str) -> None:
    ran = await run(analogical, ASKED, saying(mangled, "15"), fitted="none")
    assert ran.labels == ["examples", "answer"]
    assert ran.prompt("answer") == CHAIN.format(question=ASKED)
    assert ran.text == ran.streamed == "15"


@pytest.mark.parametrize(("asked", "heat"), [(None, 0.0), (0.7, 0.7)])
async def test_examples_are_written_at_temperature_zero_unless_the_caller_gives_one(
    asked: float | None, heat: float
) -> None:
    request = Request((Message("user", ASKED),), temperature=asked)
    ran = await run(analogical, request, saying(REPLY), fitted="none")
    assert [call.request.temperature for call in ran.calls] == [heat]


@pytest.mark.parametrize("marker", ["Solution: ", "**SOLUTION:** ", "## SOLUTION:\n", "  solution: "])
async def test_marks_around_the_last_part_do_not_matter(marker: str) -> None:
    ran = await run(analogical, ASKED, saying(f"{FIVE}\n{marker}{SOLUTION}"), fitted="none")
    assert ran.text.strip("* ") == SOLUTION


async def test_what_the_caller_wants_binds_every_reply_that_may_be_the_answer(store: str) -> None:
    asked = Request((Message("user", ASKED),), temperature=0.4, max_tokens=3, stop=("###",), seed=2)
    shown = (await run(analogical, asked, saying("15"), fitted=store)).calls[0].request
    assert (shown.temperature, shown.max_tokens, shown.stop, shown.seed) == (0.4, 3, ("###",), 2)
    made = (await run(analogical, asked, saying(REPLY, SOLUTION), fitted="none")).calls[0].request
    assert (made.temperature, made.max_tokens, made.stop, made.seed) == (0.4, 3, ("###",), 2)
    journey = await travel(analogical, asked, saying(REPLY, SOLUTION), params={"fitted": "none"})
    assert journey.labels == ["examples", "answer"]  # three tokens are no five examples
    assert (journey.text, journey.reply.finish_reason) == ("5 * 3", "length")
