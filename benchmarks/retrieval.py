"""Is the passage that answers a question found, by meaning, by words and by both, and how long does a search take?

    python -m benchmarks.retrieval [--data ../shared/data] [--passages 100000] [--cache FOLDER] [--write]

The questions of live_nq_gold_passage.jsonl over all their passages pooled, each a document of its own in a real library
on SQLite; then, for the time alone, a library of many more passages, made of sentences drawn from these. One core;
embeddings are made before, so that times are of the search beside the embedding.
"""

import argparse
import asyncio
import json
import math
import os
import random
import re
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.progress import track

from benchmarks.reports import keep, table
from benchmarks.tables import KEPT
from models.embedding import Embedder, open_embedder
from models.intervals import Interval, paired, share
from router.embedded import embedded
from store import Habits, Store, open_store
from store.chunks import Chunking
from store.entry import Entry
from store.fusion import K, fused
from store.lexical import Lexical
from store.loaded import DEPTH, Search
from strategies.core.query import Vector

WHOLE = Chunking(least=1, most=2000)
"""Every passage of the file is one of the library's."""
CITED = 60
"""The constant of the paper on reciprocal rank fusion."""
TIMED = 300


@dataclass(frozen=True, slots=True)
class Pool:
    """Questions, for each the place of its passage, and the passages' titles and texts."""

    questions: list[str]
    gold: list[int]
    titles: list[str]
    texts: list[str]


@dataclass(frozen=True, slots=True)
class Found:
    """For each question the place of its passage among those found, from 0 (-1: not there), and the milliseconds.

    `cpu` are the milliseconds that a search kept a core busy on average, whatever else the machine did.
    """

    places: list[int]
    ms: list[float]
    cpu: float


class Kept:
    """An embedder that was asked before; what it does not know lies near two random passages."""

    name = "kept"

    def __init__(self, texts: Sequence[str], rows: Vector) -> None:
        self.size = rows.shape[1]
        self._rows, self._rng = rows, np.random.default_rng(1)
        self._known = dict(zip(texts, rows, strict=True))

    async def embed(self, texts: Sequence[str]) -> Vector:
        rows = [self._known[text] if text in self._known else self._drawn() for text in texts]
        return np.stack(rows).astype(np.float32)

    async def close(self) -> None:
        """Nothing to give back."""

    def _drawn(self) -> Vector:
        a, b = self._rows[self._rng.integers(0, len(self._rows), 2)]
        row = 0.7 * a + 0.4 * b + self._rng.normal(0, 0.03, self.size)
        return np.asarray(row / np.linalg.norm(row), dtype=np.float32)


def read(path: Path) -> Pool:
    """The questions of the file over its passages, those that occur twice taken once."""
    pool = Pool([], [], [], [])
    places: dict[str, int] = {}
    for line in path.read_text().splitlines():
        row = json.loads(line)
        passage = row["context"][0]
        text = " ".join(passage["text"].split())
        if text not in places:
            places[text] = len(places)
            pool.titles.append(passage["title"])
            pool.texts.append(text)
        pool.questions.append(row["question"])
        pool.gold.append(places[text])
    return pool


async def filled(
    folder: Path, name: str, embedder: Kept, documents: Sequence[tuple[str, str]], search: Search
) -> Store:
    """A store whose library holds these documents (title, text)."""
    url = f"sqlite:///{folder / name}.db"
    store = await asyncio.to_thread(open_store, url, embedder, None, Habits(WHOLE, search))
    if store.library.size == 0:
        for title, text in track(documents, f"{name}: documents"):
            await store.library.add(title, text.encode(), "text/plain")
    return store


async def searched(store: Store, questions: Sequence[str], wanted: Sequence[str], k: int) -> Found:
    """Ask the library; `wanted` are the texts that should be found."""
    for question in questions[:3]:
        await store.library.search(question, k)
    await asyncio.sleep(0.5)
    places, ms = [], []
    worked = time.process_time()
    for question, text in zip(questions, wanted, strict=True):
        begun = time.perf_counter()
        passages = await store.library.search(question, k)
        ms.append(1000 * (time.perf_counter() - begun))
        texts = [passage.text for passage in passages]
        places.append(texts.index(text) if text in texts else -1)
    return Found(places, ms, 1000 * (time.process_time() - worked) / len(questions))


def by_words(pool: Pool, texts: Sequence[str]) -> Found:
    """The same by BM25 alone."""
    index = Lexical([Entry(str(i), "", *pair) for i, pair in enumerate(zip(pool.titles, texts, strict=True))])
    places, ms = [], []
    worked = time.process_time()
    for question, gold in zip(pool.questions, pool.gold, strict=True):
        begun = time.perf_counter()
        ids = index.best(question, 10)
        ms.append(1000 * (time.perf_counter() - begun))
        places.append(ids.index(str(gold)) if str(gold) in ids else -1)
    return Found(places, ms, 1000 * (time.process_time() - worked) / len(pool.questions))


def as_cited(pool: Pool, texts: Sequence[str], asked: Vector, rows: Vector) -> Found:
    """What the fusion would find with the constant of its paper."""
    index = Lexical([Entry(str(i), "", *pair) for i, pair in enumerate(zip(pool.titles, texts, strict=True))])
    near = np.argsort(-(asked @ rows.T), axis=1)[:, :DEPTH]
    places = []
    for question, gold, order in zip(pool.questions, pool.gold, near, strict=True):
        ids = fused([[str(i) for i in order], index.best(question, DEPTH)], CITED)[:10]
        places.append(ids.index(str(gold)) if str(gold) in ids else -1)
    return Found(places, [], 0.0)


def gains(found: Found) -> list[float]:
    """nDCG@10 of each question; one passage is right, so that it is 1 / log2(2 + place)."""
    return [1 / math.log2(2 + place) if 0 <= place < 10 else 0.0 for place in found.places]


def row(name: str, found: Found, dense: Found | None) -> list[str]:
    """A line of the table; the differences are to `dense`, in points."""
    first, five = ([float(0 <= place < k) for place in found.places] for k in (1, 5))
    cells = [name, str(share(first)), str(share(five)), str(mean_of(gains(found)))]
    cells += ["" if dense is None else str(paired(gains(found), gains(dense)))]
    return cells + (times(found) if found.ms else ["", "", ""])


def times(found: Found) -> list[str]:
    """Median and 95th percentile of a search, and how long it kept a core busy."""
    return [f"{one:.2f}" for one in (*np.percentile(found.ms, (50, 95)), found.cpu)]


def mean_of(values: Sequence[float]) -> Interval:
    """The mean with its normal interval."""
    return paired(values, [0.0] * len(values))


async def quality(pool: Pool, texts: Sequence[str], folder: Path, name: str, real: Embedder, cache: Path) -> str:
    """The table over these texts of the passages."""
    asked, rows = await embedded(real, pool.questions, cache), await embedded(real, texts, cache)
    embedder = Kept([*pool.questions, *texts], np.concatenate([asked, rows]))
    documents = list(zip(pool.titles, texts, strict=True))
    wanted = [texts[gold] for gold in pool.gold]
    found: dict[Search, Found] = {}
    for search in ("dense", "hybrid"):
        store = await filled(folder, name, embedder, documents, search)
        found[search] = await searched(store, pool.questions, wanted, 10)
        await store.close()
    dense = found["dense"]
    heads = ["search", "recall@1", "recall@5", "nDCG@10", "nDCG@10 - dense", "median, ms", "p95, ms", "CPU, ms"]
    return table(
        heads,
        [
            row("dense", dense, None),
            row("words (BM25)", by_words(pool, texts), dense),
            row(f"hybrid (k = {K})", found["hybrid"], dense),
            row(f"the same with k = {CITED}", as_cited(pool, texts, asked, rows), dense),
        ],
    )


async def speed(pool: Pool, passages: int, folder: Path, real: Embedder, cache: Path) -> str:
    """How long searches take among so many passages, in documents of fifty."""
    rng = random.Random(1)
    sentences = [one for text in pool.texts for one in re.split(r"(?<=[.!?])\s+", text)]
    drawn = [" ".join(rng.choices(sentences, k=4)) for _ in range(passages)]
    documents = [
        (rng.choice(pool.titles), "\n\n".join(drawn[i : i + 50]).replace("#", "")) for i in range(0, passages, 50)
    ]
    questions = pool.questions[:TIMED]
    known = np.concatenate([await embedded(real, texts, cache) for texts in (questions, pool.texts)])
    embedder = Kept([*questions, *pool.texts], known)
    await (await filled(folder, "many", embedder, documents, "dense")).close()
    rows = []
    for search in ("dense", "hybrid"):
        store = await filled(folder, "many", embedder, documents, search)
        begun = time.perf_counter()
        await store.library.search(questions[0], 10)
        first = time.perf_counter() - begun
        begun = time.perf_counter()
        await store.library.close()  # waits for the index of words
        words = time.perf_counter() - begun if search == "hybrid" else 0.0
        found = await searched(store, questions, questions, 10)
        rows.append([search, f"{store.library.size:,}", *times(found), f"{first:.1f}", f"{words:.1f}"])
        await store.close()
    heads = ["search", "passages", "median, ms", "p95, ms", "CPU, ms", "first search, s", "words indexed after, s"]
    return table(heads, rows)


async def run(pool: Pool, passages: int, cache: Path) -> str:
    """Measure all of it once and return the report."""
    titled = [f"{title}: {text}" for title, text in zip(pool.titles, pool.texts, strict=True)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        real = open_embedder(None)
        plain = await quality(pool, pool.texts, folder, "plain", real, cache)
        said = await quality(pool, titled, folder, "titled", real, cache)
        many = await speed(pool, passages, folder, real, cache)
        await real.close()
    return (
        f"{len(pool.questions):,} questions over {len(pool.texts):,} passages; percent with 95 % intervals, "
        f"differences in points over the same questions.\n\n{plain}\n\nThe same where each text begins with its "
        f"title, which is so embedded too:\n\n{said}\n\nTime among many passages, on one core, beside the "
        f"embedding; the first search after the start reads them in:\n\n{many}"
    )


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), metavar="FOLDER")
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--cache", type=Path, default=KEPT, metavar="FOLDER", help="where embeddings are kept")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    pool = read(options.data / "live_nq_gold_passage.jsonl")
    text = asyncio.run(run(pool, options.passages, options.cache))
    command = f"python -m benchmarks.retrieval --data FOLDER --passages {options.passages}"
    keep("retrieval", "Finding the passage that answers", command, text, write=options.write)


if __name__ == "__main__":
    main()
