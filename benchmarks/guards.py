"""The guards: how many task switches and smuggled orders they find, what they wrongly take for one, what they cost.

    python -m benchmarks.guards [--tables ../shared/data] [--write]

Planted conversations and texts are those of the tests. With the tables: the 80 two-turn conversations of MT-bench (its
second turns are follow-ups; the first turn of one after the first turn of one of another kind is a switch; the detector
was tuned with both in sight), and the gold passages of Natural Questions, none of which gives orders.
"""

import argparse
import asyncio
import json
import random
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.reports import keep, table
from models.embedding import Embedder, open_embedder
from models.types import Message, Request
from router.guards import Guards
from router.normal import normal
from strategies.core.screening import cleaned
from tests.strategies.planted_orders import BENIGN, FRESH_BENIGN, FRESH_INJECTIONS, INJECTIONS
from tests.strategies.planted_turns import (
    FOLLOW_UPS,
    FRESH_FOLLOW_UPS,
    FRESH_SWITCHES,
    SWITCHES,
    conversation,
)

Talk = tuple[Message, ...]
ANSWER = "Here is what I can say."


async def switched(embedder: Embedder, talks: Sequence[Talk]) -> int:
    """How many of the conversations lose their history."""
    guards, found = Guards(), 0
    for talk in talks:
        texts = [talk[-1].text, *guards.compared(Request(talk))]
        found += bool(guards.trim(Request(talk), await embedder.embed([normal(text) for text in texts])).notes)
    return found


def mt_bench(path: Path) -> tuple[list[Talk], list[Talk]]:
    """Follow-ups and switches made of MT-bench, which has no answers: one sentence stands for each."""
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    draw = random.Random(0)
    goes_on = [conversation((row["question"], ANSWER), row["followup"][0]) for row in rows]
    others = [draw.choice([one for one in rows if one["task"] != row["task"]]) for row in rows]
    turns = [conversation((one["question"], ANSWER), row["question"]) for one, row in zip(others, rows, strict=True)]
    return goes_on, turns


def screened(texts: Sequence[str]) -> list[str]:
    """How many texts are cut, of how many, and the milliseconds that one takes."""
    started = time.perf_counter()
    found = sum(bool(cleaned(text)[1]) for text in texts)
    return [str(len(texts)), str(found), f"{1000 * (time.perf_counter() - started) / len(texts):.2f}"]


async def free() -> float:
    """Microseconds that the guards take of a request without a history and without a moderator."""
    guards, request = Guards(), Request((Message("user", "What is the capital of France?"),))
    embedding = np.ones((1, 2), dtype=np.float32)
    started = time.perf_counter()
    for _ in range(10_000):
        await guards.admit(request)
        guards.compared(request)
        guards.trim(request, embedding)
        await guards.passed("Paris", lambda _: None)
    return 1e6 * (time.perf_counter() - started) / 10_000


async def run(tables: Path) -> str:
    """Measure all of it once and return the report."""
    embedder = open_embedder(None)
    talks = {
        "planted follow-ups, seen while tuning": [conversation(*one) for one in FOLLOW_UPS],
        "planted follow-ups, fresh": [conversation(*one) for one in FRESH_FOLLOW_UPS],
        "planted switches, seen while tuning": [conversation(*one) for one in SWITCHES],
        "planted switches, fresh": [conversation(*one) for one in FRESH_SWITCHES],
    }
    texts = {
        "planted orders, seen while writing the patterns": INJECTIONS,
        "planted orders, fresh": FRESH_INJECTIONS,
        "texts for people, seen": BENIGN,
        "texts for people, fresh": FRESH_BENIGN,
    }
    if (path := tables / "live_mtbench.jsonl").exists():
        talks["MT-bench, second turns"], talks["MT-bench, first turns of another kind"] = mt_bench(path)
    if (path := tables / "live_nq_gold_passage.jsonl").exists():
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        texts["gold passages of Natural Questions"] = [one["text"] for row in rows for one in row["context"]]
    found = [[name, str(len(rows)), str(await switched(embedder, rows))] for name, rows in talks.items()]
    await embedder.close()
    cut = [[name, *screened(rows)] for name, rows in texts.items()]
    return "\n\n".join(
        [
            table(["last turns", "n", "taken for a switch"], found),
            table(["passages", "n", "cut", "ms each"], cut),
            f"Without a history and without a moderator the guards take {await free():.1f} microseconds of a request.",
        ]
    )


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=Path, default=Path("../shared/data"))
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    text = asyncio.run(run(options.tables))
    keep("guards", "The guards", "python -m benchmarks.guards", text, write=options.write)


if __name__ == "__main__":
    main()
