"""Retrieval that is left out for questions like those whose answers were rated well."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.scripted import Scripted
from models.types import Message, Request
from strategies.core import Context, Example, Passage, Query
from strategies.core.familiar import unfamiliar
from strategies.core.query import Vector
from strategies.retrieval import retrieval
from tests.strategies.stage import Past, Ran, Shelf, WordEmbedder, run, saying

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


@dataclass
class Spread(Past):
    """A memory whose nearest ones depend on the question, and that shows a sample that does not."""

    shown: Sequence[Example] = ()

    async def examples(self, embedding: Vector, k: int, key: str | None = None) -> list[Example]:
        raise AssertionError("what is near to the question says nothing of what is familiar")

    async def sample(self, n: int, key: str | None = None) -> list[Example]:
        return list(self.shown[:n])


@dataclass
class Counting(WordEmbedder):
    """Counts the texts that it embeds."""

    texts: int = 0

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.texts += len(texts)
        return await super().embed(texts)


async def test_every_question_is_measured_against_the_same_sample_which_is_fitted_once() -> None:
    embedder, ran = Counting(name="counting"), Ran()
    memory, thresholds = Spread((), past(40).told), set()
    for asked in (KNOWN[3], KNOWN[30], "Which river flows past Halden?"):
        query = Query(Request((Message("user", asked),)), (await WordEmbedder().embed([asked]))[0])
        await unfamiliar(Context(query, Scripted("small", ""), ran.hear, memory=memory, embedder=embedder))
        thresholds.add(ran.facts["threshold"])
    assert (len(thresholds), embedder.texts) == (1, 40)
    memory.shown = past(39).told
    await unfamiliar(Context(query, Scripted("small", ""), ran.hear, memory=memory, embedder=embedder))
    assert (ran.facts["seen"], embedder.texts) == (39, 79)
