"""How long a decision takes, and learning from a judgement, by how much is known; and the memory that the past takes.

    python -m benchmarks.decisions [--asked 400] [--million] [--write]

Past questions are the zoo's, and vectors around theirs: embeddings with noise, which differ as much as questions of one
kind do. The questions that are decided are new ones, one after another, on one core: first embedded by the service's
embedder and decided; then others whose embeddings are there already, each decided and a judgement of it learned.
`--million` adds a past of 1,000,000 questions, for its memory.
"""

import argparse
import asyncio
import gc
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.arms import stream
from benchmarks.reports import keep, table
from models.embedding import open_embedder
from models.types import Message, Request
from router.normal import normal
from router.policies import load_policy
from router.teaching import teach
from router.types import Arm, Candidate, Feedback, Policy, RouterSettings
from router.utility import Numbers
from strategies.core import Query
from strategies.core.query import Vector
from strategies.direct import direct

PASTS = (1_000, 10_000, 100_000)
ASKED = 400
ARMS = 12
KINDS = 2_000
"""Different questions that the past is made around."""
NOISE = 0.5
"""The length of the noise beside a unit embedding."""


@dataclass(frozen=True, slots=True, eq=False)
class Timed:
    """Milliseconds of each decision with its embedding, without it, and of each judgement learned, memory."""

    past: int
    whole: Numbers
    choice: Numbers
    learning: Numbers
    megabytes: float


def past(n: int, texts: Sequence[str], embeddings: Vector, seed: int) -> Iterator[Feedback]:
    """n judgements on as many questions; which arms are good depends on the kind of question."""
    draw = np.random.default_rng(seed)
    taste = 2.0 * draw.normal(size=(ARMS, embeddings.shape[1]))
    for i in range(n):
        row = int(draw.integers(len(texts)))
        noise = np.asarray(draw.normal(size=embeddings.shape[1]), dtype=np.float32)
        vector = embeddings[row] + NOISE * noise / np.linalg.norm(noise)
        vector /= np.linalg.norm(vector)
        arm = int(draw.integers(ARMS))
        good = 1.0 / (1.0 + np.exp(-float(taste[arm] @ vector)))
        yield Feedback(f"{i:032x}", _arm(arm), vector, float(draw.random() < good), text=texts[row], at=float(i))


def _arm(i: int) -> Arm:
    return Arm(f"model{i // 3}", ("direct", "multi_expert", "retrieval")[i % 3])


async def timed(n: int, asked: int) -> Timed:
    """Decide and learn with n questions in the past."""
    embedder = await asyncio.to_thread(open_embedder, None)
    try:
        texts = [question.prompt for question in stream(KINDS, 3)]
        embeddings = await embedder.embed(texts)
        gc.collect()
        before = _resident()
        policy = load_policy("layered", RouterSettings(quality=0.8, seed=1))
        teach(policy, past(n, texts, embeddings, seed=5))
        gc.collect()
        megabytes = (_resident() - before) / 2**20
        candidates = [Candidate(_arm(i), direct, gpu_seconds=0.1 + i, seconds=0.1) for i in range(ARMS)]
        whole, choice, learning = np.zeros(asked), np.zeros(asked), np.zeros(asked)
        asking = [normal(question.prompt) for question in stream(2 * asked, 9)]
        for i, text in enumerate(asking[:asked]):
            begun = time.perf_counter()
            vector = (await embedder.embed([text]))[0]
            _choose(policy, text, vector, candidates)
            whole[i] = time.perf_counter() - begun
        known = await embedder.embed(asking[asked:])
        for i, text in enumerate(asking[asked:]):
            begun = time.perf_counter()
            arm = _choose(policy, text, known[i], candidates)
            chosen = time.perf_counter()
            policy.learn(Feedback(f"asked-{i}", arm, known[i], float(i % 3 > 0), text=text, at=float(n + i)))
            choice[i], learning[i] = chosen - begun, time.perf_counter() - chosen
        return Timed(n, whole * 1e3, choice * 1e3, learning * 1e3, megabytes)
    finally:
        await embedder.close()


def _choose(policy: Policy, text: str, vector: Vector, candidates: Sequence[Candidate]) -> Arm:
    return policy.choose(Query(Request((Message("user", text),)), vector), candidates).arm


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def report(pasts: Sequence[int], asked: int) -> str:
    """A row for each past; on one core, whatever else the process does before and after."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(cores)[0]})
    try:
        return _report(pasts, asked)
    finally:
        os.sched_setaffinity(0, cores)


def _report(pasts: Sequence[int], asked: int) -> str:
    rows = []
    for n in pasts:
        found = asyncio.run(timed(n, asked))
        cells = [
            f"{np.median(t):.2f} / {np.quantile(t, 0.95):.2f}" for t in (found.whole, found.choice, found.learning)
        ]
        rows.append([f"{n:,}", *cells, f"{found.megabytes:,.0f}"])
    heads = ["past questions", "decision with embedding, ms", "without, ms", "learning, ms", "memory, MB"]
    return f"{table(heads, rows)}\n\nMilliseconds are the median / the 95th percentile; {ARMS} arms."


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--asked", type=int, default=ASKED)
    parser.add_argument("--million", action="store_true")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    pasts = (*PASTS, 1_000_000) if options.million else PASTS
    command = f"python -m benchmarks.decisions --asked {options.asked}{' --million' * options.million}"
    keep("decisions", "Decisions by the size of the past", command, report(pasts, options.asked), write=options.write)


if __name__ == "__main__":
    main()
