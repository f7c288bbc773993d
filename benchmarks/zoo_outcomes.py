"""The zoo's own outcome table: every arm on the same questions through the real service, with what each run took.

python -m benchmarks.zoo_outcomes [--n 400] [--seed 11] [--out FILE]

The table is what `python -m service replay` reads; its seconds are GPU-seconds, seconds of computing on a machine
without one.
"""

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any  # JSON

import pyarrow as pa
from pyarrow import parquet
from rich.progress import Progress

from benchmarks.arms import stream
from benchmarks.serving import Client, client, serving
from models.zoo import Question, check

KEPT = Path.home() / ".cache" / "pointsman" / "benchmarks"
AT_ONCE = 8


def made(n: int, seed: int = 11) -> Path:
    """The file of the table; made if it is not there, which takes a second or more for each question."""
    path = KEPT / f"zoo-{n}-{seed}.parquet"
    if not path.exists():
        write(path, asyncio.run(run(n, seed)))
    return path


async def run(n: int, seed: int) -> list[dict[str, Any]]:
    """One row for each question and arm."""
    with serving() as service:
        async with client(service.url) as http:
            arms = [entry["arm"] for entry in (await http.get("/v1/arms"))["data"]]
            return await _rows(http, arms, stream(n, seed))


async def _rows(http: Client, arms: Sequence[str], asked: Sequence[Question]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    todo = iter([(arm, question) for question in asked for arm in arms])
    with Progress() as progress:
        bar = progress.add_task("arms x questions", total=len(arms) * len(asked))

        async def worker() -> None:
            for arm, question in todo:
                answer = await http.ask(question.prompt, model=arm)
                outcome = (await http.get(f"/v1/decisions/{answer.id}"))["outcome"]
                strategy, model = arm.split("@", 1)
                rows.append(
                    {
                        "query_id": question.id,
                        "query": question.prompt,
                        "domain": f"{question.family} {question.task}",
                        "model": model,
                        "strategy": strategy,
                        "score": check(question, answer.text),
                        "seconds": outcome["gpu_seconds"],
                    }
                )
                progress.advance(bar)

        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(worker())
    return rows


def write(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write the table, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    parquet.write_table(pa.Table.from_pylist(list(rows)), draft)
    draft.replace(path)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=400)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    path = options.out or KEPT / f"zoo-{options.n}-{options.seed}.parquet"
    write(path, asyncio.run(run(options.n, options.seed)))
    print(path)


if __name__ == "__main__":
    main()
