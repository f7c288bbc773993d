"""Trying models on labelled questions as a cascade would: the first one's draft with its evidence, then the others'."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.backend import Backend
from models.errors import ModelError
from models.types import Message, Request, collect
from strategies.cascade import Draft, consider
from strategies.core import Called, Context, Query
from strategies.core.demos import Demo
from strategies.core.gate import Judged

NEAR = 0.45
Score = Callable[[Demo, str], float]


@dataclass(frozen=True, slots=True)
class Tried:
    """One question: the draft of the model and its score 0..1, each other model's score, what each took, GPU-seconds.

    GPU-seconds are None where a model measures none.
    """

    demo: Demo
    draft: Draft
    weak: float
    strong: Mapping[str, float]
    gpu_seconds: float | None
    strong_gpu_seconds: Mapping[str, float | None]


async def try_cascade(
    weak: Backend,
    strong: Sequence[Backend],
    demos: Sequence[Demo],
    score: Score,
    *,
    samples: int = 4,
    concurrency: int = 16,
    progress: Callable[[int, int], None] | None = None,
) -> list[Tried]:
    """Ask `weak` and every one of `strong` each question; `progress` is told (done, total). Raises ModelError."""
    gate, done = asyncio.Semaphore(concurrency), 0

    async def one(demo: Demo) -> Tried:
        nonlocal done
        async with gate:
            tried = await _tried(weak, strong, demo, score, samples)
        done += 1
        if progress is not None:
            progress(done, len(demos))
        return tried

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(demo)) for demo in demos]
    except* ModelError as failures:
        raise failures.exceptions[0] from failures
    return [task.result() for task in tasks]


def judged_of(weak: str, tried: Sequence[Tried]) -> list[Judged]:
    """What a fit learns from: the answers that the gate decides about, not those that a check has settled."""
    return [
        Judged(weak, one.draft.evidence, one.weak, one.strong)
        for one in tried
        if one.draft.evidence is not None and one.draft.verdict.passed is not False and not one.draft.proven
    ]


async def _tried(weak: Backend, strong: Sequence[Backend], demo: Demo, score: Score, samples: int) -> Tried:
    calls: list[Called] = []
    request = Request((Message("user", demo.question),))

    def hear(event: object) -> None:
        if isinstance(event, Called):
            calls.append(event)

    ctx = Context(query=Query(request, np.zeros(1, dtype=np.float32)), backend=weak, emit=hear)
    draft = await consider(ctx, samples, NEAR)
    spent = [None if call.reply is None else call.reply.usage.gpu_seconds for call in calls]
    replies = {backend.name: await collect(backend.stream(request), backend.name) for backend in strong}
    return Tried(
        demo,
        draft,
        score(demo, draft.reply.text),
        {name: score(demo, reply.text) for name, reply in replies.items()},
        None if None in spent else sum(seconds or 0.0 for seconds in spent),
        {name: reply.usage.gpu_seconds for name, reply in replies.items()},
    )
