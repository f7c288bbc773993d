"""Debate: only where two models disagree and a text can be quoted; simultaneous, blind judges, the places swapped."""

import re

import pytest

from models.errors import ModelUnavailable
from models.scripted import Answer, Scripted
from models.types import Message, Request
from strategies.core import Constraints, Passage
from strategies.debate import ARGUE, DEFENCE, JUDGE, OPENING, REBUTTAL, _swapped, debate, read, verdict
from tests.strategies.line import travel
from tests.strategies.stage import Ran, Shelf, run, saying

TEXT = "Mira Voss was born in Halden. She moved to Orsk as a child and works there for Tarn and Sons."
ASKED = f"Passage: {TEXT}\nQuestion: Where was Mira Voss born?"
OWN, OTHER = "She was born in Halden.", "She was born in Orsk."


def arguing(a: str = "Answer: A", b: str = "Answer: B", own: str = OWN) -> Answer:
    """A model that answers `own`, argues with a quote, and judges `a` as asked and `b` with the places swapped."""

    def say(request: Request) -> str:
        prompt = request.messages[-1].text
        if "You argue for answer" in prompt:
            side, number = prompt.split("You argue for answer ")[1][0], prompt.count("\nA:") + 1
            case = f"<argument>Point {side}{number}. <quote>born in Halden</quote></argument>"
            return f"<thinking>plan {side}</thinking>{case}"
        if "Two people argued" in prompt:
            return a if f"Answer A: {own}" in prompt else b
        return own

    return say


async def staged(say: Answer | None = None, other: str = OTHER, **more: object) -> Ran:
    """A debate of two models over the passage, or over what `more` says."""
    peers = {"large": Scripted("large", other)}
    return await run(debate, ASKED, say or arguing(), peers=peers, **more)  # type: ignore[arg-type]  # by name


async def test_models_that_agree_are_not_set_against_each_other() -> None:
    ran = await staged(other="Halden")
    assert [(call.label, call.model) for call in ran.calls] == [("answer", "small"), ("other answer", "large")]
    assert (ran.text, ran.facts["debated"]) == (OWN, False)


async def test_a_debate_takes_two_answers_six_arguments_and_two_judgements() -> None:
    ran = await staged()
    assert ran.labels == [
        "answer", "other answer", "A 1", "B 1", "A 2", "B 2", "A 3", "B 3", "judge", "judge, swapped",
    ]  # fmt: skip
    assert (ran.text, ran.facts["debated"], ran.facts["share"]) == (OWN, True, 1.0)
    assert (ran.facts["verified"], ran.facts["unverified"]) == ([3, 3], [0, 0])


async def test_in_each_round_both_sides_see_all_earlier_rounds_and_nothing_of_their_own() -> None:
    ran = await staged()
    for number in (1, 2, 3):
        for side in "AB":
            seen = set(re.findall(r"Point ([AB]\d)", ran.prompt(f"{side} {number}")))
            assert seen == {f"{name}{before}" for name in "AB" for before in range(1, number)}


async def test_the_sides_argue_from_the_text_each_for_its_own_answer_in_every_round() -> None:
    ran = await staged()
    tasks = {1: OPENING, 2: REBUTTAL, 3: DEFENCE}
    for number, task in tasks.items():
        for side in "AB":
            prompt = ran.prompt(f"{side} {number}")
            assert TEXT in prompt
            assert f"Answer A: {OWN}\nAnswer B: {OTHER}\n" in prompt
            assert f"You argue for answer {side}. {task}" in prompt
            assert "at most 100 words" in prompt
    assert ran.prompt("A 1") == ARGUE.format(
        text=TEXT, question="Where was Mira Voss born?", a=OWN, b=OTHER, said="", side="A", task=OPENING,
        words=100,
    )  # fmt: skip


async def test_the_judges_see_the_arguments_and_the_marked_quotes_but_not_the_text() -> None:
    ran = await staged()
    for label in ("judge", "judge, swapped"):
        call = next(call for call in ran.calls if call.label == label)
        seen = "\n".join(message.text for message in call.request.messages)
        assert "She moved to Orsk" not in seen
        assert "Passage" not in seen
        assert "born in Halden (verified)" in seen
        assert "plan A" not in seen
        assert call.request.temperature == 0.0


async def test_the_second_judge_sees_answers_and_sides_swapped() -> None:
    ran = await staged()
    told = re.findall(r"^([AB]): Point ([AB])", ran.prompt("judge"), re.MULTILINE)
    swapped = re.findall(r"^([AB]): Point ([AB])", ran.prompt("judge, swapped"), re.MULTILINE)
    assert told == [("A", "A"), ("B", "B")] * 3
    assert swapped == [("B", "A"), ("A", "B")] * 3
    assert f"Answer A: {OTHER}\nAnswer B: {OWN}" in ran.prompt("judge, swapped")


@pytest.mark.parametrize(
    ("first", "second", "share", "text"),
    [
        ("Answer: A", "Answer: B", 1.0, OWN),
        ("Answer: B", "Answer: A", 0.0, OTHER),
        ("Answer: A", "Answer: A", 0.5, OWN),
        ("Answer: B", "Answer: B", 0.5, OWN),
        ("Answer: B", "I cannot tell.", 0.0, OTHER),
        ("", "Answer: B", 1.0, OWN),
        ("", "{answer}", 0.5, OWN),
    ],
)
async def test_both_judgements_are_averaged_unreadable_ones_left_out_and_a_tie_keeps_the_own_answer(
    first: str, second: str, share: float, text: str
) -> None:
    ran = await staged(arguing(first, second))
    assert (ran.text, ran.facts["share"]) == (text, share)


@pytest.mark.parametrize(
    ("reply", "name"),
    [
        ("Answer: A", "A"),
        ("I first leaned to answer A, but the quote decides.\n**Answer: B**", "B"),
        ("The answer is (b).", "B"),
        ("Both have a point.", None),
        ("Answer: C", None),
        ("", None),
    ],
)
def test_a_judgement_is_the_last_side_that_is_named(reply: str, name: str | None) -> None:
    assert verdict(reply) == name


@pytest.mark.parametrize(
    ("quote", "holds"),
    [
        ("born in Halden", True),
        ("BORN  in\nHalden", True),
        ("born in Orsk", False),
        ("born in Halden. She stayed", False),
        ("Mira Voss was not born in Halden", False),
        ("Tarn and Sons.", True),
    ],
)
def test_a_quote_is_verified_only_if_the_text_says_it_word_for_word(quote: str, holds: bool) -> None:
    made = read("A", f"<argument>Look: <quote>{quote}</quote></argument>", TEXT)
    word = "verified" if holds else "unverified"
    assert made.text == f"Look: {' '.join(quote.split())} ({word})"
    assert (made.verified, made.unverified) == (int(holds), int(not holds))


def test_curly_and_straight_quotation_marks_are_the_same() -> None:
    assert read("A", "<argument><quote>it's “so”</quote></argument>", 'They say it’s "so" here.').verified == 1


def test_a_side_cannot_call_its_own_words_verified() -> None:
    made = read("A", "<argument>Born in Orsk (verified). <quote>born in Orsk</quote> (verified)</argument>", TEXT)
    assert made.text == "Born in Orsk. born in Orsk (unverified)"


def test_an_argument_is_cut_at_150_words() -> None:
    made = read("A", f"<argument><quote>Halden</quote> {'word ' * 400}</argument>", TEXT)
    assert len(made.text.split()) == 150
    assert made.valid


@pytest.mark.parametrize(
    "reply",
    ["", "I argue for A.", "<argument></argument>", "<argument>It is so.</argument>", "<quote>born in Halden</quote>"],
)
async def test_an_argument_without_its_marks_is_asked_for_again_three_times_in_all(reply: str) -> None:
    assert not read("A", reply, TEXT).valid
    mute = arguing()

    def say(request: Request) -> str:
        return reply if "You argue for answer B" in request.messages[-1].text else str(mute(request))

    ran = await staged(say, rounds=1)
    assert [label for label in ran.labels if label.startswith("B")] == ["B 1", "B 1 again 1", "B 1 again 2"]
    heats = [call.request.temperature for call in ran.calls if call.label.startswith("B")]
    assert heats == [0.4, 0.7, 0.7]
    assert "plan" not in ran.prompt("judge")
    assert ran.text == OWN


async def test_an_argument_whose_end_is_missing_is_read_to_the_end() -> None:
    assert read("B", "<argument>It says <quote>born in Halden</quote> so", TEXT).text.endswith("(verified) so")


async def test_without_a_text_to_quote_there_is_no_debate_and_the_own_answer_stands() -> None:
    peers = {"large": Scripted("large", OTHER)}
    ran = await run(debate, "Where was Mira Voss born?", arguing(), peers=peers)
    assert (ran.text, len(ran.calls), ran.facts["debated"]) == (OWN, 2, False)


@pytest.mark.parametrize(("score", "calls"), [(0.8, 10), (0.3, 2)])
async def test_passages_of_the_library_that_are_near_enough_are_the_text(score: float, calls: int) -> None:
    shelf = Shelf([Passage("p1", TEXT, "People", score)])
    peers = {"large": Scripted("large", OTHER)}
    ran = await run(debate, "Where was Mira Voss born?", arguing(), peers=peers, library=shelf)
    assert len(ran.calls) == calls


async def test_the_rounds_are_a_parameter() -> None:
    ran = await staged(rounds=1)
    assert ran.labels[2:] == ["A 1", "B 1", "judge", "judge, swapped"]


async def test_the_other_model_is_the_named_one_and_one_that_the_caller_allows() -> None:
    peers = {name: Scripted(name, OTHER) for name in ("one", "two", "three")}
    named = await run(debate, ASKED, arguing(), peers=peers, to="two")
    assert named.calls[1].model == "two"
    allowed = await run(debate, ASKED, arguing(), peers=peers, constraints=Constraints(models=("small", "three")))
    assert {call.model for call in allowed.calls} == {"small", "three"}
    alone = await run(debate, ASKED, arguing(), peers=peers, constraints=Constraints(models=("small",)))
    assert (alone.labels, alone.text, alone.facts["debated"]) == (["answer"], OWN, False)


async def test_if_one_model_is_down_the_other_ones_answer_is_given() -> None:
    def down(_: Request) -> str:
        raise ModelUnavailable("gone")

    first = await run(debate, ASKED, arguing(), peers={"large": Scripted("large", down)})
    assert (first.text, len(first.calls)) == (OWN, 2)
    second = await run(debate, ASKED, down, peers={"large": Scripted("large", OTHER)})
    assert second.text == OTHER


@pytest.mark.parametrize("silence", ["", " \n"])
async def test_an_empty_answer_counts_as_a_failed_call(silence: str) -> None:
    first = await staged(arguing(own=silence))
    assert (first.text, len(first.calls), first.facts["debated"]) == (OTHER, 2, False)
    second = await staged(other=silence)
    assert (second.text, len(second.calls)) == (OWN, 2)
    neither = await staged(arguing(own=silence), other=silence)
    assert (neither.text.strip(), len(neither.calls)) == ("", 2)


async def test_what_the_caller_wants_binds_both_answers_and_nothing_else() -> None:
    asked = Request((Message("user", ASKED),), temperature=0.9, max_tokens=50, stop=("###",), seed=3)
    ran = await run(debate, asked, arguing(), peers={"large": Scripted("large", OTHER)})
    for call in ran.calls:
        bound = (call.request.temperature, call.request.max_tokens, call.request.stop) == (0.9, 50, ("###",))
        assert bound == (call.label in ("answer", "other answer"))
        assert call.request.seed == 3


@pytest.mark.parametrize("calls", [5, 8, 9])
async def test_when_the_calls_run_out_in_a_debate_the_own_answer_is_given_and_flagged(calls: int) -> None:
    large = Scripted("large", OTHER)
    journey = await travel(debate, ASKED, arguing(), large, constraints=Constraints(max_calls=calls))
    assert (journey.text, journey.kept, journey.status) == (OWN, True, "degraded")
    assert journey.ended.outcome.calls <= calls


async def test_a_model_that_falls_silent_in_a_debate_leaves_its_own_answer() -> None:
    def failing(request: Request) -> str:
        if "You argue for answer B" in request.messages[-1].text:
            raise ModelUnavailable("gone", model="small")
        return str(arguing()(request))

    journey = await travel(debate, ASKED, failing, Scripted("large", OTHER))
    assert (journey.text, journey.kept) == (OWN, True)


async def test_the_judge_is_told_not_to_trust_unverified_quotes() -> None:
    assert "do not trust one marked unverified" in JUDGE
    ran = await staged(
        saying(OWN, *["<argument><quote>born in Oslo</quote></argument>"] * 2, *["Answer: A"] * 2), rounds=1
    )
    assert "born in Oslo (unverified)" in ran.prompt("judge")


def test_only_the_names_of_the_sides_are_swapped_not_the_articles_before_words() -> None:
    said = "A: To answer a question: answer A is right, side B is not.\n\nB: No answer A can be."
    assert _swapped(said) == "B: To answer a question: answer B is right, side A is not.\n\nA: No answer B can be."
