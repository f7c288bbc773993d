"""Precision by name: what each name means, what is refused, and that the estimate of memory is what a model takes."""

import importlib.util
from pathlib import Path
from typing import Any  # torchao's tensors are untyped

import pytest
import torch

from models import precision
from models.backend import ModelSpec, connect
from models.errors import BadSettings
from models.precision import NAMES, check_capability, precision_of
from models.types import Message, Request, collect
from models.weights import load
from tests.models.tiny import write_tiny

CPU = torch.device("cpu")
ASK = Request((Message("user", "Hello?"),), max_tokens=8)
HAS_TORCHAO = importlib.util.find_spec("torchao") is not None
with_torchao = pytest.mark.skipif(not HAS_TORCHAO, reason="torchao, which is optional, is not installed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("tiny"))


def spec(folder: Path, dtype: str | None) -> ModelSpec:
    return ModelSpec("in_process", path=str(folder), device="cpu", dtype=dtype, concurrency=2)


def held_bytes(tensor: Any) -> int:
    """Bytes of a tensor in memory, a rounded one's scales included."""
    if hasattr(tensor, "__tensor_flatten__"):
        return sum(held_bytes(getattr(tensor, inner)) for inner in tensor.__tensor_flatten__()[0])
    return int(tensor.numel() * tensor.itemsize)


def test_an_unknown_precision_is_quoted_with_those_that_there_are(folder: Path) -> None:
    with pytest.raises(BadSettings, match=r"models\.tiny\.dtype = 'fp8' is unknown; use float32, .*int8, int4"):
        load("tiny", spec(folder, "fp8"))


def test_without_a_name_it_is_what_suits_the_device() -> None:
    assert precision_of("tiny", None, CPU).dtype == "float32"
    assert precision_of("tiny", None, torch.device("mps")).dtype == "auto"


@pytest.mark.parametrize("dtype", ["int8", "int4"])
def test_rounded_weights_without_torchao_say_what_to_install(
    folder: Path, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "PACKAGE", "a_package_that_is_not_here")
    with pytest.raises(BadSettings, match=rf"dtype = '{dtype}' needs the package torchao: pip install 'torchao=="):
        load("tiny", spec(folder, dtype))


@pytest.mark.parametrize("dtype", ["bfloat16", "int8", "int4"])
def test_an_old_gpu_refuses_what_it_cannot_and_says_what_it_can(dtype: str) -> None:
    with pytest.raises(BadSettings, match=rf"'{dtype}' needs a GPU of compute capability 8\.0.*this one has 7\.5"):
        check_capability("tiny", dtype, (7, 5))
    check_capability("tiny", dtype, (9, 0))
    check_capability("tiny", "float16", (7, 0))


@pytest.mark.parametrize(
    "dtype", [pytest.param(name, marks=[with_torchao] if name.startswith("int") else []) for name in NAMES]
)
async def test_a_model_of_each_precision_answers_and_takes_the_memory_that_was_reserved(
    folder: Path, dtype: str
) -> None:
    weights = load("tiny", spec(folder, dtype))
    assert weights.reservation is not None
    weights.reservation.close()
    taken = sum(held_bytes(one) for one in weights.model.parameters())
    assert weights.reservation.weights == pytest.approx(taken, rel=0.05)
    assert weights.model.dtype == {"float32": torch.float32, "auto": torch.float32, "float16": torch.float16}.get(
        dtype, torch.bfloat16
    )
    backend = connect("tiny", spec(folder, dtype))
    try:
        assert (await collect(backend.stream(ASK))).usage.completion_tokens > 0
    finally:
        await backend.close()


@with_torchao
@pytest.mark.parametrize("dtype", ["int8", "int4"])
def test_rounding_shrinks_the_matrices_and_leaves_the_output_layer(folder: Path, dtype: str) -> None:
    weights = load("tiny", spec(folder, dtype))
    assert weights.reservation is not None
    weights.reservation.close()
    layer = weights.model.model.layers[0].mlp.up_proj.weight
    assert held_bytes(layer) < layer.numel() * (1.3 if dtype == "int8" else 0.8)
    assert type(weights.model.lm_head.weight) is torch.nn.Parameter
