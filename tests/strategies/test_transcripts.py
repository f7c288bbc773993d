"""Every prompt as it was reviewed: a change of a prompt shows as a change of a text file."""

import pytest

from strategies.core import load
from tests.strategies.transcripts import FOLDER, SCENES, ape, transcript

AGAIN = "if the change is meant, run python -m tests.strategies.transcripts and review the difference"


@pytest.mark.parametrize("name", list(SCENES))
async def test_the_prompts_are_those_of_the_golden_transcript(name: str) -> None:
    assert await transcript(name) == (FOLDER / f"{name}.txt").read_text(), AGAIN


def test_the_offline_prompt_is_that_of_its_golden_transcript() -> None:
    assert ape() == (FOLDER / "fit_mixture_of_prompts.txt").read_text(), AGAIN


def test_every_strategy_has_a_transcript_and_every_transcript_a_scene() -> None:
    assert set(load()) <= set(SCENES)
    assert {path.stem for path in FOLDER.glob("*.txt")} == {*SCENES, "fit_mixture_of_prompts"}
