"""The models of `[servers]`: found at the start, looked for again while the service runs, known from the last time.

A model is called by its id on the server where no other model has that name, else `SERVER/id`, and stays so called
over a restart. New ones appear and vanished ones go without one; a server that does not answer keeps what it had.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from models.backend import Backend, connect
from models.breaker import Breaker
from models.discovery import chosen, listed
from models.errors import BadSettings, ModelUnavailable
from models.limits import limit
from models.scripted import Scripted
from models.states import states
from models.types import Request
from router.catalog import AUTO
from service.fitted_files import beside
from service.sections import NAME, ModelTable, ServerTable, Settings
from service.unforeseen import UNFORESEEN

FIRST = 3.0
"""Seconds that the start waits for the servers' lists, all together."""
USUAL = 10.0
"""Seconds that a later look waits for one."""
FILE = "servers.json"
"""Keeps, beside the database, which models each server had, and what they were called."""

log = logging.getLogger("servers")


class Backends(dict[str, Backend]):
    """The models by name. One that vanished after it was chosen is one that cannot be reached, and no other fault."""

    def __missing__(self, name: str) -> Backend:
        def gone(_: Request) -> str:
            raise ModelUnavailable(f"model {name!r} is no longer on its server", model=name)

        return Scripted(name, gone)


class Discovery:
    """Keeps `backends` and the tables of `settings.models` as the servers are; says when they changed."""

    def __init__(self, settings: Settings, backends: Backends, fellows: list[Breaker]) -> None:
        self._settings, self._backends, self._fellows = settings, backends, fellows
        self._file = beside(settings.store.url) / FILE
        self._had: dict[str, list[str]] = {}
        self._names: dict[tuple[str, str], str] = {}
        self._called: dict[tuple[str, str], str] = {}
        self._silent: set[str] = set()
        self._leaving: list[Backend] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._changed: Callable[[], None] = lambda: None

    async def begin(self) -> None:
        """What the servers have, as far as they tell it now; of the others, what they had the last time."""
        servers = self._settings.servers
        if not servers:
            return
        kept = await asyncio.to_thread(_kept, self._file)
        self._had = {server: list(ids) for server, ids in kept.items() if server in servers}
        self._called = {(server, one): name for server, ids in kept.items() for one, name in ids.items() if name}
        async with asyncio.TaskGroup() as group:
            for name in servers:
                group.create_task(self._look(name, FIRST))
        await self._take()

    def start(self, changed: Callable[[], None]) -> None:
        """Look again and again from now on."""
        self._changed = changed
        self._tasks = [asyncio.create_task(self._go_on(name)) for name in self._settings.servers]

    async def close(self) -> None:
        """Look no more; close what was found."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        for backend in [*self._leaving, *(self._backends[name] for name in self._names.values())]:
            await backend.close()

    async def _go_on(self, server: str) -> None:
        while True:
            await asyncio.sleep(self._settings.servers[server].refresh_seconds)
            try:
                await self._again(server)
            except UNFORESEEN as error:
                log.error("servers.%s: its models were not looked at: %s: %s", server, type(error).__name__, error)

    async def _again(self, server: str) -> None:
        before = self._had.get(server)
        await self._look(server, USUAL)
        if self._had.get(server) != before:
            await self._take()
            self._changed()
        for backend in [one for one in self._leaving if not states(one).in_use]:
            self._leaving.remove(backend)
            await backend.close()

    async def _look(self, server: str, seconds: float) -> None:
        table = self._settings.servers[server]
        try:
            ids = await listed(table.api_base or "", table._api_key, seconds)
        except ModelUnavailable as silent:
            if server not in self._silent:
                known = len(self._had.get(server, ()))
                log.warning("servers.%s: %s; it keeps the %d models that it had", server, silent, known)
            self._silent.add(server)
            return
        self._silent.discard(server)
        self._had[server] = chosen(ids, table.include, table.exclude)

    async def _take(self) -> None:
        """Open what is new, let go what is gone, and keep the lists."""
        wanted = [(server, one) for server, ids in self._had.items() for one in ids]
        for key in [key for key in self._names if key not in wanted]:
            name = self._names.pop(key)
            self._leaving.append(self._backends.pop(name))
            self._settings.models.pop(name, None)
        for server, one in sorted(wanted, key=lambda key: key not in self._called):  # each has its old name first
            if (server, one) not in self._names:
                self._add(server, one, sum(one == other for _, other in wanted) == 1)
        kept = {server: {one: self._names.get((server, one)) for one in ids} for server, ids in self._had.items()}
        await asyncio.to_thread(_keep, self._file, kept)

    def _add(self, server: str, one: str, alone: bool) -> None:
        free = one != AUTO and one not in self._backends and NAME.fullmatch(one) is not None
        plain = free and self._called.pop((server, one), one if alone else "") == one
        name = one if plain else f"{server}/{one}"
        if name in self._backends or not (name.isascii() and name.isprintable()):
            log.warning("servers.%s: %r cannot be the name of a model here, or is one already", server, one)
            return
        table = _table(self._settings.servers[server], one)
        try:
            backend = limit(connect(name, table.spec()), table.spec(), self._fellows)
        except BadSettings as wrong:
            log.warning("servers.%s: %s", server, wrong)
            return
        self._backends[name], self._names[server, one] = backend, name
        self._settings.models[name] = table


def _table(server: ServerTable, one: str) -> ModelTable:
    """The server's keys as those of its model."""
    keys = server.model_dump(include=set(ModelTable.model_fields))
    table = ModelTable.model_validate({**keys, "model": f"openai/{one}"})
    table._api_key = server._api_key
    return table


def _kept(path: Path) -> dict[str, dict[str, str | None]]:
    """What each server had the last time, by id, and what it was called, None where that is not known.

    Nothing where there is no such file or it is damaged; files of older versions hold the ids alone.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (OSError, ValueError) as damaged:
        log.warning("%s cannot be read and is made anew: %s", path, damaged)
        return {}
    if not isinstance(found, dict):
        return {}
    named: dict[str, dict[str, str | None]] = {}
    for server, ids in found.items():
        if isinstance(ids, list):
            named[server] = {str(one): None for one in ids}
        elif isinstance(ids, dict):
            named[server] = {one: name if isinstance(name, str) else None for one, name in ids.items()}
    return named


def _keep(path: Path, had: Mapping[str, Mapping[str, str | None]]) -> None:
    draft = path.with_suffix(".draft")
    try:
        draft.write_text(json.dumps(had, indent=1) + "\n", encoding="utf-8")
        draft.replace(path)
    except OSError as full:
        log.warning("%s cannot be written: %s", path, full)
