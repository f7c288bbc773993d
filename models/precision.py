"""How exactly a model computes, by name: the type of its numbers, or weights rounded to 8 or 4 bits by torchao.

int8 keeps one scale for each row of a matrix, int4 one scale and zero for each 32 numbers of a row (torchao's
weight-only configurations); embeddings, the output layer and all arithmetic stay in bfloat16.
"""

import importlib.util
from dataclasses import dataclass
from typing import Any  # transformers' models and torchao's configurations are untyped

import torch

from models.errors import BadSettings, ModelUnavailable

NAMES = ("float32", "bfloat16", "float16", "auto", "int8", "int4")
PACKAGE, TORCHAO = "torchao", "torchao==0.18.0"
GROUP = 32
"""Numbers of a row that share one scale under int4."""
NEEDS = {"bfloat16": (8, 0), "int8": (8, 0), "int4": (8, 0)}
"""The least compute capability of a CUDA device; bfloat16 is in all three."""


@dataclass(frozen=True, slots=True)
class Precision:
    """What a model's numbers are: `dtype` as transformers takes it, `bits` of a rounded weight (None: not rounded)."""

    name: str
    dtype: str
    bits: int | None = None

    def weight_bytes(self, shape: tuple[int, ...], count: int, stored_bits: int, rounded: bool) -> float:
        """Bytes that a stored tensor of `count` numbers takes once it is loaded."""
        if rounded and self.bits == 8:
            return count + 4 * shape[0]
        if rounded and self.bits == 4 and shape[-1] % GROUP == 0:
            return count / 2 + 4 * count / GROUP
        if self.dtype == "auto":
            return count * stored_bits / 8
        return float(count * getattr(torch, self.dtype).itemsize)


def precision_of(name: str, told: str | None, device: torch.device) -> Precision:
    """What `[models.NAME] dtype` means on the device; without one, float32 on a CPU and the weights' own elsewhere.

    Raises BadSettings for a name that is none, for what the device cannot, and where torchao is missing.
    """
    dtype = told or ("float32" if device.type == "cpu" else "auto")
    if dtype not in NAMES:
        raise BadSettings(f"models.{name}.dtype = {dtype!r} is unknown; use {', '.join(NAMES)}")
    if device.type == "cuda":
        check_capability(name, dtype, torch.cuda.get_device_capability(device))
    if dtype not in ("int8", "int4"):
        return Precision(dtype, dtype)
    if importlib.util.find_spec(PACKAGE) is None:
        raise BadSettings(f"models.{name}.dtype = {dtype!r} needs the package torchao: pip install {TORCHAO!r}")
    if device.type not in ("cpu", "cuda"):
        raise BadSettings(f"models.{name}.dtype = {dtype!r} runs on a CPU or on CUDA, not on {device.type!r}")
    return Precision(dtype, "bfloat16", int(dtype.removeprefix("int")))


def check_capability(name: str, dtype: str, has: tuple[int, int]) -> None:
    """Whether a CUDA device of that compute capability computes in `dtype`. Raises BadSettings where not."""
    if has < NEEDS.get(dtype, (0, 0)):
        raise BadSettings(
            f"models.{name}.dtype = {dtype!r} needs a GPU of compute capability {NEEDS[dtype][0]}.0 or more; "
            f"this one has {has[0]}.{has[1]}: use 'float16' or 'float32'"
        )


def round_weights(name: str, model: Any, precision: Precision, device: torch.device) -> None:
    """Round the model's matrices in place, one after another on the device, and leave the model there."""
    if precision.bits is None:
        return
    head = model.get_output_embeddings()
    try:
        from torchao.quantization import quantize_

        quantize_(model, _config(precision.bits, device), lambda m, _: is_rounded(m) and m is not head, device=device)
    except (ImportError, AssertionError, RuntimeError, NotImplementedError, ValueError) as failure:
        reason = " ".join(str(failure).split())[:300]
        raise ModelUnavailable(
            f"model {name!r} cannot be rounded to {precision.name} with {TORCHAO}: {reason}", model=name
        ) from failure


def is_rounded(module: torch.nn.Module) -> bool:
    """Whether a part of a model is a matrix that int8 and int4 round."""
    return isinstance(module, torch.nn.Linear)


def _config(bits: int, device: torch.device) -> Any:
    """torchao packs 4-bit weights in another way for a CPU than for CUDA."""
    if bits == 8:
        from torchao.quantization import Int8WeightOnlyConfig

        return Int8WeightOnlyConfig(set_inductor_config=False)
    if device.type == "cpu":
        from torchao.prototype.quantization.int4.inference_workflow import PrototypeInt4WeightOnlyConfig

        return PrototypeInt4WeightOnlyConfig(group_size=GROUP, set_inductor_config=False)
    from torchao.quantization import Int4WeightOnlyConfig
    from torchao.quantization.quantize_.workflows import Int4PackingFormat

    packing = Int4PackingFormat.TILE_PACKED_TO_4D
    return Int4WeightOnlyConfig(group_size=GROUP, int4_packing_format=packing, set_inductor_config=False)
