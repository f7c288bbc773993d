"""The device that a model is told to run on: whether there is such a one, and its name in the account of memory."""

import torch

from models.errors import BadSettings, ModelUnavailable

KINDS = ("cpu", "cuda", "mps", "xpu")


def device_of(name: str, told: str | None) -> torch.device:
    """The device; without one, a CUDA GPU if there is one, else the CPU.

    Raises BadSettings for a name that is none, ModelUnavailable for a device that is not there.
    """
    try:
        device = torch.device(told or ("cuda" if torch.cuda.is_available() else "cpu"))
    except RuntimeError:
        device = torch.device("meta")
    if device.type not in KINDS:
        raise BadSettings(f"models.{name}.device = {told!r} is unknown; use 'cpu', 'cuda' or 'cuda:1'")
    if device.type == "cuda":
        return _cuda(name, str(told or "cuda"), device)
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as failure:
        raise ModelUnavailable(f"model {name!r}: device {told!r} is not there: {failure}", model=name) from failure
    return torch.device("cpu") if device.type == "cpu" else device


def _cuda(name: str, told: str, device: torch.device) -> torch.device:
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    index = device.index or 0
    if index >= count:
        built = f"torch sees {count} CUDA devices" if torch.version.cuda else "this torch is built without CUDA"
        advice = f"use 'cuda:0' to 'cuda:{count - 1}'" if count else "use device = 'cpu'"
        raise ModelUnavailable(f"model {name!r}: device {told!r} is not there: {built}; {advice}", model=name)
    return torch.device("cuda", index)
