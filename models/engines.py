"""The engines of this process: models over the same weights, a base and its adapters, share one and its batch."""

import threading
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any  # tokenizers are untyped

from models.adapters import Adapter, base_of, is_adapter, read_adapter
from models.backend import ModelSpec
from models.batching import Batcher
from models.device import device_of
from models.errors import BadSettings, ModelUnavailable
from models.model_folder import ModelFolder, locate
from models.precision import precision_of
from models.revision import digest, digest_of_folder
from models.sampling import Plan
from models.weights import Weights, load, revision_at, tokenizer_of


@dataclass(slots=True, eq=False)
class _Engine:
    """Weights and their batch, and how many models use them."""

    weights: Weights
    batcher: Batcher
    users: int = 0


_engines: dict[str, _Engine] = {}
_opening = threading.RLock()


class Seat:
    """One model's place in an engine. It stands for the engine's worker towards `models.internals`."""

    def __init__(self, name: str, key: str, engine: _Engine, weights: Weights, adapter: Adapter | None) -> None:
        self.name = name
        self.weights = weights
        """The engine's model, with this model's own tokenizer and revision."""
        self.batcher = engine.batcher
        self.capacity = engine.batcher.capacity
        self._key, self._engine, self._adapter = key, engine, adapter
        self._place = 0 if adapter is None else engine.batcher.join(adapter)
        self._open = True

    def is_running(self) -> bool:
        """Whether requests are taken."""
        return self._open and self.batcher.manager.is_running()

    @contextmanager
    def pause(self) -> Generator[None, None, None]:
        """The batch stands still and the model has this seat's adapter."""
        with self.batcher.pause(self._place):
            yield

    def submit(self, plan: Plan, tokens: list[int], most: int) -> str:
        """Let a request join; returns its id. Raises ModelUnavailable if this model was closed or its worker died."""
        if not self._open:
            raise ModelUnavailable(f"the worker of model {self.name!r} has stopped: it was closed", model=self.name)
        plan.place = self._place
        return self.batcher.submit(plan, tokens, most, self.weights.ends)

    def close(self) -> None:
        """Leave the engine; the last one stops it. Requests under way fail."""
        with _opening:
            if not self._open:
                return
            self._open = False
            self._engine.users -= 1
            if self._engine.users == 0:
                if _engines.get(self._key) is self._engine:
                    del _engines[self._key]
                self.batcher.close()
            elif self.batcher.manager.is_running():
                with suppress(ModelUnavailable):  # the thread ended by itself: there is nothing left to leave
                    self.batcher.leave(self._place, self._adapter)


def take_seat(name: str, spec: ModelSpec) -> Seat:
    """Open a model, over weights that are loaded already where there are such; blocks while it loads.

    Raises BadSettings and ModelUnavailable.
    """
    folder = Path(spec.path).expanduser() if spec.path else None
    if folder is None or not is_adapter(folder):
        with _opening:
            key, engine = _engine(name, spec)
            return _seated(name, key, engine, engine.weights, None)
    told = spec.extra.get("base")
    base = replace(spec, path=base_of(name, folder, None if told is None else str(told)))
    with _opening:
        key, engine = _engine(name, base)
        with ExitStack() as stack:
            stack.callback(_give_up, key, engine)  # if this fails: an engine that nobody sits in must not stay
            adapter = read_adapter(name, folder, engine.weights.model)
            return _seated(name, key, engine, _with_own(folder, engine.weights), adapter)


@dataclass(frozen=True, slots=True)
class AtRest:
    """What is known of a model that is not loaded: its revision, and the device that it will be on."""

    revision: str
    device: str


def at_rest(name: str, spec: ModelSpec) -> AtRest:
    """What `take_seat` will come to, from the files alone. Raises BadSettings and ModelUnavailable."""
    device = str(device_of(name, spec.device))
    precision_of(name, spec.dtype, device_of(name, spec.device))
    source = spec.path or spec.model
    if not source:
        raise BadSettings(f"models.{name} is in_process and needs a path: a directory or a model's id")
    folder = Path(spec.path).expanduser() if spec.path else None
    if folder is None or not is_adapter(folder):
        return AtRest(revision_at(locate(name, source)), device)
    told = spec.extra.get("base")
    base = locate(name, base_of(name, folder, None if told is None else str(told)))
    return AtRest(digest(digest_of_folder(folder), revision_at(base)), device)


def _engine(name: str, spec: ModelSpec) -> tuple[str, _Engine]:
    key = _key(name, spec)
    found = _engines.get(key)
    if found is None or not found.batcher.manager.is_running():
        weights = load(name, spec)
        cache_mb, threads = spec.extra.get("cache_mb"), spec.extra.get("threads")
        with ExitStack() as stack:
            if weights.reservation is not None:
                stack.callback(weights.reservation.close)
            batcher = Batcher(
                name,
                weights,
                spec.concurrency,
                None if cache_mb is None else int(float(cache_mb) * 2**20),
                None if threads is None else int(threads),
            )
            stack.pop_all()  # the batcher gives it back
        found = _engines[key] = _Engine(weights, batcher)
    return key, found


def _seated(name: str, key: str, engine: _Engine, weights: Weights, adapter: Adapter | None) -> Seat:
    seat = Seat(name, key, engine, weights, adapter)
    engine.users += 1
    return seat


def _give_up(key: str, engine: _Engine) -> None:
    if engine.users == 0:
        del _engines[key]
        engine.batcher.close()


def _with_own(folder: Path, base: Weights) -> Weights:
    """The base's weights with the adapter's tokenizer, if it brings one, and a revision of both."""
    tokenizer: Any = base.tokenizer
    if (folder / "tokenizer_config.json").is_file():
        tokenizer = tokenizer_of(ModelFolder(folder.name, str(folder), folder))
    return replace(base, tokenizer=tokenizer, revision=digest(digest_of_folder(folder), base.revision))


def _key(name: str, spec: ModelSpec) -> str:
    """What must be the same for two models to share an engine."""
    source = spec.path or spec.model or ""
    path = Path(source).expanduser()
    where = str(path.resolve()) if path.is_dir() else source
    more = sorted((str(key), repr(value)) for key, value in spec.extra.items() if key != "base")
    device = device_of(name, spec.device)
    return repr((where, str(device), precision_of(name, spec.dtype, device).name, more))
