"""Faults by the thousand, each counted where it strikes: no request may be answered wrongly, and no row may be lost.

python -m benchmarks.faults [--n 10000] [--seed 0] [--at-once 64] [--kills 6] [--seconds 600] [--write]
python -m benchmarks.faults --fuzz 50      (the property tests over the API's description, 50 times as many, drawn anew)

It asks until n faults were injected: calls that the stub upstream (tests/upstream) struck, clients that left at a
moment of their own, times that another connection locked the database, kills. The service is a process of its own over
SQLite with a model for each kind of fault; it is killed (SIGKILL) and started again while it is asked.
"""

import argparse
import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from benchmarks.faults_asking import DEADLINE, Drawn, Standing, ask, draws, tracing
from benchmarks.faults_judging import Came, judged
from benchmarks.faults_kinds import KINDS, RETRIES
from benchmarks.faults_report import Counted, report
from benchmarks.faults_rows import settled
from benchmarks.faults_struck import Striking
from benchmarks.reports import keep
from tests.faults.standing import Process

ROOT = Path(__file__).resolve().parents[1]
LOCKED, BETWEEN = (0.5, 3.5), (3.0, 8.0)
"""Seconds for which the database is locked, and from one time to the next."""
TIMEOUT = 1.0
"""Seconds that a model may take."""


@dataclass(slots=True)
class Injecting:
    """One run: what was asked of whom, and what came of it."""

    service: Process
    upstream: Striking
    standing: Standing
    n: int
    kills: int
    until: float
    came: list[Came] = field(default_factory=list)
    left: int = 0
    locks: int = 0

    @property
    def injected(self) -> int:
        """Faults so far."""
        return self.upstream.struck.total() + self.left + self.locks + len(self.standing.kills)

    @property
    def over(self) -> bool:
        """Whether all faults and kills were had, or the time is up."""
        enough = self.injected >= self.n and len(self.standing.kills) >= self.kills
        return enough or time.monotonic() > self.until

    async def work(self, drawn: Iterator[Drawn], at_once: int) -> None:
        """Ask, so many at once, and kill meanwhile, until it is over."""
        self.standing.up.set()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._kill())
            for _ in range(at_once):
                group.create_task(self._client(drawn))
        print(file=sys.stderr)

    async def _client(self, drawn: Iterator[Drawn]) -> None:
        timeout = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(timeout=timeout, trace_configs=[tracing()]) as http:
            while True:
                if self.over:
                    return
                heard = await ask(http, self.standing, next(drawn))
                if heard.end == "unsent":
                    continue
                self.left += heard.end == "left"
                self.came.append(judged(heard, self.upstream.calls[heard.drawn.number]))
                if len(self.came) % 100 == 0:
                    print(f"\r{self.injected} of {self.n} faults", end="", file=sys.stderr)
                if heard.end == "nobody":
                    await self.standing.up.wait()

    async def _kill(self) -> None:
        """Kill the service at even distances in the number of faults, and start it again."""
        for i in range(self.kills):
            while self.injected < self.n * (i + 1) / (self.kills + 1):
                if self.over:
                    return
                await asyncio.sleep(0.05)
            self.standing.up.clear()
            self.standing.kills.append(time.monotonic())
            self.service.send(signal.SIGKILL)
            await asyncio.to_thread(self.service.ended)
            await asyncio.to_thread(self.service.start)
            self.standing.url = self.service.url
            self.standing.up.set()

    @contextmanager
    def locking(self, seed: int) -> Iterator[None]:
        """Another connection takes the right to write for some seconds, again and again."""
        enough, draw = threading.Event(), random.Random(seed)

        def work() -> None:
            with closing(sqlite3.connect(self.service.database, isolation_level=None, timeout=30.0)) as holder:
                while not enough.wait(draw.uniform(*BETWEEN)):
                    holder.execute("BEGIN IMMEDIATE")
                    self.locks += 1
                    enough.wait(draw.uniform(*LOCKED))
                    holder.execute("ROLLBACK")

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            enough.set()
            thread.join()


def injected(n: int, seed: int, at_once: int, kills: int, seconds: float) -> Counted:
    """What came of n faults."""
    with tempfile.TemporaryDirectory(prefix="pointsman-faults-") as folder, Striking(keep=0) as upstream:
        upstream.prepare(seed)
        limits = {"timeout": TIMEOUT, "retries": RETRIES}
        # Chance chooses, so that the model with the fault is asked first in half of the requests that allow another.
        router = {"policy": "random", "seed": seed}
        service = Process(Path(folder), upstream, tuple(KINDS), limits, {"max_seconds": DEADLINE - 5}, router)
        service.start()
        begun = time.monotonic()
        run = Injecting(service, upstream, Standing(service.url), n, kills, begun + seconds)
        try:
            with run.locking(seed):
                asyncio.run(run.work(draws(seed), at_once))
            took = time.monotonic() - begun
            found = settled(service, run.came, run.standing.kills)
        finally:
            service.kill()
        return Counted(n, kills, run.came, upstream, run.left, run.locks, len(run.standing.kills), found, took)


def fuzz(times: int) -> int:
    """The property tests, so many times as long."""
    environment = {**os.environ, "FUZZ_TIMES": str(times), "HF_HUB_OFFLINE": "1"}  # noqa: TID251  # a child's
    command = [sys.executable, "-m", "pytest", "-q", "tests/faults/test_fuzz.py"]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--at-once", type=int, default=64)
    parser.add_argument("--kills", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--fuzz", type=int, default=0, metavar="TIMES")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if options.fuzz:
        raise SystemExit(fuzz(options.fuzz))
    counted = injected(options.n, options.seed, options.at_once, options.kills, options.seconds)
    command = f"python -m benchmarks.faults --n {options.n} --seed {options.seed} --at-once {options.at_once}"
    command += f" --kills {options.kills}"
    keep("faults", "Injected faults", command, report(counted), write=options.write)
    raise SystemExit(0 if counted.well else 1)


if __name__ == "__main__":
    main()
