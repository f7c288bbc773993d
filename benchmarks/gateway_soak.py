"""What Pointsman leaves behind: one row for each answer, memory that does not grow, and what a further call costs."""

import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

import psutil

from benchmarks.gateway_load import Line, Target, one_at_a_time
from benchmarks.gateway_peers import SLOW, Pointsman, pointsman, upstream_counts

AT_ONCE = 16
FLUSH = 20.0
"""Seconds that the log may take to reach SQL."""
SAMPLES = 10
LEAVES, STREAMS = 10, 3
"""Of the soak's requests every tenth is left in the middle, and of the others every third is streamed."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Answers, and the decisions and outcomes that SQLite holds for their ids."""

    answers: int
    decisions: int
    outcomes: int

    def __str__(self) -> str:
        exact = self.answers == self.decisions == self.outcomes
        kept = f"{self.answers} answers, {self.decisions} decisions and {self.outcomes} outcomes under their ids"
        return f"{kept}: {'one each' if exact else 'NOT one each'}"


@dataclass(frozen=True, slots=True)
class Extra:
    """What a strategy takes beside its upstream's time, in seconds at the median; `waves` are waits in a row."""

    strategy: str
    calls: int
    waves: int
    seconds: float
    per_extra_call: float


@dataclass(frozen=True, slots=True)
class Soak:
    """Megabytes (`early`: of a service nearly new) and open files before and after; what is left open upstream."""

    requests: int
    failed: int
    seconds: float
    early: float
    before: float
    after: float
    files_before: int
    files_after: int
    open_upstream: int

    @property
    def growth(self) -> float:
        """Growth of memory, as a share."""
        return self.after / self.before - 1.0


def megabytes(pid: int) -> float:
    """Resident memory of a process and its children."""
    top = psutil.Process(pid)
    return sum(one.memory_info().rss for one in [top, *top.children(recursive=True)]) / 1e6


def rows(ours: Pointsman, target: Target, n: int) -> Rows:
    """Ask n questions, sixteen at once, and look their ids up in SQLite once the log is written."""
    ids: list[str] = []

    def ask(line: Line) -> None:
        reply = line.ask()
        if reply.status == 200:
            ids.append(reply.json["id"])

    _spread(target, n, ask)
    if ours.database is None:
        raise ValueError("rows are counted in a SQLite file")
    until = time.monotonic() + FLUSH
    while (found := _found(ours.database, ids)).outcomes < len(ids) and time.monotonic() < until:
        time.sleep(0.2)
    return found


def extra_calls(upstream: str, seconds: float) -> list[Extra]:
    """Strategies of several calls against `direct`, over a model that takes its time, one question after another."""
    found = []
    with pointsman(upstream, strategies=("direct", "self_consistency", "self_reflection")) as ours:
        waiting = median(one_at_a_time(Target("upstream", upstream, SLOW), seconds / 4))
        alone = 0.0
        for name in ("direct", "self_consistency", "self_reflection"):
            target = ours.target(f"{name}@{SLOW}", name)
            with Line(target) as line:
                calls = [line.ask().json["pointsman"]["calls"] for _ in range(10)][-1]
            waves = 1 if name == "self_consistency" else calls  # it asks all at once
            took = median(one_at_a_time(target, seconds))
            own = took - waves * waiting
            alone = alone or own
            found.append(Extra(name, calls, waves, took, (own - alone) / max(1, calls - 1)))
    return found


def soak(ours: Pointsman, upstream: str, n: int) -> Soak:
    """n requests: plain, streamed and left in the middle, pinned and auto; as many come before and fill what is bounded
    (the cache of embeddings, the recent past of the log). The memory after a tenth of those is told too.
    """
    targets = [ours.target("direct@one", "pinned"), ours.target("auto", "auto")]
    _mixed(targets, n // 10)
    early, _ = _steady(ours.pid)
    _mixed(targets, n - n // 10)
    before, files_before = _steady(ours.pid)
    begun = time.perf_counter()
    failed = _mixed(targets, n)
    seconds = time.perf_counter() - begun
    after, files_after = _steady(ours.pid)
    left = upstream_counts(upstream)["open"] - 1  # the one that asks
    return Soak(n, failed, seconds, early, before, after, files_before, files_after, left)


def _mixed(targets: Sequence[Target], n: int) -> int:
    """The requests; how many failed of those that were to be answered."""
    numbers, failed = iter(range(n)), []
    lock = threading.Lock()

    def work(target: Target) -> None:
        line = Line(target)
        while True:
            with lock:
                i = next(numbers, None)
            if i is None:
                line.close()
                return
            stream = i % STREAMS == 0
            if i % LEAVES == 0:
                line.send(stream=i % (2 * LEAVES) == 0)
                if i % (2 * LEAVES) == 0:
                    line.first_bytes()
                line.close()
                line = Line(target)
            elif line.ask(stream=stream).status != 200:
                failed.append(i)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for done in [pool.submit(work, targets[i % len(targets)]) for i in range(AT_ONCE)]:
            done.result()
    return len(failed)


def _spread(target: Target, n: int, ask: Callable[[Line], None]) -> None:
    def work() -> None:
        with Line(target) as line:
            for _ in range(n // AT_ONCE):
                ask(line)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for done in [pool.submit(work) for _ in range(AT_ONCE)]:
            done.result()


def _steady(pid: int) -> tuple[float, int]:
    """Megabytes, the mean of some seconds' samples after the log is written, and open files and sockets."""
    time.sleep(3.0)
    samples = []
    for _ in range(SAMPLES):
        samples.append(megabytes(pid))
        time.sleep(0.2)
    return mean(samples), psutil.Process(pid).num_fds()


def _found(database: Path, ids: Sequence[str]) -> Rows:
    """How many rows the ids have."""
    counts = []
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as file:
        for table, column in (("decisions", "id"), ("outcomes", "decision_id")):
            held = [row for (row,) in file.execute(f"SELECT {column} FROM {table}")]
            wanted = set(ids)
            counts.append(sum(one in wanted for one in held))
    return Rows(len(ids), *counts)
