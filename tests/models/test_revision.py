"""A model's revision changes with the model, and with nothing else."""

import os
import shutil
from pathlib import Path

import numpy as np

from models.backend import ModelSpec
from models.limits import limit
from models.remote import open_backend as remote
from models.revision import WHOLE, digest_of_folder, revision_of
from models.scripted import Scripted
from models.weights import load
from tests.models.tiny import write_tiny


def folder(place: Path, weights: bytes, template: str = "{{ messages }}") -> Path:
    """A folder with the files of a model."""
    place.mkdir()
    (place / "config.json").write_text('{"hidden_size": 4}')
    (place / "chat_template.jinja").write_text(template)
    (place / "README.md").write_text("A model.")
    (place / "model.safetensors").write_bytes(weights)
    return place


def revision_once_loaded(place: Path) -> str:
    """What the weights say they are."""
    weights = load("m", ModelSpec("in_process", path=str(place)))
    assert weights.reservation is not None
    weights.reservation.close()
    return weights.revision


def test_weights_that_were_trained_on_are_another_revision_though_their_size_is_the_same(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=WHOLE).astype(np.float32)
    first = folder(tmp_path / "a", values.tobytes())
    trained = folder(tmp_path / "b", (values + np.float32(1e-4)).tobytes())
    assert first.joinpath("model.safetensors").stat().st_size > WHOLE
    assert digest_of_folder(first) != digest_of_folder(trained)
    end = bytearray(values.tobytes())
    end[-1] ^= 1
    assert digest_of_folder(folder(tmp_path / "c", bytes(end))) != digest_of_folder(first)


def test_another_template_is_another_revision_and_a_copy_is_the_same_one(tmp_path: Path) -> None:
    first = folder(tmp_path / "a", b"weights")
    copy = shutil.copytree(first, tmp_path / "copy")
    os.utime(copy / "model.safetensors", (1, 1))
    (copy / "README.md").write_text("Notes on the model.")
    assert digest_of_folder(copy) == digest_of_folder(first)
    assert digest_of_folder(folder(tmp_path / "b", b"weights", "{{ other }}")) != digest_of_folder(first)
    (copy / "model.safetensors").rename(copy / "weights.safetensors")
    assert digest_of_folder(copy) != digest_of_folder(first)


def test_a_remote_model_is_its_name_at_its_server_whatever_its_limits() -> None:
    spec = ModelSpec("remote", model="llama3", api_base="http://127.0.0.1:1/v1", api_key="one")
    same = ModelSpec("remote", model="llama3", api_base="http://127.0.0.1:1/v1", api_key="two", timeout=1.0)
    others = [
        ModelSpec("remote", model="llama4", api_base="http://127.0.0.1:1/v1"),
        ModelSpec("remote", model="llama3", api_base="http://127.0.0.1:2/v1"),
        ModelSpec("remote", model="llama3", api_base="http://127.0.0.1:1/v1", extra={"reasoning_effort": "low"}),
    ]
    first = revision_of(remote("m", spec))
    assert first == revision_of(remote("m", same)) == revision_of(limit(remote("m", spec), spec))
    assert len({first, *(revision_of(remote("m", one)) for one in others)}) == 4


def test_a_model_that_cannot_tell_has_none() -> None:
    assert revision_of(limit(Scripted("m", "hi"), ModelSpec("scripted"))) == ""


def test_weights_that_are_loaded_know_their_revision(tmp_path: Path) -> None:
    first, second = write_tiny(tmp_path / "a", seed=5), write_tiny(tmp_path / "b", seed=6)
    loaded = [revision_once_loaded(one) for one in (first, second, first)]
    assert loaded[0] == loaded[2] == digest_of_folder(first)
    assert loaded[0] != loaded[1]
