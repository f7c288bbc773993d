"""Many calls of one model for a fit: several at once, within a budget, told as they come, and kept for a resumption."""

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO, TypeVar  # Any: a line of JSON

from models.backend import Backend, Internals
from models.errors import BudgetExceeded, ContextTooLong, ModelRefused, PointsmanError
from models.revision import revision_of
from models.types import Chunk, Message, Request, Usage, collect

Progress = Callable[[str, int, int], None]
T = TypeVar("T")


class Journal:
    """Asks a model and remembers; with a path, replies of an earlier run are not asked for again.

    `asked` counts the new calls; `budget` is the most there may be, and they are all made before it raises. An entry is
    found by all that was asked, and by the version of the model. It is a Backend itself, so that a strategy can run on
    it. What the model refuses, or what does not fit into it, counts as an empty reply: that prompt is a bad one.
    """

    offers: frozenset[str] = frozenset()
    internals: Internals | None = None

    def __init__(
        self, backend: Backend, path: Path | None, budget: int | None, concurrency: int, progress: Progress | None
    ) -> None:
        self.asked = 0
        self.name = backend.name
        self._backend = backend
        self._revision = revision_of(backend)
        self._path = path
        self._budget = budget
        self._gate = asyncio.Semaphore(concurrency)
        self._progress = progress
        self._begun = 0
        self._known: dict[str, str] = {}
        self._file: TextIO | None = None

    async def __aenter__(self) -> "Journal":
        if self._path is not None:
            self._known = _entries(self._path)
            self._file = self._path.open("a", encoding="utf-8")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the file; the back-end stays open."""
        if self._file is not None:
            self._file.close()
            self._file = None

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """The reply to the request, in one piece. Raises ModelError, and BudgetExceeded for a new call too many."""
        key = self._key(request)
        if key not in self._known:
            if self._budget is not None and self._begun >= self._budget:
                raise BudgetExceeded(f"the fit may make {self._budget} calls, made them and wants more")
            self._begun += 1
            async with self._gate:
                text = await self._reply(request)
            self.asked += 1
            self._keep(key, text)
        yield Chunk(text=self._known[key], finish_reason="stop", usage=Usage())

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
        different = {self._key(request): request for request in requests}
        replies = await self.all(stage, [collect(self.stream(one), self.name) for one in different.values()])
        texts = dict(zip(different, (reply.text for reply in replies), strict=True))
        return [texts[self._key(request)] for request in requests]

    async def all(self, stage: str, tasks: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
        """The results, in order, each told under the stage; where the budget ran out, it is raised after the others."""
        done, spent = 0, list[BudgetExceeded]()
        self._tell(stage, 0, len(tasks))

        async def one(task: Coroutine[Any, Any, T]) -> T | None:
            nonlocal done
            try:
                result = await task
            except BudgetExceeded as error:
                spent.append(error)
                return None
            done += 1
            self._tell(stage, done, len(tasks))
            return result

        try:
            async with asyncio.TaskGroup() as group:
                running = [group.create_task(one(task)) for task in tasks]
        except* PointsmanError as failures:
            raise failures.exceptions[0] from failures
        if spent:
            raise BudgetExceeded(f"{spent[0]}: {stage}, {done} of {len(tasks)}")
        return [result for task in running if (result := task.result()) is not None]

    async def _reply(self, request: Request) -> str:
        try:
            return (await collect(self._backend.stream(request), self.name)).text
        except (ContextTooLong, ModelRefused):
            return ""

    def _keep(self, key: str, reply: str) -> None:
        self._known[key] = reply
        if self._file is not None:
            self._file.write(json.dumps({"key": key, "reply": reply}) + "\n")
            self._file.flush()

    def _tell(self, stage: str, done: int, total: int) -> None:
        if self._progress is not None:
            self._progress(stage, done, total)

    def _key(self, request: Request) -> str:
        said = [(message.role, message.text) for message in request.messages]
        drawn = (request.temperature, request.top_p, request.max_tokens, request.seed, request.stop)
        return hashlib.sha256(repr((self.name, self._revision, said, drawn)).encode()).hexdigest()[:32]


def _entries(path: Path) -> dict[str, str]:
    """The replies of an earlier run, by key. A last line that was torn is cut off, one that is damaged passed over."""
    whole = path.read_bytes() if path.is_file() else b""
    kept = whole[: whole.rfind(b"\n") + 1]
    if kept != whole:
        path.write_bytes(kept)
    found: dict[str, str] = {}
    for row in kept.decode("utf-8", "replace").splitlines():
        try:
            entry = json.loads(row)
        except json.JSONDecodeError:
            continue
        if isinstance(entry, dict) and isinstance(entry.get("reply"), str):
            found[str(entry.get("key"))] = entry["reply"]
    return found
