"""On a planted task of three regions, in the real embedder's space, a fit finds them and beats one prompt for all."""

import pytest

from benchmarks.planted_prompts import SINGLE, learner, planted, right, try_model
from models.embedding import open_embedder
from models.scripted import Scripted
from models.types import Message, Request, collect
from service.commands.fit_report import DIRECT, FITTED
from strategies.core.demos import prompt_of


async def test_three_regions_are_found_and_beat_one_instruction_with_random_demonstrations() -> None:
    embedder = open_embedder(None)
    try:
        found = await try_model(learner(), embedder, 0, lambda *_: None)
    finally:
        await embedder.close()
    scores = {way: sum(all_of) / len(all_of) for way, all_of in found.trial.scores.items()}
    assert found.regions == 3
    assert scores[FITTED] >= scores[SINGLE] + 0.1
    assert scores[DIRECT] == 0.0


@pytest.mark.parametrize("kind", [0, 1, 2])
async def test_the_planted_model_needs_most_demonstrations_to_be_of_the_questions_kind(kind: int) -> None:
    parts = planted(1)
    marks = ("Which label", "My teacher", "The train")
    same, other = ([d for d in parts.teaching if marks[k % 3] in d.question][:3] for k in (kind, kind + 1))
    asked = next(demo for demo in parts.held_out if marks[kind] in demo.question)
    assert right(asked, await said(learner(), prompt_of("", [*same, *other[:2]], asked.question))) == 1.0
    assert right(asked, await said(learner(), prompt_of("", [*same[:2], *other], asked.question))) == 0.0
    assert right(asked, await said(learner(), asked.question)) == 0.0


def test_no_held_out_word_or_number_is_shown() -> None:
    parts = planted(2)
    shown = {demo.question.removesuffix(" Answer briefly.") for demo in parts.teaching}
    assert parts.held_out
    assert not shown & {demo.question for demo in parts.held_out}
    assert planted(2) == parts


async def said(model: Scripted, prompt: str) -> str:
    return (await collect(model.stream(Request((Message("user", prompt),))), model.name)).text
