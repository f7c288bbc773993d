"""Many replays at once: which policy, on which table, how; and what each query came to, seeds taken together."""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from rich.progress import Progress

from benchmarks.tables import laid
from router.measures import Gain, calibration_error, paired
from router.outcomes import Rows
from router.policies import load_policy
from router.replay import Plan, Replay
from router.types import RouterSettings
from router.utility import Numbers


@dataclass(frozen=True, slots=True)
class Job:
    """One policy on one table, once."""

    path: Path
    policy: str
    plan: Plan
    params: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Walked:
    """What came of a job, in the order of the table's queries: `folds` [queries] tells in which each was judged.

    `scores` and `expected` are [queries, arms], `chosen` and `single` (the best single arm of the training queries)
    [queries]; `while_learning` is by how much the policy was ahead of the stream's best single arm, per query.
    """

    job: Job
    chosen: Rows
    single: Rows
    folds: Rows
    expected: Numbers
    costs: Numbers | None
    while_learning: float

    @property
    def scores(self) -> Numbers:
        """What every arm scored, [queries, arms]."""
        return laid(self.job.path).table.scores

    @property
    def ahead(self) -> Numbers:
        """By how much the choice scored more than the best single arm of the training queries, [queries]."""
        rows = np.arange(len(self.chosen))
        return np.asarray(self.scores[rows, self.chosen] - self.scores[rows, self.single])

    @property
    def ahead_of_the_best(self) -> Numbers:
        """The same over the arm that is the best single one of the whole table, which nobody can know."""
        best = int(np.nanmean(self.scores, axis=0).argmax())
        return np.asarray(self.scores[np.arange(len(self.chosen)), self.chosen] - self.scores[:, best])

    @property
    def calibration(self) -> float | None:
        """The expected calibration error of the estimates of all arms."""
        told = np.isfinite(self.expected) & np.isfinite(self.scores)
        return calibration_error(self.expected[told], self.scores[told])


def walk(job: Job) -> Walked:
    """Run one job."""
    data = laid(job.path)
    settings = RouterSettings(quality=job.plan.quality, params=dict(job.params))
    replay = Replay(data.table, data.embeddings, job.plan, settings)
    found = replay.walk(job.policy, partial(load_policy, job.policy))
    folds = np.zeros(len(data.table), dtype=np.intp)
    for i, ground in enumerate(replay.grounds):
        folds[ground.fold.test] = i
    ahead = [-float(regret[-1]) / len(regret) for regret in found.regrets]
    learning = float(np.mean(ahead)) if ahead else float("nan")
    return Walked(job, found.chosen, replay.singles, folds, found.quality, replay.costs, learning)


def walks(jobs: Sequence[Job], workers: int) -> dict[Job, Walked]:
    """Run all jobs, a few at a time, each on one core."""
    for job in jobs:
        laid(job.path)  # embedded once, before the workers need it
    found = {}
    with Progress() as progress, ProcessPoolExecutor(workers) as pool:
        bar = progress.add_task("replays", total=len(jobs))
        for done in as_completed([pool.submit(walk, job) for job in jobs]):
            found[done.result().job] = done.result()
            progress.advance(bar)
    return {job: found[job] for job in jobs}


def over_seeds(found: Sequence[Numbers]) -> Gain:
    """The mean of differences [queries] over seeds, then over queries, with the paired standard error over queries."""
    stacked = np.stack(found)
    known = stacked[:, np.isfinite(stacked).all(axis=0)]
    return paired(known.mean(axis=0))


def told(gain: Gain) -> str:
    """A gain in points."""
    return f"{100 * gain.mean:+.2f} ±{100 * gain.se:.2f}"
