"""Folders that are no model, or none that can run here: each says what is wrong before anything is loaded."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any  # configurations and models of transformers are untyped

import pytest
import torch
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BloomConfig,
    BloomForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    Lfm2Config,
    Lfm2ForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
)

from models.backend import ModelSpec
from models.errors import BadSettings, ModelUnavailable
from models.memory import LEDGER
from models.revision import digest
from models.weights import load
from tests.models.tiny import CONTEXT, write_tiny

WEIGHTS = "model.safetensors"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "model"))


def spec(folder: Path, **more: Any) -> ModelSpec:
    return ModelSpec("in_process", path=str(folder), **{"device": "cpu", **more})


def cut(folder: Path) -> None:
    with (folder / WEIGHTS).open("r+b") as file:
        file.truncate(5000)


def rename_a_tensor(folder: Path) -> None:
    file = folder / WEIGHTS
    file.write_bytes(file.read_bytes().replace(b"model.norm.weight", b"model.gnom.weight"))


def list_shards(folder: Path) -> None:
    (folder / WEIGHTS).rename(folder / "model-00001-of-00002.safetensors")
    shards = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (folder / f"{WEIGHTS}.index.json").write_text(json.dumps({"weight_map": shards}))


def without_tokenizer(folder: Path) -> None:
    for file in folder.glob("tokenizer*"):
        file.unlink()


DAMAGES: list[tuple[Callable[[Path], Any], str]] = [
    (lambda f: (f / "config.json").unlink(), r"has no config\.json"),
    (lambda f: (f / "config.json").write_text("{"), r"config\.json of .* cannot be used"),
    (lambda f: (f / "config.json").write_text('{"model_type": "lama"}'), "cannot be used.*`lama`"),
    (lambda f: (f / WEIGHTS).unlink(), r"no weights in .*: no model\.safetensors"),
    (lambda f: (f / WEIGHTS).write_bytes(b"not weights"), r"model\.safetensors in .* damaged at its start"),
    (lambda f: (f / WEIGHTS).write_bytes(b""), r"model\.safetensors in .* damaged at its start"),
    (lambda f: (f / WEIGHTS).write_text("version https://git-lfs.github.com/spec/v1"), "is a Git LFS pointer"),
    (cut, r"has 5000 bytes instead of \d{5}"),
    (rename_a_tensor, r"lack 1 tensors: model\.norm\.weight"),
    (list_shards, r"1 of 2 weight files are missing in .*: model-00002-of-00002\.safetensors"),
    (without_tokenizer, "tokenizer of .* cannot be read"),
    (lambda f: (f / "tokenizer.json").write_text("{"), "tokenizer of .* cannot be read"),
]


@pytest.mark.parametrize(("damage", "says"), DAMAGES, ids=[says for _, says in DAMAGES])
def test_a_damaged_folder_says_what_is_wrong_and_reserves_nothing(
    folder: Path, damage: Callable[[Path], Any], says: str
) -> None:
    damage(folder)
    with pytest.raises(ModelUnavailable, match=f"model 'tiny': .*{says}"):
        load("tiny", spec(folder))
    assert "tiny" not in LEDGER.held("cpu")


def test_an_empty_tokenizer_made_up_for_missing_files_is_not_taken(folder: Path) -> None:
    without_tokenizer(folder)
    GPT2LMHeadModel(GPT2Config(vocab_size=257, n_embd=32, n_layer=1, n_head=2)).save_pretrained(folder)
    with pytest.raises(ModelUnavailable, match=r"has no tokenizer: none of .*tokenizer\.json"):
        load("tiny", spec(folder))


SMALL: dict[str, Any] = {"vocab_size": 257, "hidden_size": 32, "num_attention_heads": 2}


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (
            lambda: BertForMaskedLM(BertConfig(**SMALL, num_hidden_layers=1, intermediate_size=64)),
            "holds a BertForMaskedLM; a causal language model is needed",
        ),
        (
            lambda: T5ForConditionalGeneration(T5Config(vocab_size=257, d_model=32, d_kv=16, d_ff=64, num_layers=1)),
            "holds a T5ForConditionalGeneration; a causal language model is needed",
        ),
        (
            lambda: BloomForCausalLM(BloomConfig(vocab_size=257, hidden_size=32, n_layer=1, n_head=2)),
            "holds a BloomForCausalLM, which cannot run in a continuous batch: it has no attention",
        ),
        (
            lambda: Lfm2ForCausalLM(Lfm2Config(**SMALL, num_hidden_layers=2, layer_types=["conv", "full_attention"])),
            "holds a Lfm2ForCausalLM, which cannot run in a continuous batch: it has layers of conv",
        ),
    ],
    ids=["bert", "t5", "bloom", "lfm2"],
)
def test_another_architecture_is_named_and_what_is_needed(folder: Path, make: Callable[[], Any], says: str) -> None:
    make().save_pretrained(folder)
    with pytest.raises(ModelUnavailable, match=says):
        load("tiny", spec(folder))


@pytest.mark.parametrize("device", ["gpu", "cuda:x", "meta"])
def test_a_device_that_is_no_device_is_a_bad_setting(whole: Path, device: str) -> None:
    with pytest.raises(BadSettings, match=rf"models\.tiny\.device = '{device}' is unknown"):
        load("tiny", spec(whole, device=device))


def test_a_gpu_that_is_not_there_says_how_many_are(whole: Path) -> None:
    with pytest.raises(ModelUnavailable, match="device 'cuda:77' is not there"):
        load("tiny", spec(whole, device="cuda:77"))
    if not torch.cuda.is_available():
        with pytest.raises(ModelUnavailable, match=r"device 'cuda' is not there.*use device = 'cpu'"):
            load("tiny", spec(whole, device="cuda"))


def cached(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    """Let the hub's library use this cache, offline."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


def test_an_id_of_the_hub_is_read_from_the_local_cache(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached(monkeypatch, tmp_path)
    repository, commit = tmp_path / "models--someone--tiny", "0123456789abcdef0123456789abcdef01234567"
    shutil.copytree(whole, repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    weights = load("tiny", ModelSpec("in_process", model="someone/tiny", device="cpu"))
    assert weights.reservation is not None
    weights.reservation.close()
    assert weights.context == CONTEXT
    assert weights.revision == digest("someone/tiny", commit)


def test_an_id_that_is_not_in_the_cache_says_so_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cached(monkeypatch, tmp_path)
    with pytest.raises(ModelUnavailable, match=r"no directory 'someone/other', the local cache .* HF_HUB_OFFLINE"):
        load("tiny", ModelSpec("in_process", model="someone/other", device="cpu"))


def test_an_id_whose_weights_are_not_in_the_cache_says_so(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached(monkeypatch, tmp_path)
    repository, commit = tmp_path / "models--someone--tiny", "0123456789abcdef0123456789abcdef01234567"
    shutil.copytree(whole, repository / "snapshots" / commit, ignore=shutil.ignore_patterns(WEIGHTS))
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    with pytest.raises(ModelUnavailable, match="no weights in 'someone/tiny'"):
        load("tiny", ModelSpec("in_process", model="someone/tiny", device="cpu"))
