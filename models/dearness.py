"""Which model is the dearest: by its price, else by its GPU-seconds, else by the size of its weights."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Protocol, runtime_checkable

from models.backend import Backend, ModelSpec

WEIGHTS = ("*.safetensors", "*.bin", "*.gguf")


@runtime_checkable
class Declared(Protocol):
    """A back-end that knows what the settings say of it."""

    @property
    def spec(self) -> ModelSpec:
        """Its `[models.NAME]`."""
        ...


def dearest(own: Backend, peers: Mapping[str, Backend]) -> str | None:
    """The name of the dearest peer, the first of equal ones; None if there is none, or each is cheaper than `own`.

    What counts is the first of dollars for a token, GPU-seconds for a token and size of the weights on disk that is
    known of every model; where none is, the first peer of the settings stands for the dearest.
    """
    names = list(peers)
    specs = [backend.spec if isinstance(backend, Declared) else None for backend in (own, *peers.values())]
    for measure in MEASURES:
        values = [None if spec is None else measure(spec) for spec in specs]
        known = [value for value in values if value is not None]
        if names and len(known) == len(values):
            most = max(known[1:])
            return names[known[1:].index(most)] if most >= known[0] else None
    return names[0] if names else None


def _dollars(spec: ModelSpec) -> float | None:
    given = [price for price in (spec.usd_per_1m_in, spec.usd_per_1m_out) if price is not None]
    return sum(given) if given else None


def _gpu_seconds(spec: ModelSpec) -> float | None:
    return spec.gpu_seconds_per_1k


def _size(spec: ModelSpec) -> float | None:
    return None if spec.path is None else _bytes(Path(spec.path))


@lru_cache(maxsize=64)
def _bytes(folder: Path) -> float | None:
    """Bytes of the weights in a directory; None if there are none."""
    files = [path for pattern in WEIGHTS for path in folder.glob(pattern)] if folder.is_dir() else []
    return float(sum(path.stat().st_size for path in files)) if files else None


MEASURES: Sequence[Callable[[ModelSpec], float | None]] = (_dollars, _gpu_seconds, _size)
