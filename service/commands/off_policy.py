"""`replay --log`: what policies would have been worth on the service's own log; progress on stderr."""

import asyncio
import json
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from models.errors import BadSettings
from router.hindsight import Tick, Traffic
from router.policies import policies as there_are
from router.tuning import Challenger, compare, gathered, steps
from router.types import Feedback, Logged, RouterSettings
from service import log
from service.commands.paper import paper
from service.commands.trials import as_told, show
from service.house import opened_store
from service.sections import Settings
from store import Store


@dataclass(frozen=True, slots=True)
class Past:
    """All that was decided, oldest first, and all that was said of it, in the order in which it came."""

    decisions: Sequence[Logged]
    feedback: Sequence[Feedback]

    def traffic(self, settings: RouterSettings) -> Traffic:
        """What of it can tell policies apart under these settings. Raises TooLittle."""
        return gathered(self.decisions, self.feedback, settings)


def evaluate(settings: Settings, policies: Sequence[str], *, as_json: bool) -> int:
    """Estimate the policies (none named: all there are) on the log and print that. Raises UserError, StoreError."""
    log.configure(logging.WARNING)
    names = known(policies) or there_are()
    traffic = asyncio.run(_read(settings))
    with ticking("policies", steps(len(names))) as tick:
        trial = compare(traffic, [Challenger(name) for name in names], None, tick=tick)
    if as_json:
        sys.stdout.write(json.dumps(as_told(trial), ensure_ascii=False, allow_nan=False, indent=2) + "\n")
    else:
        show(trial, paper())
    return 0


def known(names: Sequence[str]) -> tuple[str, ...]:
    """The names, each once. Raises BadSettings for a policy that there is not."""
    for name in names:
        if name not in there_are():
            raise BadSettings(f"policy {name!r} is unknown; there are {', '.join(there_are())}")
    return tuple(dict.fromkeys(names))


def past(store: Store) -> Past:
    """The whole log. Blocks; raises StoreError."""
    return Past(list(store.history.decisions()), list(store.history.feedback()))


async def _read(settings: Settings) -> Traffic:
    async with opened_store(settings) as store:
        return (await asyncio.to_thread(past, store)).traffic(settings.router.spec())


@contextmanager
def ticking(what: str, total: int) -> Iterator[Tick]:
    """A progress bar on stderr, and what moves it on."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(what, total=total)
        yield lambda: progress.advance(task)
