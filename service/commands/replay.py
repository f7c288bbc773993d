"""`replay`: policies on an outcome table, from the shell; a table or one JSON object on stdout, progress on stderr."""

import asyncio
import json
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from models.embedding import open_embedder
from models.errors import BadRequest, BadSettings
from router.embedded import embedded
from router.outcome_files import read_outcomes
from router.outcomes import OutcomeTable
from router.policies import load_policy, policies
from router.replay import Plan, Replay
from router.types import RouterSettings
from router.verdict import Yardstick
from service import log
from service.commands.drawing import check_drawing, draw
from service.commands.verdicts import as_told, show
from service.sections import Settings
from strategies.core.query import Vector


@dataclass(frozen=True, slots=True)
class Asked:
    """What to replay: the table, the policies (none named: all there are), at most `limit` of the queries, and how.

    `plot` is where the picture goes, `cache` the folder of the embeddings (None: the user's own).
    """

    table: Path
    policies: Sequence[str] = ()
    limit: int | None = None
    plan: Plan = field(default_factory=Plan)
    plot: Path | None = None
    cache: Path | None = None


def replay(settings: Settings, asked: Asked, *, as_json: bool) -> int:
    """Replay the table and print what became of it; 0 when it did. Raises BadRequest, BadSettings, ModelUnavailable."""
    log.configure(logging.WARNING)
    router = settings.router.spec()
    table = _table(asked)
    names = _names(asked.policies, router)
    if asked.plot is not None:
        check_drawing(asked.plot)
    with _progress() as progress:
        laid = Replay(table, asyncio.run(_embeddings(settings, table, asked.cache, progress)), asked.plan, router)
        yardstick, verdicts = Yardstick(laid), []
        for name in names:
            task = progress.add_task(name, total=laid.steps)
            walk = laid.walk(name, partial(load_policy, name), partial(progress.advance, task))
            verdicts.append(yardstick.verdict(walk))
    if asked.plot is not None:
        draw(asked.plot, yardstick, verdicts)
    if as_json:
        told = as_told(str(asked.table), asked.plan, yardstick, verdicts)
        sys.stdout.write(json.dumps(told, ensure_ascii=False, allow_nan=False, indent=2) + "\n")
    else:
        show(asked.plan, yardstick, verdicts)
    return 0


def _table(asked: Asked) -> OutcomeTable:
    if asked.limit is not None and asked.limit < 2:
        raise BadRequest(f"limit = {asked.limit!r} leaves nothing to learn and to judge", param="limit")
    table = read_outcomes(asked.table)
    table = table if asked.limit is None else table.sample(asked.limit, asked.plan.seed)
    asked.plan.of(table)  # what cannot be meant is said before anything is embedded
    return table


def _names(named: Sequence[str], router: RouterSettings) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(named)) or policies()
    unknown = [name for name in names if name not in policies()]
    if unknown:
        raise BadSettings(f"policy {unknown[0]!r} is unknown; there are {', '.join(policies())}")
    for name in names:
        load_policy(name, RouterSettings(policy=name, params=router.params))
    return names


async def _embeddings(settings: Settings, table: OutcomeTable, cache: Path | None, progress: Progress) -> Vector:
    task = progress.add_task("embedding", total=len(table))
    asked = settings.embedder
    embedder = await asyncio.to_thread(open_embedder, asked.path or asked.name, fast=asked.fast, cache=asked.cache)
    try:
        kept = cache or _cache(settings)
        return await embedded(embedder, table.texts, kept, lambda done: progress.update(task, completed=done))
    finally:
        await embedder.close()


def _cache(settings: Settings) -> Path | None:
    """The folder beside what the embedder keeps; none where the user has no home."""
    try:
        folder = Path(settings.embedder.cache) if settings.embedder.cache else Path.home() / ".cache" / "pointsman"
    except RuntimeError:
        return None
    return folder / "embeddings"


@contextmanager
def _progress() -> Iterator[Progress]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield progress
