"""Retrieval by copying: every sentence is the passages' own, the order is a permutation, the sources are cited."""

import asyncio

import pytest

from models.types import Message, Request
from strategies.core import Passage
from strategies.core.parse import squeeze
from strategies.core.registry import Param
from strategies.core.verbatim import _windows, find_copy
from strategies.retrieval import MOST_CLAIMS, NOT_ANSWERED, copied, retrieval
from tests.strategies.stage import Shelf, run, saying

SHELF = Shelf(
    [
        Passage("p1", "Halden lies on the river Orn. Its mayor is Ida Brandt.", "Cities", 0.8),
        Passage("p2", "Mira Voss was born in Halden.\nShe plays the violin, and “never” the cello.", "People", 0.7),
        Passage("p3", "Tarn and Sons makes copper kettles.", "Companies", 0.2),
    ]
)
ASKED = "Which river flows through the city where Mira Voss was born?"
BORN = "Mira Voss was born in Halden."
RIVER = "Halden lies on the river Orn."
BOTH = f"<sentence>{RIVER}</sentence>\n<sentence>{BORN}</sentence>"


def body(text: str) -> list[str]:
    """The copied sentences of a reply, without their citations."""
    rows = text.split("\n\n")[0].split("\n")
    return [row.rsplit(" [", 1)[0] for row in rows if not row.startswith("Answer:")]


async def test_two_calls_give_ordered_sentences_citations_the_answer_and_the_sources() -> None:
    ran = await run(retrieval, ASKED, saying(BOTH, "BECAUSE: so\nORDER: 2, 1\nANSWER: the Orn"), library=SHELF)
    assert ran.labels == ["extract", "order"]
    first, second = reversed([row.split(" ", 1)[1] for row in ran.prompt("order").split("\n") if row.startswith("(")])
    number = {RIVER: 1, BORN: 2}
    assert ran.text == (
        f"{first} [{number[first]}]\n{second} [{number[second]}]\nAnswer: the Orn\n\n[1] Cities (p1)\n[2] People (p2)"
    )
    assert ran.facts["order"] == "model"


async def test_the_passages_are_numbered_and_k_limits_them() -> None:
    ran = await run(retrieval, ASKED, saying("NONE FOUND"), library=SHELF, k=2)
    assert "[1] Halden lies" in ran.prompt("extract")
    assert "[2] Mira Voss" in ran.prompt("extract")
    assert "[3]" not in ran.prompt("extract")


@pytest.mark.parametrize("reply", ["NONE FOUND", "", "<sentence>NONE FOUND</sentence>", '"Orn"', "I cannot say."])
async def test_nothing_found_is_said_after_one_call(reply: str) -> None:
    ran = await run(retrieval, ASKED, saying(reply), library=SHELF)
    assert ran.text == NOT_ANSWERED
    assert ran.labels == ["extract"]


async def test_without_passages_the_model_is_not_asked() -> None:
    ran = await run(retrieval, ASKED, saying(), library=Shelf([]))
    assert (ran.text, ran.calls) == (NOT_ANSWERED, [])


async def test_one_sentence_is_ordered_too_because_the_answer_comes_with_it() -> None:
    said = saying(f"<sentence>{BORN}</sentence>", "ORDER: 1\nANSWER: Halden")
    ran = await run(retrieval, ASKED, said, library=SHELF)
    assert ran.labels == ["extract", "order"]
    assert ran.text == f"{BORN} [2]\nAnswer: Halden\n\n[2] People (p2)"


@pytest.mark.parametrize("order", ["ORDER: 1, 1", "ORDER: 1", "ORDER: 3, 2, 1", "no order", "ORDER: first, second"])
async def test_an_order_that_is_no_permutation_gives_way_to_likeness(order: str) -> None:
    slip = f"<sentence>Halden lies on the river Arn.</sentence><sentence>{BORN}</sentence>"
    for i in range(6):  # six shuffles
        ran = await run(retrieval, f"{ASKED} {i}", saying(slip, order), library=SHELF)
        assert body(ran.text) == [BORN, RIVER]
        assert ran.facts["order"] == "likeness"
        assert f"Answer: {BORN}" in ran.text  # the first sentence stands for an answer that is not given


@pytest.mark.parametrize(
    "claim",
    [
        BORN,
        "Mira  Voss was\nborn in Halden.",
        "Mira Voss was born in Lisbon.",
        "Mira Vos was born at Halden",
        'She plays the violin, and "never" the cello.',
        "Its mayor is Ida Brandt",
        "the river Orn. Its mayor",
        "Everybody knows that Mira Voss was born in Halden, a fine old place by the sea.",
        "Tarn and Sons make kettles.",
        "Nothing of this kind is written anywhere at all.",
        "Paris is the capital of France.",
    ],
)
def test_what_is_copied_is_always_the_passages_own(claim: str) -> None:
    texts = [passage.text for passage in SHELF.passages]
    for copy in copied(f"<sentence>{squeeze(claim)}</sentence>", texts):
        assert copy.text in squeeze(texts[copy.passage])


def test_the_exact_words_are_found_whatever_the_white_space_and_quotation_marks() -> None:
    found = find_copy('violin,\nand "never"  the', [passage.text for passage in SHELF.passages])
    assert found is not None
    assert (found.text, found.passage, found.likeness) == ("violin, and “never” the", 1, 1.0)


def test_a_slip_of_the_pen_is_replaced_by_the_true_wording() -> None:
    found = find_copy("Mira Voss was born in Lisbon.", [passage.text for passage in SHELF.passages])
    assert found is not None
    assert found.text == BORN
    assert 0.7 <= found.likeness < 1


def test_a_shared_phrase_is_extended_to_its_sentence() -> None:
    sentence = "The old copper kettles of Tarn and Sons are sold on the market square of Halden."
    around = "0123 4567 8901 2345 6789 " * 8
    claim = (
        "The old copper kettles of Tarn and Sons, zzz qqq zzz qqq zzz qqq zzz qqq zzz qqq zzz qqq, are sold on the "
        "market square of Halden."
    )
    found = find_copy(claim, [f"{around}end. {sentence} {around}"])
    assert found is not None
    assert found.text == sentence


def test_what_the_passages_do_not_say_is_dropped() -> None:
    texts = [passage.text for passage in SHELF.passages]
    assert find_copy("Paris is the capital of France.", texts) is None
    assert find_copy("", texts) is None


def test_untagged_replies_fall_back_to_their_quotations_and_short_pieces_are_dropped() -> None:
    texts = [passage.text for passage in SHELF.passages]
    assert [copy.text for copy in copied(f'It says "{BORN}" and "Orn".', texts)] == [BORN]
    assert copied("<sentence>Halden.</sentence>", texts) == []
    assert len(copied(BOTH + BOTH, texts)) == 2


def test_of_very_many_claims_the_first_count_and_a_long_passage_is_gone_through_once() -> None:
    rows = [f"Sentence number {i} of the passage." for i in range(40)]
    claims = "\n".join(f"<sentence>{row}</sentence>" for row in rows)
    assert [copy.text for copy in copied(claims, [" ".join(rows)])] == rows[:MOST_CLAIMS]
    stretches = [list(_windows("x" * 80, "word " * n)) for n in (50, 50_000)]  # seconds, or half an hour
    assert [len(found) for found in stretches] == [190, 249_940]


async def test_the_loop_is_free_while_copies_are_searched() -> None:
    shelf = Shelf([Passage(f"p{i}", " ".join(f"word{j} lies there" for j in range(400)), "Words") for i in range(3)])
    claims = "".join(f"<sentence>word{i} was lying somewhere else</sentence>" for i in range(3))
    task = asyncio.create_task(run(retrieval, ASKED, saying(claims, "ANSWER: so"), library=shelf))
    turns = 0
    while not task.done():
        turns += 1
        await asyncio.sleep(0.001)
    assert turns > 20
    await task


async def test_the_shuffle_depends_on_the_question_alone() -> None:
    orders = set()
    for _ in range(3):
        ran = await run(retrieval, ASKED, saying(BOTH, ""), library=SHELF)
        orders.add(ran.prompt("order"))
    assert len(orders) == 1
    shuffled = set()
    for i in range(8):
        ran = await run(retrieval, f"{ASKED} {i}", saying(BOTH, ""), library=SHELF)
        shuffled.add(ran.prompt("order").index(RIVER) < ran.prompt("order").index(BORN))
    assert shuffled == {True, False}


async def test_the_temperature_is_a_tenth_unless_somebody_sets_it() -> None:
    heats = []
    rows: list[tuple[float | None, dict[str, Param]]] = [(None, {}), (None, {"temperature": 0.0}), (0.6, {})]
    for asked, params in rows:
        request = Request((Message("user", ASKED),), temperature=asked)
        ran = await run(retrieval, request, saying(BOTH, ""), library=SHELF, params=params)
        heats.append([call.request.temperature for call in ran.calls])
    assert heats == [[0.1, 0.1], [0.0, 0.0], [0.6, 0.6]]
