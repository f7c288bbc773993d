"""The default policy against its rivals on the same streams of questions, each told only how the arm it chose did.

    python -m benchmarks.rivals [--tables ../shared/data] [--limit 2000] [--seeds 3] [--streams NAME ...]
                                [--cache FOLDER] [--write]

A stream is a sample of an outcome table, without the questions on which an arm was not run; each seed puts it into
another order. The rivals: LiteLLM's adaptive router, the real one (benchmarks.adaptive_router), LinUCB, the nearest
past questions, k-means clusters as in Avengers-Pro, Thompson sampling per region, and chance. Only the score counts,
not the cost. The best single arm is the one that does best on the very questions of the stream, which nobody knows
beforehand.

Differences are paired question by question. Standard errors count a question once, however many orders it came in, and
say what other questions of the kind would change; the differences order by order say what chance does beside that.
"""

import argparse
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress
from threadpoolctl import threadpool_limits

from benchmarks.reports import keep, table
from benchmarks.tables import KEPT, vectors
from router.folds import Fold
from router.ground import Ground, Tell
from router.measures import Gain
from router.outcome_files import read_outcomes
from router.outcomes import OutcomeTable
from router.policies import load_policy
from router.replay import AT_ONCE
from router.types import Policy, RouterSettings
from router.utility import USUAL, Numbers
from strategies.core.query import Vector

STREAMS = (
    "llmrouter_9local",
    "mmlu_pro_29model",
    "routellm_mmlu_gsm8k",
    "routerarena_2model",
    "strat_bbh_cot_direct",
    "strat_tatqa_program",
    "strat_gsm8k_verifier",
)
OURS, LITELLM = "layered", "litellm-adaptive"
RIVALS = (LITELLM, "linucb", "nearest", "clusters", "thompson", "random")
BEST = "best single arm"
LIMIT = 2000
"""Questions of a stream, at most."""
SURE = 2.0
"""Standard errors that a difference must exceed to count."""


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """A table on whose questions every arm was run, and its embeddings, float32 [questions, size]."""

    name: str
    outcomes: OutcomeTable
    embeddings: Vector


@dataclass(frozen=True, slots=True, eq=False)
class Walked:
    """What a policy scored, float64 [seeds, questions], in the table's order, and which questions came late, alike."""

    scores: Numbers
    late: Numbers


def opened(name: str, stream: Stream, seed: int) -> Policy:
    """A policy that knows nothing yet."""
    if name == LITELLM:
        os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # noqa: TID251  # set, not read
        from benchmarks.adaptive_router import Adaptive  # here and not above: litellm must find the line before

        return Adaptive(stream.outcomes.arms, seed)
    return load_policy(name, RouterSettings(policy=name, quality=1.0, seed=seed, params=AT_ONCE))


def walk(name: str, stream: Stream, seeds: int, tell: Tell) -> Walked:
    """Send the policy through the stream once for each seed, opened anew each time."""
    n = len(stream.outcomes)
    scores, late = np.zeros((seeds, n)), np.zeros((seeds, n))
    for seed in range(seeds):
        order = np.random.default_rng(seed).permutation(n).astype(np.intp)
        fold = Fold(order, np.zeros(0, dtype=np.intp))
        ground = Ground(stream.outcomes, stream.embeddings, fold, 1.0, USUAL)
        with threadpool_limits(1):
            behind = np.diff(ground.stream(opened(name, stream, seed), tell), prepend=0.0)
        scores[seed, order] = stream.outcomes.scores[order, ground.singles(order)] - behind
        late[seed, order[n // 2 :]] = 1.0
    return Walked(scores, late)


def best(stream: Stream, like: Walked) -> Walked:
    """What the best single arm scores on the same questions."""
    scores = stream.outcomes.scores
    return replace(like, scores=np.tile(scores[:, scores.mean(axis=0).argmax()], (len(like.scores), 1)))


def gain(ours: Walked, rival: Walked, counted: Numbers) -> Gain:
    """The mean of ours less the rival's where `counted` [seeds, questions] is 1, and its standard error."""
    apart = ours.scores - rival.scores
    mean = float((apart * counted).sum() / counted.sum())
    by_question = ((apart - mean) * counted).sum(axis=0)
    return Gain(mean, float(np.sqrt((by_question**2).sum()) / counted.sum()))


def standing(gained: Gain) -> str:
    """How the default policy stands."""
    if abs(gained.mean) <= SURE * gained.se:
        return "tied"
    return "ahead" if gained.mean > 0 else "behind"


def told(gained: Gain) -> str:
    """The difference in points and how it stands."""
    return f"{100 * gained.mean:+.1f} ±{100 * gained.se:.1f} {standing(gained)}"


def detail(stream: Stream, walks: dict[str, Walked]) -> str:
    """One stream: every policy's score, and how far ours is ahead of it."""
    outcomes, ours = stream.outcomes, walks[OURS]
    means, either = outcomes.scores.mean(axis=0), outcomes.scores.max(axis=1).mean()
    arms = ", ".join(f"{outcomes.arms[i]} {100 * means[i]:.1f}" for i in np.argsort(-means)[:3])
    what = (
        f"{len(outcomes)} questions, {len(means)} arms: {arms}, the worst {100 * means.min():.1f}; "
        f"any arm right {100 * either:.1f}."
    )
    rows = []
    for name, one in walks.items():
        half = float((one.scores * one.late).sum() / one.late.sum())
        row = [name, f"{100 * one.scores.mean():.1f}", f"{100 * half:.1f}"]
        if name != OURS:
            row += [told(gain(ours, one, counted)) for counted in (np.ones_like(one.late), one.late)]
            row.append(" ".join(f"{100 * d:+.1f}" for d in (ours.scores - one.scores).mean(axis=1)))
        rows.append([*row, *[""] * (6 - len(row))])
    heads = ["policy", "score, %", "last half", f"{OURS} is ahead by", "in the last half", "order by order"]
    return f"## {stream.name}\n\n{what}\n\n{table(heads, rows)}"


def summary(found: dict[str, dict[str, Walked]]) -> str:
    """All streams: by how many points ours is ahead of each rival over the whole stream."""
    rows = [
        [name, *(told(gain(walks[OURS], one, np.ones_like(one.late))) for rival, one in walks.items() if rival != OURS)]
        for name, walks in found.items()
    ]
    return table(["stream", *RIVALS, BEST], rows)


def report(streams: Sequence[Stream], seeds: int) -> str:
    """Everything as Markdown."""
    names = (OURS, *RIVALS)
    found: dict[str, dict[str, Walked]] = {}
    with Progress(console=Console(stderr=True)) as progress:
        for stream in streams:
            walks = {}
            for name in names:
                bar = progress.add_task(f"{stream.name}, {name}", total=seeds * len(stream.outcomes))
                walks[name] = walk(name, stream, seeds, partial(progress.advance, bar))
                progress.remove_task(bar)
            found[stream.name] = {**walks, BEST: best(stream, walks[OURS])}
    what = (
        f"Points by which `{OURS}` is ahead over the whole stream (orders of each: {seeds}) ± a paired standard error; "
        f"tied: within {SURE:g} of them."
    )
    return "\n\n".join([what, summary(found), *(detail(stream, found[stream.name]) for stream in streams)])


def tables(folder: Path, names: Sequence[str], limit: int) -> Iterator[OutcomeTable]:
    """A sample of each table, of questions on which every arm was run."""
    for name in names:
        outcomes = read_outcomes(folder / f"{name}.parquet")
        yield whole(replace(outcomes, name=name)).sample(limit, 0)


def whole(outcomes: OutcomeTable) -> OutcomeTable:
    """The questions on which every arm was run."""
    rows = np.flatnonzero(outcomes.ran.all(axis=1))
    ids, texts, domains = (tuple(each[i] for i in rows) for each in (outcomes.ids, outcomes.texts, outcomes.domains))
    arrays = {name: getattr(outcomes, name)[rows] for name in ("scores", "usd", "seconds", "tokens")}
    return replace(outcomes, ids=ids, texts=texts, domains=domains, **arrays)


def prepared(folder: Path, names: Sequence[str] = STREAMS, limit: int = LIMIT, cache: Path = KEPT) -> list[Stream]:
    """The streams with their embeddings."""
    found = tables(folder, names, limit)
    return [Stream(outcomes.name, outcomes, vectors(outcomes.texts, cache)) for outcomes in found]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=Path, default=Path("../shared/data"))
    parser.add_argument("--limit", type=int, default=LIMIT, help="questions of a stream, at most")
    parser.add_argument("--seeds", type=int, default=3, help="orders of each stream")
    parser.add_argument("--streams", nargs="+", choices=STREAMS, default=STREAMS, metavar="NAME")
    parser.add_argument("--cache", type=Path, default=KEPT, help="where embeddings are kept (default: as replay does)")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    streams = prepared(options.tables, options.streams, options.limit, options.cache)
    command = f"python -m benchmarks.rivals --tables FOLDER --limit {options.limit} --seeds {options.seeds}"
    if tuple(options.streams) != STREAMS:
        command += f" --streams {' '.join(options.streams)}"
    keep("rivals", "The default policy and its rivals", command, report(streams, options.seeds), write=options.write)


if __name__ == "__main__":
    main()
