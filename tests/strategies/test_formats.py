"""The zoo was trained on the very prompts that the strategies send."""

import pytest

from models.zoo import formats
from strategies import multi_expert, retrieval, self_reflection
from strategies.fitted import fit_mixture_of_prompts
from strategies.mixture_of_prompts import Demo, prompt_of

CONSTANTS = [
    (name, getattr(module, name))
    for module in (multi_expert, self_reflection, retrieval, fit_mixture_of_prompts)
    for name in (
        "ROLES_SYSTEM", "ROLES", "EXPERT", "MERGE", "CRITIQUE", "REVISE", "EXTRACT", "ORDER", "APE",
    )
    if isinstance(getattr(module, name, None), str)
]  # fmt: skip
AHEAD = {"STICKER", "FROM_STICKER", "DECOMPOSE", "PRIOR", "POST"}
"""Prompts that the zoo knows before there is a strategy for them."""


def test_every_prompt_of_the_zoo_has_its_strategy_or_waits_for_one() -> None:
    assert {name for name, _ in CONSTANTS} == {name for name in vars(formats) if name.isupper()} - AHEAD


@pytest.mark.parametrize(("name", "text"), CONSTANTS)
def test_a_strategys_prompt_is_what_the_zoo_was_trained_on(name: str, text: str) -> None:
    assert text == getattr(formats, name)


@pytest.mark.parametrize("instruction", ["", "Work step by step."])
@pytest.mark.parametrize("shots", [0, 2])
def test_demonstrations_are_laid_out_as_the_zoo_knows_them(instruction: str, shots: int) -> None:
    pairs = [("What is 1 + 1?", "2"), ("What is 2 + 3?", "5")][:shots]
    asked = "What is 4 + 4?"
    ours = prompt_of(instruction, [Demo(*pair) for pair in pairs], asked)
    assert ours == formats.demonstrations(instruction, pairs, asked)
