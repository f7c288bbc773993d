"""The other orders of retrieval: linked and refined, only when needed, and with passages labelled first."""

import pytest

from models.errors import ModelUnavailable, StrategyError
from models.types import Request
from strategies.core import Constraints, Passage
from strategies.core.registry import Param
from strategies.core.support import copying
from strategies.retrieval import COPIED, LINK, LONGEST_LINK, NOT_ANSWERED, WRITTEN, retrieval
from tests.strategies.line import travel
from tests.strategies.stage import Ran, Shelf, run, saying

SHELF = Shelf(
    [
        Passage("p1", "Halden lies on the river Orn. Its mayor is Ida Brandt.", "Cities", 0.8),
        Passage("p2", "Mira Voss was born in Halden. She plays the violin.", "People", 0.7),
    ]
)
ASKED = "Which river flows through the city where Mira Voss was born?"
BORN, RIVER = "Mira Voss was born in Halden.", "Halden lies on the river Orn."
BOTH = f"<sentence>{RIVER}</sentence>\n<sentence>{BORN}</sentence>"
TEXTS = " ".join(passage.text for passage in SHELF.passages)
FREE, CLOSE = "She comes from a town by the Orn.", "Halden lies on the river Orn, and Mira Voss was born in Halden."
WHOLE = "Mira Voss was born in Halden. She plays the violin."


def review(said: str, verdict: str = "continue") -> str:
    return f"FEEDBACK: {said}\nVERDICT: {verdict}"


async def ask(*replies: str, **params: Param) -> Ran:
    return await run(retrieval, ASKED, saying(*replies), library=SHELF, params=params)


async def test_linked_sentences_are_sorted_by_words_shared_with_the_question_and_linked_in_a_second_call() -> None:
    said = "<intro>In short:</intro>\n<link>This city we know.</link>\n<end>So it is.</end>\nANSWER: the Orn"
    ran = await ask(BOTH, said, order="linked")
    assert ran.labels == ["extract", "link"]
    rows = f"(1) {BORN}\n(2) {RIVER}"
    assert ran.prompt("link") == LINK.format(question=ASKED, sentences=rows, words=LONGEST_LINK)
    assert ran.text == (
        f"In short:\n{BORN} [2]\nThis city we know.\n{RIVER} [1]\nSo it is.\nAnswer: the Orn\n\n[1] Cities (p1)\n"
        "[2] People (p2)"
    )


async def test_links_can_be_told_from_what_was_copied_and_long_ones_are_left_out() -> None:
    long = "and so it came that " * 4
    ran = await ask(BOTH, f"<intro>{long}</intro><link>{long}</link>\n<end>So.</end>\nANSWER: x", order="linked")
    assert (ran.facts["links"], ran.facts["intro"], ran.facts["end"]) == ([""], "", "So.")
    short = await ask(BOTH, "<link>It is there:</link>\nANSWER: x", order="linked")
    assert short.facts["links"] == ["It is there:"]
    for ran_ in (ran, short):
        rows = [row.rsplit(" [", 1)[0] for row in ran_.text.split("\n\n")[0].split("\n")]
        written = [row for row in rows if row not in TEXTS and not row.startswith("Answer:")]
        assert all(len(row.split()) <= LONGEST_LINK for row in written)
        assert len(written) == 1


@pytest.mark.parametrize("mangled", ["", "no links", "<link></link>", "<link>a</link>" * 9, "ANSWER:", "{words}"])
async def test_without_readable_links_the_sentences_stand_alone(mangled: str) -> None:
    ran = await ask(BOTH, mangled, order="linked")
    assert f"{BORN} [2]\n" in ran.text
    assert f"{RIVER} [1]\nAnswer: {BORN}" in ran.text


async def test_a_sentence_that_begins_as_one_of_the_passages_is_taken_from_there() -> None:
    begun = await ask("<sentence>Mira Voss was born in the lovely town of Lisbon.</sentence>", "", order="linked")
    assert begun.text.startswith(f"{BORN} [2]\n")
    other = "<sentence>Lisbon is where Mira Voss was born.</sentence>"
    assert (await ask(other, "", order="linked")).text == NOT_ANSWERED


async def test_a_refined_text_is_written_again_with_what_the_reviewer_said_of_it() -> None:
    ran = await ask(FREE, review("copy the sentences"), f"{WHOLE}\nANSWER: the Orn", order="refined")
    assert ran.labels == ["write 1", "review 1", "write 2"]
    assert FREE in ran.prompt("review 1")
    assert "Your last text was" not in ran.prompt("write 1")
    assert f"Your last text was:\n{FREE}\nA reviewer said of it: copy the sentences\n" in ran.prompt("write 2")
    assert ran.text == f"{BORN} [2] She plays the violin. [2]\nAnswer: the Orn\n\n[2] People (p2)"


async def test_in_a_refined_text_only_what_is_copied_is_cited_and_only_what_is_cited_is_listed() -> None:
    slip = "Mira Voss was born in Lisbon."
    drafts = [f"{RIVER} I think so. {slip}", review("fine", "accept")]
    ran = await ask(*drafts, order="refined")
    assert ran.text.split("\n") == [f"{RIVER} [1] I think so. {slip}", f"Answer: {drafts[0]}", "", "[1] Cities (p1)"]
    free = await ask(FREE, review("fine", "accept"), order="refined")
    assert free.text == f"{FREE}\nAnswer: {FREE}"


@pytest.mark.parametrize(
    ("said", "accepts"),
    [("accept", True), ("**Accept.**", True), ("do not accept", False), ("acceptable only in part", False)],
)
async def test_a_text_is_accepted_only_by_a_verdict_that_begins_so(said: str, accepts: bool) -> None:
    ran = await ask(FREE, review("more", said), WHOLE, order="refined")
    assert ran.labels == (["write 1", "review 1"] if accepts else ["write 1", "review 1", "write 2"])


async def test_the_text_that_copies_most_is_returned_and_not_the_last() -> None:
    assert copying(FREE, TEXTS).score < copying(CLOSE, TEXTS).score < COPIED <= copying(WHOLE, TEXTS).score
    ran = await ask(FREE, review("more"), CLOSE, review("more"), FREE, review("good", "accept"), order="refined")
    assert ran.text.startswith(CLOSE)
    assert ran.facts["texts"] == 3
    assert ran.facts["copying"] == pytest.approx(copying(CLOSE, TEXTS).score)


async def test_a_text_that_is_copied_whole_is_not_reviewed() -> None:
    ran = await ask(WHOLE, order="refined")
    assert ran.labels == ["write 1"]


async def test_refining_takes_nine_calls_at_most() -> None:
    ran = await ask(*[FREE, review("more")] * (WRITTEN - 1), FREE, order="refined")
    assert len(ran.calls) == 2 * WRITTEN - 1 == 9


@pytest.mark.parametrize("mangled", ["", "Copy more.", "VERDICT:", "{feedback}"])
async def test_a_review_that_cannot_be_read_is_passed_on_whole_and_counts_as_going_on(mangled: str) -> None:
    ran = await ask(FREE, mangled, WHOLE, order="refined")
    assert ran.labels == ["write 1", "review 1", "write 2"]
    assert f"A reviewer said of it: {mangled.split('VERDICT:')[0]}" in ran.prompt("write 2")


@pytest.mark.parametrize(("prior", "looks"), [("yes", False), ("no", True), ("unknown", True), ("???", True)])
async def test_passages_are_looked_up_only_where_the_model_says_that_it_does_not_know(prior: str, looks: bool) -> None:
    replies = [prior, BOTH, "ORDER: 1, 2\nANSWER: the Orn"] if looks else [prior, "The Orn."]
    ran = await ask(*replies, when="unknown")
    assert ran.labels == (["prior", "extract", "order"] if looks else ["prior", "answer"])
    assert looks or ran.text == ran.streamed == "The Orn."


async def test_passages_that_a_model_calls_useless_or_unfit_are_not_shown() -> None:
    ran = await ask("1: relevant\n2: inappropriate", f"<sentence>{RIVER}</sentence>", "ANSWER: the Orn", labels=True)
    assert ran.labels == ["label", "extract", "order"]
    assert "Mira Voss was born in Halden" not in ran.prompt("extract")
    assert ran.facts["inappropriate"] == ["p2"]
    none = await ask("1: irrelevant\n2: irrelevant", labels=True)
    assert (none.text, none.labels) == (NOT_ANSWERED, ["label"])


@pytest.mark.parametrize(
    ("params", "calls"),
    [({}, 2), ({"order": "linked"}, 2), ({"order": "refined"}, 3), ({"when": "unknown", "labels": True}, 4)],
)
def test_the_calls_expected_follow_the_parameters(params: dict[str, Param], calls: float) -> None:
    assert retrieval.calls({**retrieval.params, **params}) == calls


@pytest.mark.parametrize("params", [{"order": "sideways"}, {"when": "never"}])
async def test_an_order_or_a_need_that_there_is_not_is_named(params: dict[str, Param]) -> None:
    with pytest.raises(StrategyError, match="there are ordered, linked, refined"):
        await ask(**params)


@pytest.mark.parametrize("order", ["ordered", "linked"])
async def test_if_the_model_falls_silent_the_copied_sentences_are_given_and_flagged(order: str) -> None:
    left = [BOTH]

    def say(_: Request) -> str:
        if not left:
            raise ModelUnavailable("gone", model="small")
        return left.pop()

    journey = await travel(
        retrieval, ASKED, say, library=SHELF, params={"order": order}, offers=frozenset({"documents"})
    )
    assert journey.text.startswith(f"{RIVER} [1]\n{BORN} [2]\nAnswer: {RIVER}")
    assert (journey.kept, journey.status) == (True, "degraded")


async def test_when_the_calls_run_out_in_refining_the_best_text_so_far_is_given_and_flagged() -> None:
    limits = Constraints(max_calls=4)
    said = saying(CLOSE, review("more"), FREE, review("more"))
    journey = await travel(
        retrieval,
        ASKED,
        said,
        constraints=limits,
        library=SHELF,
        params={"order": "refined"},
        offers=frozenset({"documents"}),
    )
    assert journey.text.startswith(f"{CLOSE}\nAnswer: {CLOSE}")
    assert (journey.kept, journey.status) == (True, "degraded")
