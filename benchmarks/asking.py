"""One question through one arm, in this process: real models, embedder and library, and a past of solved questions."""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rich.progress import Progress

from benchmarks.zoo_outcomes import KEPT
from models.backend import Backend
from models.embedding import Embedder, open_embedder
from models.errors import PointsmanError
from models.revision import digest, revision_of
from models.types import Message, Reply, Request
from router.revisions import version
from service.documents import add_file, files_of
from store import open_store
from strategies.core import Called, Context, Query, Strategy
from strategies.core.events import RunEvent
from strategies.core.query import Example, Library, Vector
from strategies.core.registry import Param
from strategies.direct import direct

AT_ONCE = 24
Tick = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of a benchmark: `kind` is what the report groups by (a family, a task)."""

    id: str
    kind: str
    prompt: str


@dataclass(frozen=True, slots=True)
class Trial:
    """One question answered by one arm: what was said, what it took, and the first draft where there was one.

    `tokens` are generated and read ones together; `overhead` seconds of the run in which no call was under way;
    `failed` names the error after which `direct` answered, as the engine would have it.
    """

    model: str
    strategy: str
    id: str
    text: str
    calls: int
    tokens: int
    gpu_seconds: float
    seconds: float
    overhead: float
    draft: str | None = None
    failed: str = ""


class Solved:
    """A past of solved questions, as `strategies.core.query.Memory`."""

    def __init__(self, pairs: Sequence[tuple[str, str]], rows: Vector) -> None:
        self._pairs, self._rows = pairs, rows

    async def examples(self, embedding: Vector, k: int, key: str | None = None) -> list[Example]:
        """The k nearest solved questions, nearest first."""
        cosines = self._rows @ embedding
        best = np.argsort(-cosines, kind="stable")[:k].tolist()
        near = [(self._pairs[int(i)], float(cosines[i])) for i in best]
        return [Example(question, answer, 1.0, score) for (question, answer), score in near]


@dataclass(frozen=True, slots=True)
class Stage:
    """What strategies run on."""

    backends: Mapping[str, Backend]
    embedder: Embedder
    memory: Solved | None
    library: Library | None


@asynccontextmanager
async def stage(
    backends: Mapping[str, Backend], solved: Sequence[tuple[str, str]], documents: Sequence[Path]
) -> AsyncIterator[Stage]:
    """The stage with a library of these documents and this past; it closes the back-ends with itself."""
    embedder = await asyncio.to_thread(open_embedder)
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{folder}/store.db", embedder)
        try:
            for path in files_of(documents):
                await add_file(store.library, path)
            rows = await embedder.embed([question for question, _ in solved]) if solved else None
            memory = None if rows is None else Solved(solved, rows)
            yield Stage(backends, embedder, memory, store.library if documents else None)
        finally:
            for backend in backends.values():
                await backend.close()
            await store.close()
            await embedder.close()


async def ask(on: Stage, model: str, strategy: Strategy, asked: Asked, seed: int, params: Mapping[str, Param]) -> Trial:
    """Run one arm on one question, as the engine does: a strategy that cannot finish gives its best, or `direct`."""
    calls: list[Called] = []

    def hear(event: RunEvent) -> None:
        if isinstance(event, Called):
            calls.append(event)

    embedding = (await on.embedder.embed([asked.prompt]))[0]
    ctx = Context(
        query=Query(Request((Message("user", asked.prompt),), seed=seed), embedding),
        backend=on.backends[model],
        emit=hear,
        peers={name: backend for name, backend in on.backends.items() if name != model},
        library=on.library,
        memory=on.memory,
        embedder=on.embedder,
    )
    clock = asyncio.get_running_loop().time
    started, failed = clock(), ""
    said: Reply | str
    try:
        said = await strategy.run(ctx, **params)
    except PointsmanError as error:
        failed = f"{type(error).__name__}: {error}"
        said = ctx.best if ctx.best is not None else await _plainly(ctx)
    seconds = clock() - started
    replies = [call.reply for call in calls if call.reply is not None]
    return Trial(
        model,
        strategy.name,
        asked.id,
        str(said),
        len(calls),
        sum(reply.usage.prompt_tokens + reply.usage.completion_tokens for reply in replies),
        sum(reply.usage.gpu_seconds or 0.0 for reply in replies),
        seconds,
        seconds - _busy(calls),
        next((call.reply.text for call in calls if call.label == "draft" and call.reply is not None), None),
        failed,
    )


async def _plainly(ctx: Context) -> Reply | str:
    plain = Context(query=ctx.query, backend=ctx.backend, emit=ctx.emit)
    return await direct.run(plain)


def _busy(calls: Sequence[Called]) -> float:
    """The seconds in which at least one call was under way."""
    total, end = 0.0, 0.0
    for call in sorted(calls, key=lambda call: call.started):
        total += max(0.0, call.started + call.seconds - max(end, call.started))
        end = max(end, call.started + call.seconds)
    return total


async def ask_all(
    on: Stage,
    arms: Sequence[tuple[str, Strategy]],
    asked: Sequence[Asked],
    seed: int,
    params: Mapping[str, Mapping[str, Param]],
    *,
    at_once: int = AT_ONCE,
) -> list[Trial]:
    """Every question of every arm; what was asked before of the same arm is read back (by model, prompts, question)."""
    found: list[Trial] = []
    with Progress() as progress:
        bar = progress.add_task("arms", total=len(arms) * len(asked))
        for model, strategy in arms:
            progress.update(bar, description=f"{strategy.name}@{model}")
            given = {**strategy.params, **params.get(strategy.name, {})}
            revisions = [revision_of(on.backends[name]) for name in _needed(strategy, model, on)]
            told = [str(seed), str(at_once), *(f"{one.id} {one.prompt}" for one in asked)]
            key = digest(*revisions, version(strategy, given), *told)
            path = KEPT / f"strategies-{model}-{strategy.name}-{key}.json"
            if not path.exists():
                own = await _several(
                    [ask(on, model, strategy, one, seed, given) for one in asked],
                    at_once,
                    lambda: progress.advance(bar),
                )
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(json.dumps([asdict(one) for one in own]))
            else:
                progress.advance(bar, len(asked))
            found += [Trial(**row) for row in json.loads(path.read_text())]
    return found


def _needed(strategy: Strategy, model: str, on: Stage) -> list[str]:
    """The models on which the answers of an arm hang."""
    return [model, *(sorted(set(on.backends) - {model}) if strategy.peers is not None else ())]


async def _several(runs: Sequence[Coroutine[object, object, Trial]], at_once: int, done: Tick) -> list[Trial]:
    gate = asyncio.Semaphore(at_once)

    async def one(run: Coroutine[object, object, Trial]) -> Trial:
        async with gate:
            made = await run
        done()
        return made

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(run)) for run in runs]
    return [task.result() for task in tasks]
