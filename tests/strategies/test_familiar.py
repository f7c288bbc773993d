"""Retrieval that is left out for questions like those whose answers were rated well."""

from strategies.core import Example, Passage
from strategies.retrieval import retrieval
from tests.strategies.stage import Past, Shelf, run, saying

KNOWN = [f"add the numbers {i} and {i + 1} together for the teacher" for i in range(40)]
SHELF = Shelf([Passage("p1", "Halden lies on the river Orn.", "Gazetteer", 0.9)])
EXTRACT = "<sentence>Halden lies on the river Orn.</sentence>"
ORDER = "BECAUSE: it says so\nORDER: 1\nANSWER: the Orn"


def past(n: int) -> Past:
    return Past([Example(question, "so", 1.0, 0.9) for question in KNOWN[:n]])


async def test_the_more_familiar_half_of_the_rated_questions_is_answered_without_the_library() -> None:
    answered = []
    for asked in KNOWN:
        said = saying(EXTRACT, ORDER)
        ran = await run(retrieval, asked, said, library=SHELF, memory=past(40), when="unfamiliar")
        answered.append(ran.labels == ["answer"])
        assert answered[-1] == (ran.facts.get("looked_up") is False)
    assert len(KNOWN) // 2 <= sum(answered) < len(KNOWN)  # some lie exactly at the median


async def test_a_question_unlike_them_is_looked_up() -> None:
    asked = "Which river flows past Halden?"
    ran = await run(retrieval, asked, saying(EXTRACT, ORDER), library=SHELF, memory=past(40), when="unfamiliar")
    assert ran.labels == ["extract", "order"]
    assert float(str(ran.facts["thrust"])) < float(str(ran.facts["threshold"]))


async def test_with_few_rated_questions_nothing_is_familiar() -> None:
    ran = await run(retrieval, KNOWN[7], saying(EXTRACT, ORDER), library=SHELF, memory=past(5), when="unfamiliar")
    assert ran.labels == ["extract", "order"]
    assert ran.facts["seen"] == 5
