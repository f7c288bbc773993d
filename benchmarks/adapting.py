"""How the router follows what changes on the way: an arm that joins, one that silently gets worse, a budget.

Streams over an outcome table; the policy chooses one arm per query and is told that arm's score alone. A section of
`python -m benchmarks.routing`.

*Joins*: one arm is missing for the first queries. It is placed when the share of traffic that it gets is, over the last
hundred queries, for the first time within a tenth of what it would have come to if it had been there from the start;
counted is how often it was tried until then.
*Drops*: the arm with most traffic loses 0.2 of its score everywhere, in silence. Traffic is off it when it gets less
than a tenth of fifty queries, or has lost nine tenths of what it would never have had if it had been so from the start,
and of the fifty after them as well.
*Budget*: GPU-seconds per query are a tenth of the model's billions of parameters with log-normal noise; the budgets lie
between the cheapest arm and what quality alone takes after the same queries. The mean over the whole stream counts.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.reports import table
from benchmarks.tables import Laid, laid
from models.types import Message, Request, Usage
from router.costs import Costs
from router.pacing import Pacer
from router.policies import load_policy
from router.types import Arm, Candidate, Feedback, Outcome, RouterSettings
from router.utility import Numbers
from strategies.core import Query
from strategies.direct import direct

BEFORE, AFTER = 1500, 1500
NEAR, WINDOW = 0.1, 100
OFF, SHORT = 0.1, 50
DROP = 0.2
SETTLED = 500
BUDGETS = (0.25, 0.5, 0.75)
Score = Callable[[int, int, int], float]


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """What was chosen at each step, and with which probability each arm of the table, [steps, arms]."""

    chosen: Numbers
    odds: Numbers
    scores: Numbers


def streamed(data: Laid, seed: int, steps: int, joins: int | None, score: Score) -> Stream:
    """Send a fresh policy through a stream; the arm `joins` is missing until BEFORE; `score(step, row, arm)`."""
    policy = load_policy("layered", RouterSettings(quality=1.0, seed=seed, params={"background": 0.0}))
    arms = data.table.arms
    rows = np.random.default_rng(seed).permutation(len(data.table))[:steps].tolist()
    chosen, odds, scores = np.zeros(steps), np.zeros((steps, len(arms))), np.zeros(steps)
    for step, row in enumerate(rows):
        there = [i for i in range(len(arms)) if i != joins or step >= BEFORE]
        candidates = [Candidate(arms[i], direct) for i in there]
        text, embedding = data.table.texts[row], data.embeddings[row]
        choice = policy.choose(Query(Request((Message("user", text),)), embedding), candidates)
        arm = arms.index(choice.arm)
        odds[step, there] = [choice.propensities[arms[i]] for i in there]
        chosen[step], scores[step] = arm, score(step, row, arm)
        policy.learn(Feedback(f"{step}", choice.arm, embedding, float(scores[step]), text=text, at=float(step)))
    return Stream(chosen, odds, scores)


def _mean(values: Numbers, width: int) -> Numbers:
    """The mean of the last `width` at each step, of fewer at the start."""
    sums = np.cumsum(np.concatenate([[0.0], values]))
    ends = np.arange(1, len(values) + 1)
    return np.asarray((sums[ends] - sums[np.maximum(0, ends - width)]) / np.minimum(ends, width))


def joins(data: Laid, seed: int, arm: int) -> tuple[int, float]:
    """How often the arm was tried until it was placed, and the share of traffic that it gets if it was always there."""
    found, always = (
        streamed(data, seed, BEFORE + AFTER, missing, lambda _, row, i: float(data.table.scores[row, i]))
        for missing in (arm, None)
    )
    share = _mean(found.odds[BEFORE:, arm], WINDOW)
    final = float(always.odds[-SETTLED:, arm].mean())
    placed = np.flatnonzero((np.abs(share - final) <= NEAR) & (np.arange(len(share)) >= WINDOW - 1))
    until = BEFORE + (int(placed[0]) if len(placed) else len(share))
    return int((found.chosen[BEFORE:until] == arm).sum()), final


def drops(data: Laid, seed: int) -> tuple[int, float, float]:
    """How many queries after the drop traffic was off the arm; its share before, and if it was so from the start."""
    means = np.nanmean(data.table.scores, axis=0)
    arm = int(means.argmax())
    draw = np.random.default_rng([seed, 7])
    kept = 1.0 - DROP / float(means[arm])

    def score(step: int, row: int, i: int, since: int = BEFORE) -> float:
        value = float(data.table.scores[row, i])
        return value * float(draw.random() < kept) if i == arm and step >= since else value

    found = streamed(data, seed, BEFORE + AFTER, None, score)
    always = streamed(data, seed, BEFORE + AFTER, None, partial(score, since=0))
    share = _mean(found.odds[:, arm], SHORT)
    before, final = float(share[BEFORE - 1]), float(always.odds[-SETTLED:, arm].mean())
    low = share[BEFORE:] <= max(OFF, before - 0.9 * (before - final))
    off = np.flatnonzero(low[:-SHORT] & low[SHORT:])
    return (int(off[0]) + 1 if len(off) else AFTER), before, final


def paced(data: Laid, seed: int, budget: float | None) -> tuple[float, float]:
    """What a query took on average under a budget (None: without), and the mean score; in GPU-seconds."""
    policy = load_policy("layered", RouterSettings(quality=1.0, seed=seed, params={"background": 0.0}))
    costs, pacer = Costs(), Pacer() if budget is None else Pacer({"gpu_seconds": budget})
    draw, arms = np.random.default_rng([seed, 3]), data.table.arms
    sizes = np.array([_billions(arm) / 10.0 for arm in arms])
    spent, scores = [], []
    for step, row in enumerate(np.random.default_rng(seed).permutation(len(data.table)).tolist()):
        text, embedding = data.table.texts[row], data.embeddings[row]
        known = [costs.estimate(arm, 1.0, len(text)) for arm in arms]
        candidates = [Candidate(arm, direct, gpu_seconds=one.gpu_seconds) for arm, one in zip(arms, known, strict=True)]
        choice = policy.choose(Query(Request((Message("user", text),)), embedding), pacer.charged(candidates))
        arm = arms.index(choice.arm)
        took = float(sizes[arm] * draw.lognormal(-0.125, 0.5))
        outcome = Outcome(f"{step}", choice.arm, Usage(gpu_seconds=took), 0.0, 1, question_chars=len(text))
        costs.learn(outcome)
        pacer.learn(outcome)
        spent.append(took)
        scores.append(float(data.table.scores[row, arm]))
        policy.learn(Feedback(f"{step}", choice.arm, embedding, scores[-1], text=text, at=float(step)))
    return float(np.mean(spent)), float(np.mean(scores))


def _billions(arm: Arm) -> float:
    size = re.search(r"-(\d+)b\b", arm.model)
    if size is None:
        raise ValueError(f"no size in the name of {arm.model!r}")
    return float(size[1])


def report(path: Path, seeds: int) -> str:
    """All three as Markdown."""
    data = laid(path)
    means = np.nanmean(data.table.scores, axis=0)
    ranked = np.argsort(-means).tolist()
    rows = []
    for name, arm in (("best", ranked[0]), ("second", ranked[1]), ("worst", ranked[-1])):
        found = [joins(data, seed, arm) for seed in range(seeds)]
        rows.append([f"the {name} arm joins", "tries until it is placed", *_told([n for n, _ in found])])
    dropped = [drops(data, seed) for seed in range(seeds)]
    rows.append(["the best arm drops by 0.2", "queries until traffic is off it", *_told([n for n, _, _ in dropped])])
    shares = ", ".join(f"{before:.2f} to {final:.2f}" for _, before, final in dropped)
    changes = table(["what", "counted", "median", "each seed"], rows)
    traffic = f"Its share of traffic before the drop, and what it comes to where it was so all along: {shares}."
    return f"{changes}\n\n{traffic}\n\n{_budgets(data, seeds)}"


def _told(counts: Sequence[int]) -> list[str]:
    return [f"{median(counts):g}", ", ".join(map(str, counts))]


def _budgets(data: Laid, seeds: int) -> str:
    cheapest = min(_billions(arm) for arm in data.table.arms) / 10.0
    rows = []
    for seed in range(seeds):
        free, score = paced(data, seed, None)
        rows.append([str(seed), "none", f"{free:.3f}", "", f"{100 * score:.1f}"])
        for share in BUDGETS:
            budget = cheapest + share * (free - cheapest)
            spent, score = paced(data, seed, budget)
            error = f"{100 * (spent / budget - 1):+.2f}"
            rows.append([str(seed), f"{budget:.3f}", f"{spent:.3f}", error, f"{100 * score:.1f}"])
    return table(["seed", "budget, GPU-s a query", "spent", "error, %", "score while learning"], rows)
