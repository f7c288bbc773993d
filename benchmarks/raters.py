"""Feedback that is noisy: are raters found out, and does the router route better for it? The same for longer answers.

    python -m benchmarks.raters [--tables ../shared/data] [--questions 2000] [--seeds 3] [--cache FOLDER] [--write]

A judgement is the score of llmrouter_9local.parquet, told by one of three raters who are right with probabilities 0.95,
0.7 and 0.5; or told truly but for those who prefer what is longer, where worse arms write more.
"""

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import mean

import numpy as np
from rich.progress import Progress

from benchmarks.reports import keep, table
from benchmarks.tables import KEPT, vectors
from models.intervals import paired
from models.types import Message, Request
from router.outcome_files import read_outcomes
from router.outcomes import OutcomeTable
from router.policies import load_policy
from router.raters import Raters, fit
from router.trust import trust
from router.types import Candidate, Feedback, Policy, RouterSettings
from router.utility import Numbers
from strategies.core import Query
from strategies.core.query import Vector
from strategies.direct import direct

RIGHT = {"careful": 0.95, "hasty": 0.7, "coin": 0.5}
LATE = 500
Judge = Callable[[Feedback, int], Feedback]


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """One policy's way through the questions: the true scores of its choices, and what it believes at the end."""

    scores: list[float]
    raters: dict[str, dict[str, float]]
    slope: dict[str, float]


def walk(policy: Policy, outcomes: OutcomeTable, embeddings: Vector, order: Sequence[int], judge: Judge) -> Walk:
    """Ask the questions in this order; `judge` makes a judgement of the truth and of the column of the arm."""
    candidates = [Candidate(arm, direct) for arm in outcomes.arms]
    columns = {arm: i for i, arm in enumerate(outcomes.arms)}
    scores = []
    for i in order:
        ran = [one for one in candidates if outcomes.ran[i, columns[one.arm]]]
        choice = policy.choose(Query(Request((Message("user", outcomes.texts[i]),)), embeddings[i]), ran)
        column = columns[choice.arm]
        score = float(outcomes.scores[i, column])
        scores.append(score)
        expected = choice.estimates[choice.arm].quality
        truth = Feedback("", choice.arm, embeddings[i], score, text=outcomes.texts[i], expected=expected)
        policy.learn(judge(truth, column))
    beliefs = dict(policy.beliefs())
    raters, biases = beliefs.get("raters"), beliefs.get("length_bias")
    slope = biases.get("people", {}) if isinstance(biases, dict) else {}
    return Walk(scores, raters if isinstance(raters, dict) else {}, slope)


def noisy(seed: int) -> Judge:
    """Each judgement by one of three raters; who errs says the opposite."""
    draw = np.random.default_rng(seed)

    def judge(truth: Feedback, column: int) -> Feedback:
        rater = str(draw.choice(list(RIGHT)))
        right = draw.random() < RIGHT[rater]
        return replace(truth, rater=rater, reward=truth.reward if right else 1 - truth.reward)

    return judge


def longer_wins(seed: int, swayed: float, ranks: Numbers) -> Judge:
    """A share `swayed` of the judgements asks whether the answer is longer than most, and nothing else.

    `ranks` is 0 for the best arm and 1 for the worst, which writes about seven times as much.
    """
    draw = np.random.default_rng(seed)

    def judge(truth: Feedback, column: int) -> Feedback:
        longer = 2 * (ranks[column] - 0.5) + 0.5 * draw.normal()
        reward = float(longer > 0) if draw.random() < swayed else truth.reward
        return replace(truth, reward=reward, answer_tokens=max(1, round(100 * math.exp(longer))))

    return judge


def recovered(seed: int) -> str:
    """20,000 judgements, the router's expectations being right: reliabilities from all at once and one by one."""
    draw = np.random.default_rng(seed)
    expected = draw.beta(0.6, 0.6, 20_000)
    good = draw.random(20_000) < expected
    who = draw.integers(3, size=20_000)
    told = np.where(draw.random(20_000) < np.array(list(RIGHT.values()))[who], good, ~good).astype(np.float64)
    raters, names = Raters(), list(RIGHT)
    for rater, reward, p in zip(who.tolist(), told.tolist(), expected.tolist(), strict=True):
        raters.learn(names[rater], reward, p)
    seen = raters.reliabilities()
    rows = [
        [
            name,
            f"{true:.2f}",
            f"{fit(expected[who == i], told[who == i]):.3f}",
            f"{seen[name].reliability:.2f} ± {seen[name].error:.2f}",
            f"{raters.weight(name):.2f}",
        ]
        for i, (name, true) in enumerate(RIGHT.items())
    ]
    return table(["rater", "true", "all at once", "one by one", "weight at the end"], rows)


def routed(
    outcomes: OutcomeTable, embeddings: Vector, seeds: int, make: Callable[[int], Judge]
) -> dict[str, list[Walk]]:
    """One walk per seed, each in an order of its own: believing everything, weighing it, and told the plain truth."""
    found: dict[str, list[Walk]] = {"taken at their word": [], "weighed": [], "the truth": []}
    with Progress() as progress:
        bar = progress.add_task("walks", total=len(found) * seeds)
        for seed in range(seeds):
            order = np.random.default_rng(seed).permutation(len(outcomes)).tolist()
            for name, walks in found.items():
                plain = load_policy("thompson", RouterSettings(quality=1.0, seed=seed))
                judge = (lambda truth, column: truth) if name == "the truth" else make(seed + 1000)
                walks.append(walk(trust(plain) if name == "weighed" else plain, outcomes, embeddings, order, judge))
                progress.advance(bar)
    return found


def compared(found: dict[str, list[Walk]]) -> str:
    """Scores over all and over the last questions, and the gain of weighing, paired by question."""
    rows = []
    for name, walks in found.items():
        whole = [score for one in walks for score in one.scores]
        late = [score for one in walks for score in one.scores[-LATE:]]
        rows.append([name, f"{100 * mean(whole):.1f}", f"{100 * mean(late):.1f}"])
    gains = []
    for title, start in (("over all questions", 0), (f"over the last {LATE}", -LATE)):
        weighed, believed = (
            [score for one in found[name] for score in one.scores[start:]]
            for name in ("weighed", "taken at their word")
        )
        gains.append(f"{paired(weighed, believed)} {title}")
    head = ["judgements", "score, %", f"last {LATE}"]
    return f"{table(head, rows)}\n\nWeighing gains {', '.join(gains)} (points, 95 %)."


def report(outcomes: OutcomeTable, embeddings: Vector, seeds: int) -> str:
    """Everything as Markdown."""
    by_arm = np.nanmean(outcomes.scores, axis=0)
    ranks = np.argsort(np.argsort(-by_arm)) / (len(by_arm) - 1)
    parts = ["## Reliabilities found", recovered(0), "## Three raters"]
    found = routed(outcomes, embeddings, seeds, noisy)
    parts.append(compared(found))
    rows = []
    for name, right in RIGHT.items():
        told = [one.raters[name] for one in found["weighed"]]
        means = (mean(row[key] for row in told) for key in ("reliability", "weight"))
        rows.append([name, f"{right:.2f}", *(f"{value:.2f}" for value in means)])
    parts.append(table(["rater", "true", "found", "weight at the end"], rows))
    for swayed, title in ((1 / 3, "One in three"), (1 / 6, "One in six"), (0.0, "None")):
        found = routed(outcomes, embeddings, seeds, partial(longer_wins, swayed=swayed, ranks=ranks))
        told = [one.slope for one in found["weighed"]]
        parts += [
            f"## {title} judges by length alone",
            compared(found),
            f"Found: {mean(row['slope'] for row in told):.2f} logits for a factor e of length, "
            f"of which {mean(row['used'] for row in told):.2f} were taken off.",
        ]
    ceiling = float(np.nanmax(outcomes.scores, axis=1).mean())
    what = (
        f"{len(outcomes)} questions, {len(outcomes.arms)} arms, policy thompson, {seeds} orders; "
        f"{100 * by_arm.max():.1f} % for the best single arm, {100 * ceiling:.1f} % for any arm right."
    )
    return "\n\n".join([what, *parts])


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=Path, default=Path("../shared/data"))
    parser.add_argument("--questions", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cache", type=Path, default=KEPT)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    outcomes = read_outcomes(options.tables / "llmrouter_9local.parquet").sample(options.questions, 0)
    embeddings = vectors(outcomes.texts, options.cache)
    command = f"python -m benchmarks.raters --tables FOLDER --questions {options.questions} --seeds {options.seeds}"
    text = report(outcomes, embeddings, options.seeds)
    keep("raters", "Feedback that is noisy", command, text, write=options.write)


if __name__ == "__main__":
    main()
