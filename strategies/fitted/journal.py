"""Many calls of one model for a fit: several at once, within a budget, told as they come, and kept for a resumption."""

import asyncio
import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TextIO

from models.backend import Backend
from models.errors import BudgetExceeded, ModelError
from models.types import Message, Request, collect

Progress = Callable[[str, int, int], None]


class Journal:
    """Asks a model and remembers; with a path, replies of an earlier run are not asked for again.

    `asked` counts the new calls; `budget` is the most there may be. An entry is found by all that was asked.
    """

    def __init__(
        self, backend: Backend, path: Path | None, budget: int | None, concurrency: int, progress: Progress | None
    ) -> None:
        self.asked = 0
        self._backend = backend
        self._path = path
        self._budget = budget
        self._gate = asyncio.Semaphore(concurrency)
        self._progress = progress
        self._known: dict[str, str] = {}
        self._file: TextIO | None = None

    async def __aenter__(self) -> "Journal":
        if self._path is not None:
            rows = self._path.read_text().split("\n")[:-1] if self._path.is_file() else []  # the last may be torn
            self._known = {entry["key"]: entry["reply"] for entry in map(json.loads, rows)}
            self._file = self._path.open("w")
            for key, reply in self._known.items():
                self._keep(key, reply)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    async def ask_all(
        self,
        stage: str,
        prompts: Sequence[str],
        *,
        temperature: float,
        max_tokens: int,
        top_p: float | None = None,
        seed: int | None = None,
    ) -> list[str]:
        """The replies to all prompts, in order; prompts that are alike get different seeds where one is given."""
        requests = [
            Request(
                (Message("user", prompt),),
                temperature=temperature,
                top_p=top_p,
                max_tokens=max_tokens,
                seed=None if seed is None else seed + i,
            )
            for i, prompt in enumerate(prompts)
        ]
        new = {self._key(request): request for request in requests if self._key(request) not in self._known}
        if self._budget is not None and self.asked + len(new) > self._budget:
            raise BudgetExceeded(f"the fit may make {self._budget} calls, made {self.asked} and wants {len(new)} more")
        self._tell(stage, len(requests) - len(new), len(requests))
        done = len(requests) - len(new)

        async def one(key: str, request: Request) -> None:
            nonlocal done
            async with self._gate:
                reply = await collect(self._backend.stream(request), self._backend.name)
            self.asked += 1
            done += 1
            self._keep(key, reply.text)
            self._tell(stage, done, len(requests))

        try:
            async with asyncio.TaskGroup() as group:
                for key, request in new.items():
                    group.create_task(one(key, request))
        except* ModelError as failures:
            raise failures.exceptions[0] from failures
        return [self._known[self._key(request)] for request in requests]

    def _keep(self, key: str, reply: str) -> None:
        self._known[key] = reply
        if self._file is not None:
            self._file.write(json.dumps({"key": key, "reply": reply}) + "\n")
            self._file.flush()

    def _tell(self, stage: str, done: int, total: int) -> None:
        if self._progress is not None:
            self._progress(stage, done, total)

    def _key(self, request: Request) -> str:
        told = (self._backend.name, request.messages[0].text, request.temperature, request.max_tokens, request.seed)
        return hashlib.sha256(repr(told).encode()).hexdigest()[:32]
