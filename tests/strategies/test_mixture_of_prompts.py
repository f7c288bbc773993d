"""A mixture of prompts online: the nearest centre's prompt, and exactly one call."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from models.errors import StrategyError
from models.types import Message, Request
from strategies.core.demos import Demo, embedded, prompt_of
from strategies.mixture_of_prompts import Region, covers, mixture_of_prompts, nearest, read
from tests.strategies.stage import WordEmbedder, run, saying

SPELL, ADD = "Spell the word lamp backwards.", "What is 3 + 4?"


@pytest.fixture
async def fitted(tmp_path: Path) -> str:
    """A file with a region of spelling and a region of adding, for the model "small"."""
    centres = await WordEmbedder().embed([embedded(SPELL), embedded(ADD)])
    regions = [
        {"instruction": "Spell it.", "demos": [[SPELL, "pmal"]], "centre": centres[0].tolist(), "score": 1.0},
        {"instruction": "", "demos": [[ADD, "7"]], "centre": centres[1].tolist(), "score": 0.5},
    ]
    path = tmp_path / "fitted.json"
    path.write_text(json.dumps({"small": {"regions": regions}, "other": {"regions": []}}))
    return str(path)


async def test_the_nearest_regions_prompt_is_asked_in_exactly_one_call(fitted: str) -> None:
    ran = await run(mixture_of_prompts, "Spell the word house backwards.", saying("esuoh"), fitted=fitted)
    assert len(ran.calls) == 1
    assert ran.prompt("answer") == (
        f"Instruction: Spell it.\n\nInput: {SPELL}\nOutput: pmal\n\nInput: Spell the word house backwards.\nOutput:"
    )
    assert ran.text == ran.streamed == "esuoh"
    assert ran.facts["region"] == 0


async def test_another_question_goes_to_another_region_and_an_empty_instruction_leaves_no_trace(fitted: str) -> None:
    ran = await run(mixture_of_prompts, "What is 5 + 9?", saying("14"), fitted=fitted)
    assert ran.prompt("answer") == f"Input: {ADD}\nOutput: 7\n\nInput: What is 5 + 9?\nOutput:"


@pytest.mark.parametrize(("asked", "heat"), [(None, 0.0), (0.8, 0.8)])
async def test_the_temperature_is_zero_unless_the_caller_gives_one_and_the_callers_limits_hold(
    fitted: str, asked: float | None, heat: float
) -> None:
    request = Request((Message("user", ADD),), temperature=asked, max_tokens=7, stop=("\n",))
    ran = await run(mixture_of_prompts, request, saying("7"), fitted=fitted)
    made = ran.calls[0].request
    assert (made.temperature, made.max_tokens, made.stop) == (heat, 7, ("\n",))


def placed_by(embedder: str, fitted: str) -> str:
    """The same file, which says that this embedder placed its centres."""
    path = Path(fitted)
    entry = json.loads(path.read_text())["small"] | {"embedder": embedder}
    path = path.with_name(f"{embedder}.json")
    path.write_text(json.dumps({"small": entry}))
    return str(path)


async def test_prompts_that_another_embedder_placed_are_an_error_even_at_the_same_size(fitted: str) -> None:
    assert (await run(mixture_of_prompts, ADD, saying("7"), fitted=placed_by("words", fitted))).text == "7"
    with pytest.raises(StrategyError, match="fitted with embedder 'others', not 'words'; fit again"):
        await run(mixture_of_prompts, ADD, saying(), fitted=placed_by("others", fitted))


def test_the_nearest_centre_is_the_one_at_the_least_euclidean_distance() -> None:
    chance = np.random.default_rng(0)
    centres = chance.normal(size=(6, 5)).astype(np.float32)
    regions = [Region("", (), tuple(float(value) for value in centre)) for centre in centres]
    for embedding in chance.normal(size=(50, 5)).astype(np.float32):
        assert nearest(embedding, regions) == min(range(6), key=lambda i: float(np.sum((centres[i] - embedding) ** 2)))


async def test_a_model_that_nothing_was_fitted_for_is_an_error(fitted: str) -> None:
    with pytest.raises(StrategyError, match="no prompts were fitted for model 'small'"):
        await run(mixture_of_prompts, ADD, saying(), fitted=fitted + ".none")


def test_centres_of_another_embedder_are_an_error() -> None:
    with pytest.raises(StrategyError, match="size 2, not 3"):
        nearest(np.zeros(3, dtype=np.float32), [Region("", (), (0.0, 1.0))])


def test_a_file_covers_the_models_that_have_regions_and_a_missing_one_none(fitted: str) -> None:
    assert covers(fitted) == {"small"}
    assert covers(fitted + ".none") == frozenset()


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "fitted.json"
    for i, name in enumerate(("one", "two")):
        path.write_text(json.dumps({name: {"regions": [{"instruction": "", "demos": [], "centre": [0.0]}]}}))
        stamp = 1_000_000_000 * (i + 1)
        os.utime(path, ns=(stamp, stamp))
        assert set(read(str(path))) == {name}


def test_braces_in_questions_and_demonstrations_stay_as_they_are() -> None:
    assert prompt_of("Use {x}.", [Demo("{a}", "{b}")], "{c}") == (
        "Instruction: Use {x}.\n\nInput: {a}\nOutput: {b}\n\nInput: {c}\nOutput:"
    )
