"""Fitting a mixture of prompts to a model: regions of questions, and for each the instruction that suits its demos.

Source: Wang et al. 2024, One Prompt is not Enough, ICML 2024, arXiv 2407.00256. As in the paper: the split, the number
of regions, equal shares of demonstrations, candidates from the complement, one fixed set of items for all candidates,
the joint search (instruction and demonstrations are judged together, on what the router sends to the region). Its
released code draws from a part of the complement and judges each candidate on other items; this does not. Ours:
`shots` caps the demonstrations of a prompt, because small models have short contexts; a caller may add candidate
instructions of its own; each region makes at least one candidate; online the caller's limit of tokens holds, not the
paper's 400.
"""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any  # JSON

from models.backend import Backend
from models.embedding import Embedder
from models.errors import BadRequest
from strategies.core.demos import TEMPLATE, Demo, embedded, prompt_of
from strategies.core.parse import squeeze
from strategies.fitted.clusters import Clusters, Shares, cluster, complement, routed, share, split
from strategies.fitted.journal import Journal, Progress
from strategies.mixture_of_prompts import Region

APE = """Below are inputs, each with the output that somebody wrote by following one instruction.

{pairs}

The instruction was to"""
QUERIES = 20  # questions for instructions, over all regions
PAIRS = 5  # demonstrations in each of them
JUDGED = 20  # items on which a candidate is judged
KEPT = 4  # candidates that go into the joint search, besides the empty one

Score = Callable[[Demo, str], float]


@dataclass(frozen=True, slots=True)
class Fit:
    """What a fit found: the regions, the candidates with their zero-shot scores, the k that were tried, the calls;
    the name of the embedder that placed the regions."""

    regions: tuple[Region, ...]
    candidates: Mapping[str, float]
    k_scores: Mapping[int, float]
    seed: int
    calls: int
    embedder: str = ""


async def fit(
    demos: Sequence[Demo],
    score: Score,
    ask: Backend,
    embedder: Embedder,
    *,
    max_experts: int = 10,
    seed: int = 0,
    shots: int = 4,
    extra: Sequence[str] = (),
    budget: int | None = None,
    concurrency: int = 16,
    progress: Progress | None = None,
    checkpoint: Path | None = None,
) -> Fit:
    """Fit prompts for the model behind `ask`; `score(demo, reply)` is 0..1.

    About 20 calls for candidates, 20 for each different one, and 5 * 20 or more for each region. `budget` is the most
    new calls; `progress` is told (stage, done, total). Replies are kept in `checkpoint`, so that a fit that was cut
    short goes on where it stopped. Raises BadRequest for fewer than 8 demos, BudgetExceeded, ModelError.
    """
    if len(demos) < 8:
        raise BadRequest(f"a fit needs 8 demonstrations or more, not {len(demos)}")
    chance = random.Random(seed)
    pool_rows, judged_rows = split(len(demos), seed)
    pool, items = [demos[row] for row in pool_rows], [demos[row] for row in judged_rows]
    vectors = await embedder.embed([embedded(demo.question) for demo in pool])
    experts = min(max_experts, len(pool))
    clusters = cluster(vectors, experts, seed)
    shares = share(clusters, vectors, max(1, min(len(pool) // experts, shots)), seed)
    shown = [tuple(pool[row] for row in rows) for rows in shares.shown]
    items = chance.sample(items, min(len(items), JUDGED * experts))
    item_vectors = await embedder.embed([embedded(demo.question) for demo in items])

    async with Journal(ask, checkpoint, budget, concurrency, progress) as journal:
        prompts = ape_prompts(pool, shares, experts, chance)
        replies = await journal.ask_all("candidates", prompts, temperature=0.9, top_p=0.9, max_tokens=50, seed=seed)
        candidates = await rank(journal, [*map(instruction_of, replies), *extra], items[:JUDGED], score)
        kept = [*list(candidates)[:KEPT], ""]
        regions = []
        for i, centre in enumerate(clusters.centres):
            rows = routed(item_vectors, clusters.centres, i, JUDGED)
            best = await joint(journal, f"region {i}", kept, shown[i], [items[row] for row in rows], score)
            regions.append(Region(best.instruction, shown[i], tuple(float(value) for value in centre), best.score))
        return Fit(tuple(regions), candidates, clusters.scores, seed, journal.asked, embedder.name)


def ape_prompts(pool: Sequence[Demo], shares: Shares, experts: int, chance: random.Random) -> list[str]:
    """The questions for instructions: (20 // N) * (N // K) for each of the K regions, from its complement."""
    k = len(shares.shown)
    prompts = []
    for i in range(k):
        rows = complement(shares, i) or tuple(range(len(pool)))
        for _ in range(max(1, (QUERIES // experts) * (experts // k))):
            picked = [pool[row] for row in chance.sample(rows, min(PAIRS, len(rows)))]
            pairs = "\n\n".join(TEMPLATE.format(question=demo.question, answer=demo.answer) for demo in picked)
            prompts.append(APE.format(pairs=pairs))
    return prompts


def instruction_of(reply: str) -> str:
    """The instruction in a reply that completes "The instruction was to": its first line without marks around it."""
    return squeeze(reply.strip().split("\n", 1)[0]).strip("\"'. ").removeprefix("to ")


@dataclass(frozen=True, slots=True)
class Judged:
    """An instruction and its mean score over the items it was judged on."""

    instruction: str
    score: float


async def judge(
    journal: Journal, stage: str, instruction: str, shown: Sequence[Demo], items: Sequence[Demo], score: Score
) -> Judged:
    """The mean score, 0..1, of an instruction with these demonstrations over the items, at temperature 0."""
    prompts = [prompt_of(instruction, shown, item.question) for item in items]
    replies = await journal.ask_all(stage, prompts, temperature=0.0, max_tokens=400)
    return Judged(instruction, mean(score(item, reply) for item, reply in zip(items, replies, strict=True)))


async def rank(journal: Journal, told: Sequence[str], items: Sequence[Demo], score: Score) -> dict[str, float]:
    """Each different instruction with its score without demonstrations, best first, all on the same items."""
    different = [text for text in dict.fromkeys(told) if text]
    judged = [await judge(journal, "zero-shot", text, (), items, score) for text in different]
    return {row.instruction: row.score for row in sorted(judged, key=lambda row: -row.score)}


async def joint(
    journal: Journal, stage: str, kept: Sequence[str], shown: Sequence[Demo], items: Sequence[Demo], score: Score
) -> Judged:
    """The candidate that does best with a region's demonstrations on that region's items; ties to the first."""
    judged = [await judge(journal, stage, text, shown, items, score) for text in kept]
    return max(judged, key=lambda row: row.score)


def single(found: Fit, demos: Sequence[Demo]) -> Region:
    """One prompt for all questions, which the paper compares with: the best candidate and demonstrations at random.

    They are as many as a region shows; the centre is left empty.
    """
    shown = min(len(found.regions[0].demos), len(demos))
    drawn = random.Random(f"single {found.seed}").sample(list(demos), shown)
    return Region(next(iter(found.candidates), ""), tuple(drawn), ())


def entry_of(found: Fit, made_by: str) -> dict[str, Any]:
    """A fit as the strategy reads it for its model."""
    regions = [
        {
            "instruction": region.instruction,
            "demos": [[demo.question, demo.answer] for demo in region.demos],
            "centre": [round(value, 6) for value in region.centre],
            "score": region.score,
        }
        for region in found.regions
    ]
    return {
        "regions": regions,
        "embedder": found.embedder,
        "template": TEMPLATE,
        "made_by": made_by,
        "seed": found.seed,
        "calls": found.calls,
        "candidates": dict(found.candidates),
        "k_scores": {str(k): round(value, 6) for k, value in found.k_scores.items()},
    }


def save(path: Path, fits: Mapping[str, Fit], made_by: str) -> None:
    """Write the fits, by model, into the file that the strategy reads; other models in it are kept."""
    file = json.loads(path.read_text()) if path.is_file() else {}
    file |= {model: entry_of(found, made_by) for model, found in fits.items()}
    path.write_text(json.dumps(file, indent=1, ensure_ascii=False) + "\n")


__all__ = ["APE", "Clusters", "Demo", "Fit", "entry_of", "fit", "save", "single"]
