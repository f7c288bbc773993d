"""The zoo was trained on the very prompts that the strategies send."""

import pytest

from models.zoo import formats, stepping
from strategies import (
    chain_of_thought,
    debate,
    decompose,
    input_action_output,
    multi_expert,
    retrieval,
    self_consistency,
    self_reflection,
    sift,
    supervised_chain_of_thought,
)
from strategies.core import knowing
from strategies.core.demos import Demo, prompt_of
from strategies.core.forms import FORMS
from strategies.fitted import fit_mixture_of_prompts

MODULES = (
    chain_of_thought,
    debate,
    decompose,
    fit_mixture_of_prompts,
    input_action_output,
    knowing,
    multi_expert,
    retrieval,
    self_consistency,
    self_reflection,
    sift,
    supervised_chain_of_thought,
)
CONSTANTS = [
    (module.__name__, name, getattr(module, name))
    for module in MODULES
    for name in vars(formats)
    if name.isupper() and isinstance(getattr(module, name, None), str)
]
AHEAD: set[str] = set()
"""Prompts that the zoo knows before there is a strategy for them."""


def test_every_prompt_of_the_zoo_has_its_strategy_or_waits_for_one() -> None:
    assert {name for _, name, _ in CONSTANTS} == {name for name in vars(formats) if name.isupper()} - AHEAD


@pytest.mark.parametrize(("module", "name", "text"), CONSTANTS)
def test_a_strategys_prompt_is_what_the_zoo_was_trained_on(module: str, name: str, text: str) -> None:
    assert text == getattr(formats, name), module


def test_a_form_of_steps_is_told_as_the_zoo_was_trained_on() -> None:
    assert {name: (form.how, form.shape) for name, form in FORMS.items()} == {
        name: (form.how, form.shape) for name, form in stepping.FORMS.items()
    }


def test_answers_to_choose_from_are_laid_out_as_the_zoo_knows_them() -> None:
    assert self_consistency.numbered(["one\n two", "three"]) == formats.numbered(["one\n two", "three"])


@pytest.mark.parametrize("instruction", ["", "Work step by step."])
@pytest.mark.parametrize("shots", [0, 2])
def test_demonstrations_are_laid_out_as_the_zoo_knows_them(instruction: str, shots: int) -> None:
    pairs = [("What is 1 + 1?", "2"), ("What is 2 + 3?", "5")][:shots]
    asked = "What is 4 + 4?"
    ours = prompt_of(instruction, [Demo(*pair) for pair in pairs], asked)
    assert ours == formats.demonstrations(instruction, pairs, asked)
