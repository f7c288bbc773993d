"""Do the off-policy intervals hold the truth? Logs made by an exploring policy on a table that knows every answer.

Each run draws queries from a table with replacement, lets a policy choose one arm for each, learning as it goes, and
judges other policies by that log alone, exactly as `tune` does. What they are worth is known: every arm's score on
every query is in the table.

    python -m benchmarks.off_policy --tables FOLDER [--runs 5] [--n 1200] [--seed 0] [--write]
"""

import argparse
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean

import numpy as np
from rich.progress import Progress

from benchmarks.reports import keep, table
from benchmarks.tables import KEPT, vectors
from models.intervals import share
from models.types import Message, Request
from router.hindsight import Traffic, choices, expectations, taught
from router.off_policy import ESTIMATORS, estimated, interval, overlap
from router.outcome_files import read_outcomes
from router.policies import load_policy
from router.tuning import LOST, Challenger, expected_by
from router.types import Arm, Candidate, Feedback, Logged, RouterSettings
from router.utility import Numbers
from strategies.core import Query
from strategies.core.query import Vector
from strategies.direct import direct

TABLES = ("llmrouter_9local", "mmlu_pro_29model")
ARMS = 9
"""Arms of a table that are used, the best and the worst and evenly between: a service has no 29."""
POPULATION = 1000
DECIDING = ("dr", "dr gain")
LOGGERS = (Challenger("thompson", {"floor": 0.2}), Challenger("thompson"))
"""Who makes the logs: one that explores a fifth of the time, and one that explores as little as it does by default."""


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """A table that knows every answer: texts, embeddings [queries, size], arms and scores [queries, arms]."""

    name: str
    texts: Sequence[str]
    embeddings: Vector
    arms: Sequence[Arm]
    scores: Numbers

    @property
    def candidates(self) -> list[Candidate]:
        """Every arm, at no cost: only quality is judged here."""
        return [Candidate(arm, direct) for arm in self.arms]

    def query(self, i: int) -> Query:
        """One of the queries."""
        return Query(Request((Message("user", self.texts[i]),)), self.embeddings[i])


@dataclass(frozen=True, slots=True)
class Hit:
    """One estimate beside the truth: `inside` its 95 % interval or not, its error and width, ESS and share lost."""

    inside: bool
    error: float
    width: float
    ess: float
    lost: float


def opened(path: Path, cache: Path | None, seed: int) -> World:
    """The world of a table: at most `POPULATION` queries that every arm answered, at most `ARMS` arms."""
    whole = read_outcomes(path)
    order = np.argsort(-np.nanmean(whole.scores, axis=0))
    columns = order[np.unique(np.linspace(0, len(order) - 1, min(ARMS, len(order))).astype(int))]
    full = np.flatnonzero(whole.ran[:, columns].all(axis=1))
    rows = np.sort(np.random.default_rng(seed).permutation(full)[:POPULATION])
    texts = [whole.texts[i] for i in rows]
    return World(
        path.stem, texts, vectors(texts, cache), [whole.arms[i] for i in columns], whole.scores[np.ix_(rows, columns)]
    )


def logged(world: World, n: int, seed: int, logger: Challenger) -> Traffic:
    """What a policy leaves in the log on n queries, drawn with replacement, the table judging every answer."""
    settings = RouterSettings(policy=logger.policy, quality=1.0, seed=seed, params=logger.params)
    router, candidates = load_policy(logger.policy, settings), world.candidates
    draw = np.random.default_rng([seed, 1])  # not the policy's own draws
    decisions, feedback = [], []
    for step, i in enumerate(draw.integers(len(world.texts), size=n).tolist()):
        choice = router.choose(world.query(i), candidates)
        reward = float(world.scores[i, world.arms.index(choice.arm)])
        vector, text, name = world.embeddings[i], world.texts[i], f"{seed}-{step}"
        odds = choice.propensities
        decisions.append(
            Logged(name, step, text, vector, choice.arm, odds, choice.estimates, router.name, reward=reward, weight=1.0)
        )
        feedback.append(Feedback(name, choice.arm, vector, reward, at=step + 0.5, text=text))
        router.learn(feedback[-1])
    return Traffic(decisions, feedback, settings)


def truth(challenger: Challenger, traffic: Traffic, world: World) -> float:
    """What the policy is worth on all queries of the table, as it was in each of the judged blocks."""
    policy, candidates = challenger.open(traffic.settings), world.candidates
    total = 0.0
    for block in taught(policy, traffic):
        odds = [policy.choose(world.query(i), candidates).propensities for i in range(len(world.texts))]
        total += len(block) * float((_rows(odds, world.arms) * world.scores).sum(axis=1).mean())
    return total / len(traffic.judged)


def _rows(odds: Sequence[Mapping[Arm, float]], arms: Sequence[Arm]) -> Numbers:
    return np.array([[row.get(arm, 0.0) for arm in arms] for row in odds])


def run(world: World, n: int, seed: int, logger: Challenger) -> Iterator[tuple[str, str, Hit]]:
    """One log, and what the estimators make of every target on it: target, estimator, hit."""
    traffic = logged(world, n, seed, logger)
    worst, best = world.arms[-1], world.arms[0]
    targets = {
        "best single arm": (Challenger("fixed"), str(best)),
        "worst single arm": (Challenger("fixed"), str(worst)),
        "random": (Challenger("random"), None),
        "nearest": (Challenger("nearest"), None),
        "thompson, greedier": (Challenger("thompson", {"sharpness": 5.0}), None),
    }
    fresh, _ = expected_by(None, traffic.settings)
    expected = expectations(fresh, traffic)
    usual = Challenger("thompson")
    held = estimated(traffic.sample, choices(usual.open(traffic.settings), traffic), expected)
    at = truth(usual, traffic, world)
    for name, (challenger, default) in targets.items():
        known = replace(traffic, settings=replace(traffic.settings, default_arm=default))
        target = choices(challenger.open(known.settings), known)
        real, shared = truth(challenger, known, world), overlap(traffic.sample, target)
        parts = estimated(traffic.sample, target, expected)
        for key in ESTIMATORS:
            one = interval(parts[key])
            inside = one.low <= real <= one.high
            yield name, key, Hit(inside, one.value - real, one.high - one.low, shared.ess, shared.lost)
        one = interval(parts["dr"].less(held["dr"]))
        inside = one.low <= real - at <= one.high
        yield name, "dr gain", Hit(inside, one.value - real + at, one.high - one.low, shared.ess, shared.lost)


def report(hits: Mapping[tuple[str, str, str, str], Sequence[Hit]]) -> str:
    """Coverage, width, bias and effective sample size per estimator, and of what decides per table, log and target.

    Where the log hardly went, an interval is wide because it says so; where it went nearly everywhere, the interval is
    that of sampling alone, and whether it holds the truth is the harder question: both are told.
    """
    summed: dict[tuple[str, str], list[Hit]] = defaultdict(list)
    for (_, logger, _, kind), own in hits.items():
        summed[kind, logger].extend(own)
        summed[kind, "both"].extend(own)
    sound = {key: [one for one in own if one.lost <= LOST] for key, own in summed.items()}
    figures = ["truth inside, % [95 %]", "runs", "bias", "width", "ESS", "lost"]
    wholes = [
        table(["estimator", "log by", *figures], [[*key, *_cells(own[key])] for key in sorted(own) if own[key]])
        for own in (summed, sound)
    ]
    each = [[*key, *_cells(own)] for key, own in sorted(hits.items()) if key[-1] in DECIDING]
    parts = (
        wholes[0],
        f"## Runs in which at most {LOST:.0%} of the target's choices are lost",
        wholes[1],
        "## By table and target",
        table(["table", "log by", "target", "estimator", *figures], each),
    )
    return "\n\n".join(parts)


def _cells(own: Sequence[Hit]) -> list[str]:
    """An estimate that could not be had, for want of any match, misses the truth and has neither bias nor width."""
    had = [one for one in own if math.isfinite(one.error)]
    return [
        str(share([float(one.inside) for one in own])),
        str(len(own)),
        f"{100 * mean(one.error for one in had):+.2f}" if had else "none",
        f"{100 * mean(one.width for one in had):.1f}" if had else "none",
        f"{mean(one.ess for one in own):.0f}",
        f"{100 * mean(one.lost for one in own):.0f} %",
    ]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=Path, default=Path("../shared/data"), metavar="FOLDER")
    parser.add_argument("--cache", type=Path, default=KEPT, metavar="FOLDER", help="where embeddings are kept")
    parser.add_argument("--runs", type=int, default=5, help="logs of each kind for each table (default: 5)")
    parser.add_argument("--n", type=int, default=1200, help="decisions in a log (default: 1200)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    hits: dict[tuple[str, str, str, str], list[Hit]] = defaultdict(list)
    with Progress() as progress:
        bar = progress.add_task("logs", total=len(TABLES) * len(LOGGERS) * options.runs)
        for name in TABLES:
            world = opened(options.tables / f"{name}.parquet", options.cache, options.seed)
            for logger in LOGGERS:
                for seed in range(options.seed, options.seed + options.runs):
                    for target, kind, hit in run(world, options.n, seed, logger):
                        hits[name, str(logger), target, kind].append(hit)
                    progress.advance(bar)
    command = f"python -m benchmarks.off_policy --runs {options.runs} --n {options.n} --seed {options.seed}"
    keep("off_policy", "Off-policy estimates against the truth", command, report(hits), write=options.write)


if __name__ == "__main__":
    main()
