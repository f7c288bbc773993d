"""The seam to every model: the Backend and Internals protocols, and `connect` from a configured name to a back-end."""

import importlib
import importlib.util
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, Protocol, TypeVar  # Any: looks into a model take and give what they like

from models.errors import BadSettings
from models.types import Chunk, Request

T = TypeVar("T")


class Internals(Protocol):
    """A model's logits and states, read in the model's own thread."""

    def decode(self, loop: Callable[..., Any], *args: Any) -> AsyncIterator[str]:
        """Run a generator of text over the model; yields its pieces."""
        ...

    async def probe(self, look: Callable[..., T], *args: Any) -> T:
        """Run `look(model, tokenizer, *args)` once and return what it returns."""
        ...


class Backend(Protocol):
    """Something that answers requests. `offers` names what it can do beyond text: "logprobs", "internals", ...

    It may have a `revision: str` that changes when the model behind it does (models.revision).
    """

    @property
    def name(self) -> str: ...
    @property
    def offers(self) -> frozenset[str]: ...
    @property
    def internals(self) -> Internals | None: ...

    def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """Answer, piece by piece; the last chunk carries the usage. Raises ModelError. Closing it cancels the call."""
        ...

    async def close(self) -> None:
        """Give back threads, connections and memory."""
        ...


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One `[models.NAME]` of the settings. Prices are in dollars per million tokens, times in seconds.

    `deployments` are the several servers of one model, for the back-end of that name (models/deployments.py).
    """

    backend: str
    path: str | None = None
    model: str | None = None
    api_base: str | None = None
    api_key: str | None = None
    device: str | None = None
    dtype: str | None = None
    concurrency: int = 16
    queue: int = 64
    rpm: int | None = None
    tpm: int | None = None
    load: Literal["start", "demand"] = "start"
    unload_after: float | None = None
    timeout: float = 120.0
    retries: int = 2
    usd_per_1m_in: float | None = None
    usd_per_1m_out: float | None = None
    gpu_seconds_per_1k: float | None = None
    offers: frozenset[str] = frozenset()
    role: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)
    deployments: "tuple[ModelSpec, ...]" = ()


def connect(name: str, spec: ModelSpec) -> Backend:
    """Open the back-end that `spec.backend` names: a file of this package, or the path of a .py file.

    The file has a function `open_backend(name, spec) -> Backend`. Raises BadSettings if there is none.
    """
    module = _module(name, spec.backend)
    opener = getattr(module, "open_backend", None)
    if opener is None:
        raise BadSettings(f"models.{name}.backend = {spec.backend!r} has no open_backend(name, spec)")
    backend: Backend = opener(name, spec)
    return backend


def _module(name: str, backend: str) -> ModuleType:
    if backend.endswith(".py"):
        path = Path(backend)
        found = importlib.util.spec_from_file_location(f"pointsman_backend_{path.stem}", path)
        if not path.is_file() or found is None or found.loader is None:
            raise BadSettings(f"models.{name}.backend = {backend!r}: there is no such file")
        module = importlib.util.module_from_spec(found)
        found.loader.exec_module(module)
        return module
    if not backend.isidentifier() or importlib.util.find_spec(f"models.{backend}") is None:
        raise BadSettings(
            f"models.{name}.backend = {backend!r} is unknown; use in_process, remote, scripted or a .py file"
        )
    return importlib.import_module(f"models.{backend}")
