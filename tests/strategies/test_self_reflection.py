"""Self-reflection: an outside signal, a concrete fault, two rounds at most, the first answer kept unless it helps."""

import pytest

from models.scripted import Scripted
from models.types import Message, Request
from strategies.core import Passage
from strategies.self_reflection import concrete, self_reflection
from tests.strategies.stage import Shelf, run, saying

SUM = "What is 345 + 278?"
FAULT = '"613" is wrong: the sum does not hold.'
SHELF = Shelf([Passage("p1", "Mira Voss was born in Halden. She lives in Orsk.", "People", 0.8)])


async def test_a_draft_that_passes_takes_exactly_one_call() -> None:
    ran = await run(self_reflection, SUM, saying("623"))
    assert ran.labels == ["draft"]
    assert (ran.text, ran.facts["passed"], ran.facts["by"]) == ("623", True, "arithmetic")


async def test_the_draft_is_asked_the_conversation_as_it_is() -> None:
    turns = (Message("system", "Be brief."), Message("user", "Hi"), Message("assistant", "Hello"), Message("user", SUM))
    ran = await run(self_reflection, Request(turns, temperature=0.3, seed=5), saying("623"))
    assert ran.calls[0].request.messages == turns
    assert (ran.calls[0].request.temperature, ran.calls[0].request.seed) == (0.3, 5)


async def test_a_flagged_draft_is_criticised_revised_and_checked_again() -> None:
    ran = await run(self_reflection, SUM, saying("613", FAULT, "Answer: 623"))
    assert ran.labels == ["draft", "critique 1", "revision 1"]
    assert ran.text == "Answer: 623"
    assert [note.split()[0] for note in ran.notes] == ["draft", "revision"]


async def test_the_finding_names_what_is_wrong_and_keeps_the_right_value_to_itself() -> None:
    ran = await run(self_reflection, SUM, saying("613", FAULT, "623"))
    assert '"345 + 278 = 613" does not hold' in ran.prompt("critique 1")
    assert "623" not in ran.prompt("critique 1")


async def test_the_draft_is_shown_as_somebody_elses_in_a_user_turn() -> None:
    ran = await run(self_reflection, SUM, saying("613", FAULT, "623"))
    for call in ran.calls[1:]:
        assert [message.role for message in call.request.messages] == ["user"]
    assert "Somebody else answered" in ran.prompt("critique 1")
    assert "Somebody's draft:\n613" in ran.prompt("revision 1")
    assert f"A reviewer found this fault:\n{FAULT}" in ran.prompt("revision 1")


async def test_there_are_never_more_than_two_revisions_and_the_first_answer_stands() -> None:
    ran = await run(self_reflection, SUM, saying("613", FAULT, "614", '"614" is wrong', "615"))
    assert ran.labels == ["draft", "critique 1", "revision 1", "critique 2", "revision 2"]
    assert ran.text == "613"


async def test_a_second_round_without_a_fault_leaves_the_first_answer_too() -> None:
    ran = await run(self_reflection, SUM, saying("613", FAULT, "614", "no fault"))
    assert ran.labels == ["draft", "critique 1", "revision 1", "critique 2"]
    assert ran.text == "613"


@pytest.mark.parametrize("rounds", [0, 1])
async def test_the_rounds_are_a_parameter(rounds: int) -> None:
    ran = await run(self_reflection, SUM, saying("613", FAULT, "614"), rounds=rounds)
    assert len(ran.calls) == 1 + 2 * rounds
    assert ran.text == "613"


@pytest.mark.parametrize("critique", ["no fault", "It is just wrong.", 'The part "999" is wrong.', '"" is wrong', ""])
async def test_without_a_concrete_fault_the_first_answer_is_returned_unchanged(critique: str) -> None:
    ran = await run(self_reflection, SUM, saying("613", critique))
    assert ran.labels == ["draft", "critique 1"]
    assert ran.text == "613"


def test_a_fault_is_concrete_if_it_quotes_the_draft_or_the_finding() -> None:
    assert concrete("“Lisbon” is wrong.", "She was born in Lisbon.", "")
    assert concrete('"345 + 278 = 613" fails', "It is so.", '"345 + 278 = 613" does not hold')
    assert not concrete("Lisbon is wrong.", "She was born in Lisbon.", "")
    assert not concrete('No fault: "Lisbon" is right', "She was born in Lisbon.", "")


async def test_a_revision_that_cannot_be_checked_is_no_improvement() -> None:
    draft = "5 * 3 = 16. Answer: 16"
    ran = await run(
        self_reflection, "Tom buys 5 bags of 3 nuts. How many nuts?", saying(draft, '"5 * 3 = 16"', "15", "")
    )
    assert ran.text == draft


async def test_a_right_working_passes_and_a_wrong_one_is_flagged() -> None:
    question = "Tom buys 5 bags of 3 nuts. How many nuts?"
    passed = await run(self_reflection, question, saying("5 * 3 = 15. Answer: 15"))
    flagged = await run(
        self_reflection, question, saying("5 * 3 = 16. Answer: 16", '"5 * 3 = 16"', "5 * 3 = 15. Answer: 15")
    )
    assert passed.labels == ["draft"]
    assert flagged.text == "5 * 3 = 15. Answer: 15"


async def test_an_answer_that_its_passage_does_not_mention_is_flagged() -> None:
    question = "Passage: Mira Voss was born in Halden. She plays the violin.\nQuestion: Where was Mira Voss born?"
    said = saying("Mira Voss was born in Lisbon.", '"Lisbon" is wrong.', "Mira Voss was born in Halden.")
    ran = await run(self_reflection, question, said)
    assert 'the passage does not mention "Lisbon"' in ran.prompt("critique 1")
    assert ran.text == "Mira Voss was born in Halden."


@pytest.mark.parametrize(
    "draft", ["Mira Voss was born in Lisbon.", "I do not know.", "I do not know. Perhaps in Orsk."]
)
async def test_an_answer_that_the_library_contradicts_is_flagged_with_its_sentence(draft: str) -> None:
    critique = f'"{draft}" is wrong: the library says that she was born in Halden.'
    ran = await run(self_reflection, "Where was Mira Voss born?", saying(draft, critique, "Halden"), library=SHELF)
    assert "the library says: Mira Voss was born in Halden." in ran.prompt("critique 1")
    assert (ran.text, ran.facts["by"]) == ("Halden", "library")


async def test_an_answer_that_the_library_bears_out_takes_one_call() -> None:
    ran = await run(self_reflection, "Where was Mira Voss born?", saying("In Halden."), library=SHELF)
    assert ran.labels == ["draft"]
    assert ran.facts["by"] == "library"


async def test_a_library_that_is_far_from_the_question_says_nothing() -> None:
    far = Shelf([Passage("p1", "Mira Voss was born in Halden.", "People", 0.3)])
    ran = await run(self_reflection, "Where was Mira Voss born?", saying("In Lisbon."), library=far)
    assert ran.labels == ["draft"]
    assert ran.facts["passed"] is None


async def test_a_peer_is_asked_once_and_only_where_nothing_else_applies() -> None:
    peer = Scripted("large", saying("Halden"))
    ran = await run(self_reflection, "Where was Mira Voss born?", saying("In Halden."), peers={"large": peer})
    assert [(call.label, call.model) for call in ran.calls] == [("draft", "small"), ("peer", "large")]
    assert ran.text == "In Halden."
    summed = await run(self_reflection, SUM, saying("623"), peers={"large": Scripted("large", saying())})
    assert summed.labels == ["draft"]


async def test_a_peer_that_disagrees_flags_and_its_answer_is_remembered() -> None:
    peer = Scripted("large", saying("Halden."))
    said = saying("Lisbon", '"Lisbon" is wrong: another model says Halden.', "Halden")
    ran = await run(self_reflection, "Where was Mira Voss born?", said, peers={"large": peer})
    assert ran.labels == ["draft", "peer", "critique 1", "revision 1"]
    assert "another model answered: Halden." in ran.prompt("critique 1")
    assert ran.text == "Halden"


async def test_the_model_itself_is_no_peer() -> None:
    ran = await run(self_reflection, "Why?", saying("So."), peers={"small": Scripted("small", saying())})
    assert ran.labels == ["draft"]
