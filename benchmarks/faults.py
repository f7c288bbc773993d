"""Thousands of requests with a fault in each: none may be answered wrongly, and no answer's row may be lost.

python -m benchmarks.faults [--n 10000] [--seed 0] [--at-once 48] [--write]
python -m benchmarks.faults --fuzz 50      (the property tests over the API's description, 50 times as many, drawn anew)

The faults are those of the stub upstream (tests/upstream), clients that leave at a moment of their own, and another
connection that locks the database for seconds. The service is a process of its own over SQLite, with one model for each
kind of fault.
"""

import argparse
import asyncio
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import aiohttp

from benchmarks.faults_asking import DEADLINE, KINDS, Came, Drawn, Verdict, ask, draws, prepare
from benchmarks.reports import keep, table
from tests.faults.standing import Process
from tests.upstream import Upstream

ROOT = Path(__file__).resolve().parents[1]
VERDICTS: tuple[Verdict, ...] = ("answered", "refused", "broken off", "left", "wrong")
LOCKED, BETWEEN = (0.5, 3.5), (3.0, 8.0)
"""Seconds for which the database is locked, and from one time to the next."""
FLUSH = 60.0
"""Seconds that the log may take to reach SQL at the end."""
SHOWN = 5


def injected(n: int, seed: int, at_once: int) -> tuple[list[Came], int]:
    """What came of n requests, and how many answers have no row that says the same."""
    with tempfile.TemporaryDirectory(prefix="pointsman-faults-") as folder, Upstream(keep=0) as upstream:
        prepare(upstream)
        limits = {"timeout": 0.5, "retries": 1}
        service = Process(Path(folder), upstream, tuple(KINDS), limits, {"max_seconds": DEADLINE - 5})
        service.start()
        try:
            with locking(service.database, seed):
                came = asyncio.run(asked(service.url, list(draws(n, seed)), at_once))
            return came, lost(service, [one for one in came if one.verdict == "answered"])
        finally:
            service.kill()


async def asked(url: str, drawn: Sequence[Drawn], at_once: int) -> list[Came]:
    """Ask them all, so many at once."""
    waiting, came = iter(drawn), list[Came]()

    async def client() -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as http:
            for one in waiting:
                came.append(await ask(http, url, one))
                if len(came) % 100 == 0:
                    print(f"\r{len(came)} of {len(drawn)}", end="", file=sys.stderr)

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(client())
    print(file=sys.stderr)
    return came


@contextmanager
def locking(database: Path, seed: int) -> Iterator[None]:
    """Another connection takes the right to write for some seconds, again and again."""
    enough, draw = threading.Event(), random.Random(seed)

    def work() -> None:
        with closing(sqlite3.connect(database, isolation_level=None, timeout=10.0)) as holder:
            while not enough.wait(draw.uniform(*BETWEEN)):
                holder.execute("BEGIN IMMEDIATE")
                enough.wait(draw.uniform(*LOCKED))
                holder.execute("ROLLBACK")

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        enough.set()
        thread.join()


def lost(service: Process, answered: Sequence[Came]) -> int:
    """How many of the answers have no row with their text, once the log has had time to be written."""
    until, wanted = time.monotonic() + FLUSH, {one.id: one.text for one in answered}
    while True:
        kept: dict[str, str] = dict(service.rows("SELECT decision_id, text FROM outcomes"))
        missing = sum(1 for decision_id, text in wanted.items() if kept.get(decision_id) != text)
        if missing == 0 or time.monotonic() > until:
            return missing
        time.sleep(0.5)


def report(came: Sequence[Came], missing: int, seconds: float) -> str:
    """The table and what it comes to."""
    counts = {kind: Counter(one.verdict for one in came if one.drawn.kind == kind) for kind in sorted(KINDS)}
    total = Counter(one.verdict for one in came)
    rows = [
        [kind, str(sum(counted.values())), *(str(counted[verdict]) for verdict in VERDICTS)]
        for kind, counted in counts.items()
    ]
    rows.append(["**all**", str(len(came)), *(str(total[verdict]) for verdict in VERDICTS)])
    lines = [table(["fault of the model", "requests", *VERDICTS], rows), ""]
    lines.append(
        f"{len(came)} requests in {seconds:.0f} s: {total['wrong']} answered wrongly, "
        f"{missing} of {total['answered']} acknowledged answers without their row."
    )
    lines += [f"- {one.drawn}: {one.said}" for one in came if one.verdict == "wrong"][:SHOWN]
    lines += ["", ABOUT]
    return "\n".join(lines)


ABOUT = f"""Each request goes to the model with that fault alone, or may fall back on a sound one; half are streamed;
one in eight is left by its client within 0.6 s; meanwhile another connection locks the database for up to
{LOCKED[1]} s, every few seconds. *Refused*: an error in OpenAI's shape and not a 500. *Broken off*: an error frame
after the part that was read, and no [DONE]. *Wrong*: a 200 with another text, reason or end than the stub's; an error
without the shape; no end within {DEADLINE:.0f} s."""


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
    parser.add_argument("--at-once", type=int, default=48)
    parser.add_argument("--fuzz", type=int, default=0, metavar="TIMES")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if options.fuzz:
        raise SystemExit(fuzz(options.fuzz))
    begun = time.monotonic()
    came, missing = injected(options.n, options.seed, options.at_once)
    text = report(came, missing, time.monotonic() - begun)
    command = f"python -m benchmarks.faults --n {options.n} --seed {options.seed} --at-once {options.at_once}"
    keep("faults", "Injected faults", command, text, write=options.write)
    raise SystemExit(1 if missing or any(one.verdict == "wrong" for one in came) else 0)


if __name__ == "__main__":
    main()
