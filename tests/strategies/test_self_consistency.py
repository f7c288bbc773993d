"""Self-consistency: several chains at once, the answer that most agree with; for open answers the model's choice."""

import asyncio

import pytest

from models.errors import ModelUnavailable
from models.scripted import Scripted
from models.types import Message, Request
from strategies.core import Budget, Constraints
from strategies.core.chain import CHAIN
from strategies.self_consistency import SELECT, named, self_consistency
from tests.strategies.line import travel
from tests.strategies.stage import Ran, run, saying

SUM = "What is 345 + 278?"
OPEN = "Why do leaves fall in autumn?"
LONG = [
    f"Leaves fall because {why}, which is what every tree of this kind has to do before the cold of the {when} comes "
    "and the ground freezes hard."
    for why, when in (("light fades", "winter"), ("water is short", "season"), ("frost would tear them", "north"))
]


def chain(answer: str) -> str:
    return f"Step by step it goes.\nAnswer: {answer}"


async def test_as_many_chains_as_told_are_drawn_and_no_other_call_is_made() -> None:
    ran = await run(self_consistency, SUM, saying(*map(chain, ("613", "623", "623", "513", "623"))))
    assert ran.labels == [f"sample {i}" for i in range(1, 6)]
    assert len(ran.calls) == self_consistency.calls(self_consistency.params)
    assert {call.request.messages[-1].text for call in ran.calls} == {CHAIN.format(question=SUM)}
    assert ran.text == chain("623")
    assert (ran.facts["votes"], ran.facts["kept"]) == ([3, 1, 1], 2)


async def test_the_reply_is_the_first_of_those_that_agree_word_for_word() -> None:
    said = [chain("613"), "Count: 600 + 23.\nAnswer: 623", "By columns.\nAnswer: 623."]
    ran = await run(self_consistency, SUM, saying(*said), samples=3)
    assert ran.text == said[1]


async def test_answers_written_in_different_ways_are_one() -> None:
    said = [chain("0.75"), chain("1/2"), chain("3/4"), chain("0.5"), chain("$\\frac{3}{4}$")]
    ran = await run(self_consistency, "What is a quarter less than one?", saying(*said))
    assert (ran.text, ran.facts["votes"]) == (said[0], [3, 2])


async def test_a_tie_goes_to_the_answer_that_was_drawn_first() -> None:
    ran = await run(self_consistency, SUM, saying(*map(chain, ("613", "623", "623", "613"))), samples=4)
    assert ran.text == chain("613")


async def test_the_samples_are_drawn_at_once() -> None:
    most = 0

    async def say(_: Request) -> str:
        nonlocal most
        await asyncio.sleep(0)
        most = max(most, model.running)
        return chain("623")

    model = Scripted("small", say)
    await run(self_consistency, SUM, model, samples=4)
    assert most == 4


async def test_the_seed_of_the_caller_makes_different_samples_that_can_be_drawn_again() -> None:
    asked = Request((Message("user", SUM),), seed=11, max_tokens=50, stop=("###",))
    ran = await run(self_consistency, asked, saying(*[chain("623")] * 5))
    assert [call.request.seed for call in ran.calls] == [11, 12, 13, 14, 15]
    assert all((call.request.max_tokens, call.request.stop) == (50, ("###",)) for call in ran.calls)


@pytest.mark.parametrize(("callers", "drawn"), [(None, 0.7), (0.0, 0.7), (0.4, 0.4)])
async def test_samples_are_drawn_warm_and_at_the_callers_temperature_unless_that_is_zero(
    callers: float | None, drawn: float
) -> None:
    asked = Request((Message("user", SUM),), temperature=callers)
    ran = await run(self_consistency, asked, saying(chain("1"), chain("1")), samples=2)
    assert [call.request.temperature for call in ran.calls] == [drawn, drawn]


async def test_plain_answers_are_drawn_where_thinking_is_turned_off() -> None:
    ran = await run(self_consistency, SUM, saying("623", "613", "623"), samples=3, thinks=False)
    assert ran.prompt("sample 1") == SUM
    assert ran.text == "623"


async def test_open_answers_are_shown_to_the_model_which_names_the_one_to_keep() -> None:
    ran = await run(self_consistency, OPEN, saying(*LONG, "Answer 2 says what most say."), samples=3)
    assert ran.labels == ["sample 1", "sample 2", "sample 3", "select"]
    shown = "\n".join(f"{i}. {text}" for i, text in enumerate(LONG, 1))
    assert ran.prompt("select") == SELECT.format(question=OPEN, n=3, answers=shown)
    assert ran.calls[-1].request.temperature == 0.0
    assert (ran.text, ran.facts["kept"], ran.facts["readable"]) == (LONG[1], 2, True)


async def test_open_answers_of_which_two_agree_need_no_choice() -> None:
    ran = await run(self_consistency, OPEN, saying(LONG[1], LONG[0], LONG[0]), samples=3)
    assert (ran.text, len(ran.calls)) == (LONG[0], 3)


@pytest.mark.parametrize("choice", ["", "none of them", "9", "0", "the first one {n}"])
async def test_a_choice_that_cannot_be_read_keeps_the_first_answer(choice: str) -> None:
    ran = await run(self_consistency, OPEN, saying(*LONG, choice), samples=3)
    assert (ran.text, ran.facts["readable"]) == (LONG[0], False)


@pytest.mark.parametrize(
    ("reply", "number"),
    [
        ("2", 2),
        ("**Answer 3**", 3),
        ("Of 9 answers, 2.", 2),
        ("no", None),
        ("4", None),
        ("9" * 5000, None),
        (f"{'9' * 5000} or 2", 2),
    ],
)
def test_the_first_number_of_a_choice_that_is_one_counts(reply: str, number: int | None) -> None:
    assert named(reply, 3) == number


async def test_samples_that_fail_do_not_count_and_one_is_enough() -> None:
    left: list[str | None] = [None, chain("623"), None]

    def say(_: Request) -> str:
        reply = left.pop(0)
        if reply is None:
            raise ModelUnavailable("gone", model="small")
        return reply

    ran = await run(self_consistency, SUM, say, samples=3)
    assert ran.text == chain("623")
    assert sum("failed" in note for note in ran.notes) == 2


async def test_with_fewer_calls_than_samples_those_that_were_drawn_vote() -> None:
    ran = Ran()
    said = saying(*map(chain, ("613", "623", "623")))
    await run(self_consistency, SUM, said, ran=ran, budget=Budget(calls=3))
    assert (ran.text, len(ran.calls)) == (chain("623"), 3)


async def test_without_a_call_left_for_the_choice_the_first_answer_is_given_and_flagged() -> None:
    journey = await travel(
        self_consistency, OPEN, saying(*LONG), constraints=Constraints(max_calls=3), params={"samples": 3}
    )
    assert (journey.text, journey.kept, journey.status) == (LONG[0], True, "degraded")
    assert not journey.ended.outcome.blamed


@pytest.mark.parametrize("mangled", ["", "Answer:", "{question}", "I do not know.", "\\boxed{", "Answer: Answer: x"])
async def test_replies_without_an_answer_are_still_answered_with_one_of_them(mangled: str) -> None:
    ran = await run(self_consistency, SUM, saying(mangled, mangled, mangled), samples=3)
    assert ran.text == mangled
