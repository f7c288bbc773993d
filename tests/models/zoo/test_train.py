"""Training: the same batches for a seed, a grown model that begins as the smaller one, an adapter that peft loads."""

import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from models.zoo import tokenizer, train
from models.zoo.curriculum import CURRICULA
from models.zoo.packing import IGNORE, Batches, again, packed
from models.zoo.recipes import RECIPES

SMALL = replace(RECIPES["generalist"], width=64, layers=2, lookups=2, steps=2, judged=0, batch=2, length=160)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recipes of the zoo's shape that train in a second."""
    small = {
        "generalist": SMALL,
        "polymath": replace(SMALL, layers=4, lookups=0, over="generalist"),
        "abacus": replace(SMALL, lookups=0, over="generalist", rank=4),
    }
    for name, recipe in small.items():
        monkeypatch.setitem(RECIPES, name, recipe)
    monkeypatch.setattr(torch, "compile", lambda body: body)


def trained(folder: Path, *names: str) -> Callable[[str], Path]:
    """Train the models into folders beside each other and say where they are."""

    def weights(name: str) -> Path:
        return folder / name

    for name in names:
        train.train(name, weights, folder / "checkpoints", device="cpu")
    return weights


def test_the_same_seed_and_step_give_the_same_batch() -> None:
    talk = CURRICULA["generalist"].conversation
    whole = list(Batches(talk, SMALL, 0, 4, 2))
    late = list(Batches(talk, SMALL, 3, 4, 2))
    assert torch.equal(whole[3][0], late[0][0])
    assert torch.equal(whole[3][1], late[0][1])


def test_only_what_the_assistant_says_is_learned() -> None:

    words = tokenizer.build()

    def talk(_: random.Random) -> list[tuple[str, str]]:
        return [("user", "What is 1 + 1?"), ("told", "2"), ("user", "What is 2 + 2?"), ("assistant", "4")]

    ids, labels = packed(talk, words, 60, random.Random(1))
    learned = str(words.decode([one for one in labels if one != IGNORE])).replace("<|end|>", "")
    assert set(learned) == {"4"}
    assert len(ids) == len(labels) == 60


def test_a_row_said_again_is_learned_from_its_second_time_on() -> None:

    words = tokenizer.build()
    ids, labels = again(words, 200, random.Random(2))
    for place, label in enumerate(labels):
        if label != IGNORE:
            assert label == ids[place]
            assert label in ids[:place]


def test_a_grown_model_begins_as_the_smaller_one(tiny: None, tmp_path: Path) -> None:
    weights = trained(tmp_path, "generalist")
    small = AutoModelForCausalLM.from_pretrained(weights("generalist"), dtype=torch.float32)
    large = train.new_model(RECIPES["polymath"], tokenizer.build(), weights)
    ids = torch.tensor([[1, 30, 40, 50, 60]])
    assert len(large.model.layers) == 2 * len(small.model.layers)
    assert torch.allclose(small(ids).logits, large(ids).logits, atol=1e-4)


def test_a_training_goes_on_from_its_checkpoint(tiny: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = trained(tmp_path, "generalist")
    first = json.loads((weights("generalist") / "training.json").read_text())
    monkeypatch.setitem(RECIPES, "generalist", replace(SMALL, steps=4))
    trained(tmp_path, "generalist")
    second = json.loads((weights("generalist") / "training.json").read_text())
    assert (first["trained"], second["trained"]) == (4, 6)
    assert second["minutes"] >= first["minutes"]


def test_an_adapter_names_its_base_beside_it_and_changes_what_it_says(tiny: None, tmp_path: Path) -> None:
    weights = trained(tmp_path, "generalist", "abacus")
    told = json.loads((weights("abacus") / "adapter_config.json").read_text())
    assert told["base_model_name_or_path"] == "../generalist"
    base = AutoModelForCausalLM.from_pretrained(weights("generalist"), dtype=torch.float32)
    ids = torch.tensor([[1, 30, 40, 50, 60]])
    before = base(ids).logits
    expert = PeftModel.from_pretrained(base, str(weights("abacus")))
    assert not torch.equal(before, expert(ids).logits)


def test_an_expert_without_its_base_is_an_error(tiny: None, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="generalist"):
        trained(tmp_path, "abacus")


def test_weights_can_be_read_by_everybody(tiny: None, tmp_path: Path) -> None:
    folder = trained(tmp_path, "generalist")("generalist")
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o644}


def test_self_judgement_is_learned_last_from_the_models_own_answers(
    tiny: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def judge(*_: object) -> list[list[tuple[str, str]]]:
        asked.append(1)
        return [[("user", "Can you?"), ("assistant", "no")]]

    monkeypatch.setitem(RECIPES, "generalist", replace(SMALL, judged=2))
    monkeypatch.setattr(train, "judge", judge)
    folder = trained(tmp_path, "generalist")("generalist")
    assert asked == [1]
    assert json.loads((folder / "training.json").read_text())["trained"] == 6


def test_a_checkpoint_over_another_base_or_of_another_shape_is_refused(
    tiny: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(tmp_path, "generalist", "abacus")
    kept = torch.load(tmp_path / "checkpoints" / "abacus.pt", weights_only=True)
    assert all("lora_" in key for key in kept["model"])
    monkeypatch.setitem(RECIPES, "generalist", replace(SMALL, steps=4))
    with pytest.raises(ValueError, match=r"abacus.*delete it"):
        trained(tmp_path, "generalist", "abacus")
    monkeypatch.setitem(RECIPES, "generalist", replace(SMALL, steps=4, seed=9))
    with pytest.raises(ValueError, match=r"generalist.*delete it"):
        trained(tmp_path, "generalist")
