"""Models that are loaded when they are first asked, and unloaded, least recently used first, when others need the room.

The account of models/memory.py says what fits. One model loads at a time; calls for it wait; what is asked never goes
away under its calls. What a model offers and its revision are known before it is loaded, from its files alone.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any, TypeVar  # Any: what a look into a model takes and gives is the strategy's business

from models.backend import Backend, Internals, ModelSpec, connect
from models.caller import held_back
from models.deadline import Deadline
from models.errors import ModelBusy, ModelError, NoMemory
from models.types import Chunk, Request
from models.waiting import Waiting

T = TypeVar("T")

USUAL_LOAD = 10.0
"""Seconds that loading is expected to take before it was measured."""
PATIENCE = 60.0
"""Seconds that a load waits for a busy model to come to rest, at most."""

log = logging.getLogger("loading")


class Shelf:
    """The models of one service that are loaded on demand. `patience` is in seconds."""

    def __init__(self, patience: float = PATIENCE, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.models: list[OnDemand] = []
        self.moving = asyncio.Lock()
        """Held while a model is loaded or unloaded."""
        self.names: set[str] = set()
        """Of all models that ever were among them: what these hold can be had, however it came to be shared."""
        self._patience = patience
        self._rested = asyncio.Event()
        self._closing = False

    def rested(self) -> None:
        """Something has changed: a model came to rest, or is closed. Loads that wait look again."""
        self._rested.set()

    def close(self) -> None:
        """Let no load wait any longer: the service ends."""
        self._closing = True
        self._rested.set()

    async def make_room(self, refused: NoMemory, wanted: "OnDemand", since: float) -> None:
        """Unload the least recently used model that is at rest on that device, or wait until one is.

        Raises the refusal where no other could make room, not even all of them, or where nobody waits for the model any
        more; ModelBusy where all stay busy.
        """
        fixed = sum(held for name, held in refused.held.items() if name not in self.names)
        if refused.needed > (refused.budget - fixed if fixed else refused.alone):
            raise refused
        others = [one for one in self.models if one is not wanted and one.is_on(refused.device)]
        if self._closing or wanted.closing or not wanted.users or not others:
            raise refused
        idle = [one for one in others if not one.users]
        if idle:
            victim = min(idle, key=lambda one: one.used_at)
            log.warning("model %r is unloaded: %r needs the room", victim.name, wanted.name)
            await victim.put_away()
            return
        self._rested.clear()
        try:
            async with asyncio.timeout(max(0.0, since + self._patience - self.clock())):
                await self._rested.wait()
        except TimeoutError as busy:
            held = ", ".join(repr(one.name) for one in others)
            message = f"model {wanted.name!r} waits for memory that {held} hold, busy for {self._patience:g} s"
            raise ModelBusy(message, model=wanted.name, retry_after=USUAL_LOAD) from busy
        if not wanted.users:
            raise refused


class OnDemand:
    """A back-end in whose place an in_process model is loaded by its first call. Raises what loading raises."""

    def __init__(
        self,
        name: str,
        spec: ModelSpec,
        shelf: Shelf,
        *,
        offers: frozenset[str],
        revision: str,
        device: str,
        opener: Callable[[str, ModelSpec], Backend] = connect,
    ) -> None:
        self.name, self.offers, self.revision, self.device = name, offers, revision, device
        self.internals: Internals | None = _Inside(self) if "internals" in offers else None
        self.closing = False
        self.users, self.used_at = 0, shelf.clock()
        """Calls that use the model or wait for it, and when the last one ended."""
        self._spec, self._shelf, self._open = spec, shelf, opener
        self._loaded: Backend | None = None
        self._loading: asyncio.Task[Backend] | None = None
        self._began, self._takes = 0.0, USUAL_LOAD
        self._timer: asyncio.TimerHandle | None = None
        self._unloading: asyncio.Task[None] | None = None
        shelf.models.append(self)
        shelf.names.add(name)

    def is_on(self, device: str) -> bool:
        """Whether the model is loaded on that device."""
        return self._loaded is not None and device in ("", self.device)

    @property
    def waiting(self) -> Waiting:
        """Cold: what loading took the last time, and what is left of the loads before it."""
        if self._loaded is not None:
            return Waiting()
        before = sum(one.left for one in self._shelf.models if one is not self)
        return Waiting(before + (self._takes if self._loading is None else self.left), warm=False)

    @property
    def left(self) -> float:
        """Seconds that a load under way will still take."""
        return 0.0 if self._loading is None else max(0.0, self._began + self._takes - self._shelf.clock())

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        async with self.using() as backend, aclosing(backend.stream(request)) as chunks:
            async for chunk in chunks:
                yield chunk

    @asynccontextmanager
    async def using(self) -> AsyncIterator[Backend]:
        """The model, loaded; it stays so for the length of the block."""
        self.users += 1
        if self._timer is not None:
            self._timer.cancel()
        try:
            while (backend := self._loaded) is None:
                if self._loading is None or self._loading.done():
                    self._begin_to_load()
                assert self._loading is not None
                with held_back():
                    await asyncio.shield(self._loading)  # a caller that leaves does not stop it for the others
            yield backend
        finally:
            self.users -= 1
            self.used_at = self._shelf.clock()
            if not self.users:
                self._shelf.rested()
                self._begin_to_rest()

    async def put_away(self) -> None:
        """Unload; the shelf's lock is held."""
        backend, self._loaded = self._loaded, None
        if backend is not None:
            await backend.close()

    async def close(self) -> None:
        """Unload, calls under way or not; a load that waits for room waits no longer."""
        self.closing = True
        self._shelf.rested()
        if self._timer is not None:
            self._timer.cancel()
        tasks = [task for task in (self._loading, self._unloading) if task is not None]
        if tasks:
            await asyncio.wait(tasks)  # a thread that loads cannot be stopped
        if self in self._shelf.models:
            self._shelf.models.remove(self)
        async with self._shelf.moving:
            await self.put_away()

    def _begin_to_load(self) -> None:
        self._began = self._shelf.clock()
        self._loading = asyncio.create_task(self._load())
        self._loading.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[Backend]") -> None:
        if self._loading is task:
            self._loading = None
        if not task.cancelled():
            task.exception()  # seen, whether or not anybody still waits for it
        if not self.users:  # whoever asked for it left while it loaded
            self._begin_to_rest()

    def _begin_to_rest(self) -> None:
        """Nobody uses it; from now on it may grow old."""
        if self._timer is not None:
            self._timer.cancel()
        if self._spec.unload_after is not None and self._loaded is not None and not self.closing:
            self._timer = asyncio.get_running_loop().call_later(self._spec.unload_after, self._grow_old)

    async def _load(self) -> Backend:
        asked = self._shelf.clock()
        async with self._shelf.moving:
            while True:
                self._began = self._shelf.clock()
                try:
                    backend = await asyncio.to_thread(self._open, self.name, self._spec)
                except NoMemory as refused:
                    await self._shelf.make_room(refused, self, asked)
                    continue
                self._takes = self._shelf.clock() - self._began
                self._loaded = Deadline(backend, self._spec.timeout)
                return self._loaded

    def _grow_old(self) -> None:
        """Nobody has asked for a while."""
        self._unloading = asyncio.create_task(self._unload_if_idle())

    async def _unload_if_idle(self) -> None:
        async with self._shelf.moving:
            if not self.users:
                await self.put_away()


class _Inside:
    """The internals of a model that is loaded on demand: a look loads it too."""

    def __init__(self, model: OnDemand) -> None:
        self._model = model

    async def decode(self, loop: Callable[..., Any], *args: Any) -> AsyncGenerator[str, None]:
        """As `Internals.decode`."""
        async with self._model.using() as backend:
            async for piece in _view(backend).decode(loop, *args):
                yield piece

    async def probe(self, look: Callable[..., T], *args: Any) -> T:
        """As `Internals.probe`."""
        async with self._model.using() as backend:
            return await _view(backend).probe(look, *args)


def _view(backend: Backend) -> Internals:
    if backend.internals is None:
        raise ModelError(f"model {backend.name!r} gives no view of its internals", model=backend.name)
    return backend.internals


def on_demand(name: str, spec: ModelSpec, shelf: Shelf) -> OnDemand:
    """An in_process model that is loaded when it is first asked; its files are looked at now.

    Takes a moment: torch is imported. Raises BadSettings and ModelUnavailable for files that are not there.
    """
    from models.engines import at_rest

    found = at_rest(name, spec)
    offers = frozenset({"logprobs", "internals"}) | spec.offers
    return OnDemand(name, spec, shelf, offers=offers, revision=found.revision, device=found.device)
