"""The models that are open: opened one after another, off the loop, and kept when the settings change around them.

A model in this process is shared by the houses whose settings mean the same model, and closed with the last of them;
others are but addresses, and opened anew for each.
"""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from models.backend import Backend, ModelSpec, connect
from models.breaker import Breaker
from models.errors import BadSettings, ModelUnavailable
from models.limits import limit
from models.loading import Shelf, on_demand
from models.memory import LEDGER
from service.discovering import Backends
from service.sections import ModelTable, Settings

AROUND = frozenset(
    {
        *("concurrency", "queue", "retries", "rpm", "tpm", "role"),
        *("usd_per_1m_in", "usd_per_1m_out", "gpu_seconds_per_1k"),
    }
)


@dataclass(slots=True)
class _Open:
    backend: Backend
    users: int = 0


class Pool:
    """The models of this process by what they are, and the shelf of those that are loaded on demand."""

    def __init__(self) -> None:
        self._open: dict[str, _Open] = {}
        self._shelf = Shelf()

    async def open(self, settings: Settings, stack: AsyncExitStack, breakers: list[Breaker]) -> Backends:
        """Every model of the settings within its limits; the stack gives them back. Raises BadSettings."""
        backends = Backends()
        coming = [one for name, one in settings.models.items() if _is_here(one) and _key(name, one) not in self._open]
        LEDGER.allow(settings.server.model_memory_gb, len(coming))
        for name, table in settings.models.items():
            spec = table.spec()
            try:
                backend = await self._take(name, table, stack)
            except ModelUnavailable as error:
                raise BadSettings(f"models.{name}: {error}", param=f"models.{name}") from error
            backends[name] = limit(backend, spec, breakers)
        return backends

    def close(self) -> None:
        """Let no load wait any longer."""
        self._shelf.close()

    async def _take(self, name: str, table: ModelTable, stack: AsyncExitStack) -> Backend:
        if table.backend != "in_process":
            backend = await asyncio.to_thread(connect, name, table.spec())
            stack.push_async_callback(backend.close)
            return backend
        key = _key(name, table)
        if key not in self._open:
            self._open[key] = _Open(await asyncio.to_thread(self._load, name, table.spec()))
        one = self._open[key]
        one.users += 1
        stack.push_async_callback(partial(self._give_back, key))
        return one.backend

    def _load(self, name: str, spec: ModelSpec) -> Backend:
        return on_demand(name, spec, self._shelf) if spec.load == "demand" else connect(name, spec)

    async def _give_back(self, key: str) -> None:
        one = self._open[key]
        one.users -= 1
        if one.users == 0:
            del self._open[key]
            await one.backend.close()


def _is_here(table: ModelTable) -> bool:
    """Whether it takes memory of its own from the start; an adapter takes next to none beside its base."""
    expert = table.path is not None and (Path(table.path) / "adapter_config.json").is_file()
    return table.backend == "in_process" and table.load == "start" and not expert


def _key(name: str, table: ModelTable) -> str:
    """What makes it the same model: all but the limits and prices that stand around it."""
    around = AROUND if table.load == "demand" else AROUND | {"timeout"}  # one on demand keeps its deadline inside
    return f"{name} {table.model_dump(exclude=set(around))!r}"
