"""Is what an arm takes foreseen, and is a budget kept? Tables with real tokens and dollars, and the zoo's own log.

Foresight streams each arm's runs in order and compares what was expected before each with the forgetting mean alone.
Pacing streams queries through the policy `thompson`, which is told the query's domain in the place of an embedding, at
three budgets between the cheapest arm and what quality alone takes. It learns every arm's score on each query: rated on
its own choices alone, what it comes to prefer, and so what it takes without a budget, would depend on the budget.
GPU-seconds of llmrouter_9local are made up: a tenth of the model's billions of parameters, times a log-normal draw
(sigma 0.5, mean 1).

    python -m benchmarks.costs [--tables ../shared/data] [--zoo 600] [--seeds 3] [--write]
"""

import argparse
import asyncio
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import numpy as np
from pyarrow import parquet

from benchmarks.arms import stream
from benchmarks.reports import keep, table
from benchmarks.serving import client, serving
from models.types import Message, Request, Usage
from router.costs import Costs
from router.figures import MEMORY
from router.pacing import Pacer
from router.policies import load_policy
from router.types import Arm, Candidate, Feedback, Outcome, RouterSettings
from strategies.core import Query
from strategies.direct import direct

WARM = 10
"""How many runs of an arm come before its foresight is judged."""
SHARES = (0.25, 0.5, 0.75)
"""Budgets: so far from the cheapest arm's mean cost to what quality alone takes."""


@dataclass(frozen=True, slots=True)
class Run:
    """An arm's run on a query that a table or a log knows."""

    query: str
    domain: str
    text: str
    score: float
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Guess:
    """What was foreseen of one run, what nine in ten were to stay below, what the mean alone said, and what came."""

    foreseen: float
    most: float
    plain: float
    came: float


@dataclass(frozen=True, slots=True)
class Paced:
    """One stream under a budget (None: without): what a query took on average, and the mean score."""

    budget: float | None
    spent: float
    score: float

    @property
    def error(self) -> float:
        """By how much the average missed the budget, as a share of it."""
        return math.nan if self.budget is None else self.spent / self.budget - 1


def routerarena(folder: Path) -> list[Run]:
    """Two models with the tokens and dollars that they really took."""
    runs = []
    for row in parquet.read_table(folder / "routerarena_2model.parquet").to_pylist():
        usage = Usage(row["prompt_tokens"], row["completion_tokens"], usd=row["cost_usd"])
        arm, chars = Arm(row["model"], "direct"), len(row["query"])
        outcome = Outcome(row["query_id"], arm, usage, 0.0, 1, question_chars=chars)
        runs.append(Run(row["query_id"], row["domain"], row["query"], row["score"], outcome))
    return runs


def llmrouter(folder: Path, seed: int) -> list[Run]:
    """Nine models whose size is taken for their GPU-seconds, with noise."""
    draw, runs = np.random.default_rng(seed), []
    for row in parquet.read_table(folder / "llmrouter_9local.parquet").to_pylist():
        size = re.search(r"-(\d+)b\b", row["model"])
        if size is None:
            raise ValueError(f"no size in the name of {row['model']!r}")
        usage = Usage(gpu_seconds=int(size[1]) / 10 * float(draw.lognormal(-0.125, 0.5)))
        arm, chars = Arm(row["model"], "direct"), len(row["query"])
        outcome = Outcome(row["query_id"], arm, usage, 0.0, 1, question_chars=chars)
        runs.append(Run(row["query_id"], row["domain"], row["query"], row["score"], outcome))
    return runs


async def zoo(n: int, seed: int) -> list[Run]:
    """Questions of the zoo through the real service under the policy `random`, as its log tells of them."""
    runs = []
    with serving(POINTSMAN_ROUTER__POLICY="random", POINTSMAN_ROUTER__SEED=str(seed)) as service:
        async with client(service.url) as http:
            for question in stream(n, seed):
                answer = await http.ask(question.prompt)
                for _ in range(100):  # the log is written behind the answer
                    told = (await http.get(f"/v1/decisions/{answer.id}"))["outcome"]
                    if told is not None:
                        break
                    await asyncio.sleep(0.05)
                usage = Usage(told["prompt_tokens"], told["completion_tokens"], told["seconds"], told["gpu_seconds"])
                arm, chars = Arm.parse(told["arm"]), len(question.prompt)
                outcome = Outcome(
                    answer.id, arm, usage, told["seconds"], told["calls"], told["status"], question_chars=chars
                )
                runs.append(Run(question.id, question.family, question.prompt, math.nan, outcome))
    return runs


def foresight(runs: Sequence[Run], figure: str) -> list[Guess]:
    """Each run foreseen from those before it, by `figure` of a cost."""
    costs, guesses = Costs(), []
    seen: dict[Arm, tuple[int, float, float]] = {}
    for run in runs:
        one = run.outcome
        came = {"tokens": one.usage.completion_tokens}.get(figure) or getattr(one.usage, figure, None)
        if one.status != "ok" or not came:
            continue
        count, weight, total = seen.get(one.arm, (0, 0.0, 0.0))
        if count >= WARM:
            foreseen = getattr(costs.estimate(one.arm, one.calls, one.question_chars), figure)
            most = getattr(costs.ceiling(one.arm, one.calls, one.question_chars), figure)
            guesses.append(Guess(foreseen, most, total / weight, came))
        seen[one.arm] = (count + 1, weight * MEMORY + 1, total * MEMORY + came)
        costs.learn(one)
    return guesses


def judged(name: str, figure: str, guesses: Sequence[Guess]) -> list[str]:
    """A row of the table: errors of the mean alone and of the foresight, and how well it is calibrated."""
    foreseen, most, plain, came = (
        np.array([getattr(g, part) for g in guesses]) for part in ("foreseen", "most", "plain", "came")
    )
    explained = 1 - ((came - foreseen) ** 2).sum() / ((came - plain) ** 2).sum()
    return [
        name,
        figure,
        str(len(guesses)),
        *(f"{100 * np.mean(abs(guess - came) / came):.0f}" for guess in (plain, foreseen)),
        *(f"{np.exp(np.mean(abs(np.log(guess / came)))):.2f}" for guess in (plain, foreseen)),
        f"{explained:.2f}",
        f"{foreseen.sum() / came.sum():.2f}",
        f"{100 * np.mean(came <= most):.0f}",
    ]


def shuffled(runs: Sequence[Run], seed: int) -> list[Run]:
    """The runs by query, the queries in another order."""
    return [run for runs_of in by_query(runs, seed, 1) for run in runs_of.values()]


def by_query(runs: Sequence[Run], seed: int, passes: int) -> Iterator[dict[Arm, Run]]:
    """The runs of each query by arm, the queries in a drawn order, and again in another one at each further pass."""
    queries: dict[str, dict[Arm, Run]] = {}
    for run in runs:
        queries.setdefault(run.query, {})[run.outcome.arm] = run
    rows, draw = list(queries.values()), np.random.default_rng(seed)
    for _ in range(passes):
        for i in draw.permutation(len(rows)).tolist():
            yield rows[i]


def paced(runs: Sequence[Run], figure: str, budget: float | None, seed: int, passes: int) -> Paced:
    """A stream under a budget, the dial at quality alone; costs and budget learn of what was chosen, and of no more."""
    settings = RouterSettings(policy="thompson", quality=1.0, seed=seed)
    policy, costs = load_policy("thompson", settings), Costs()
    pacer = Pacer() if budget is None else Pacer({figure: budget})
    domains = {domain: i for i, domain in enumerate(dict.fromkeys(run.domain for run in runs))}
    places = np.eye(max(2, len(domains)), dtype=np.float32)
    arms = list(dict.fromkeys(run.outcome.arm for run in runs))
    spent, scores = [], []
    for row in by_query(runs, seed, passes):
        some = next(iter(row.values()))
        candidates = []
        for arm in arms:
            cost = costs.estimate(arm, 1.0, some.outcome.question_chars)
            candidates.append(Candidate(arm, direct, gpu_seconds=cost.gpu_seconds, usd=cost.usd))
        query = Query(Request((Message("user", some.text),)), places[domains[some.domain]])
        choice = policy.choose(query, pacer.charged(candidates))
        run = row[choice.arm]
        spent.append(getattr(run.outcome.usage, figure))
        scores.append(run.score)
        for arm, other in row.items():
            policy.learn(Feedback("d", arm, query.embedding, other.score, text=some.text))
        costs.learn(run.outcome)
        pacer.learn(run.outcome)
    return Paced(budget, mean(spent), mean(scores))


def pacing(name: str, figure: str, tables: Sequence[Sequence[Run]], passes: int) -> tuple[list[list[str]], float]:
    """Rows for each budget and seed (one table for each), and the largest error among them."""
    rows, worst = [], 0.0
    for seed, runs in enumerate(tables):
        taken: dict[Arm, list[float]] = {}
        for run in runs:
            taken.setdefault(run.outcome.arm, []).append(getattr(run.outcome.usage, figure))
        cheapest = min(mean(values) for values in taken.values())
        free = paced(runs, figure, None, seed, passes)
        queries = passes * len({run.query for run in runs})
        rows.append([name, str(seed), str(queries), "none", f"{free.spent:.4g}", "", f"{100 * free.score:.1f}"])
        for share in SHARES:
            one = paced(runs, figure, cheapest + share * (free.spent - cheapest), seed, passes)
            worst = max(worst, abs(one.error))
            told = [f"{one.budget:.4g}", f"{one.spent:.4g}", f"{100 * one.error:+.2f}", f"{100 * one.score:.1f}"]
            rows.append([name, str(seed), str(queries), *told])
    return rows, worst


def report(folder: Path, asked: int, seeds: int) -> str:
    """Both halves as Markdown."""
    arena = routerarena(folder)
    rows = [judged("routerarena, as it stands", figure, foresight(arena, figure)) for figure in ("usd", "tokens")]
    for figure in ("usd", "tokens"):
        drawn = [guess for seed in range(seeds) for guess in foresight(shuffled(arena, seed), figure)]
        rows.append(judged(f"routerarena, {seeds} orders", figure, drawn))
    if asked:
        own = asyncio.run(zoo(asked, seed=7))
        rows += [judged("zoo, policy random", figure, foresight(own, figure)) for figure in ("gpu_seconds", "tokens")]
    heads = ["runs", "figure", "n", "mean: MAPE %", "foreseen: MAPE %", "mean: factor", "foreseen: factor", "R²"]
    lines = [
        table([*heads, "foreseen / came", "below p90, %"], rows),
        "",
        "`mean` is the forgetting mean of the arm's own runs, `factor` the typical miss (e to the mean absolute error",
        "of logarithms), R² what the foresight explains of the mean's squared error.",
        "",
    ]
    dollars, worst_usd = pacing("routerarena, usd", "usd", [arena] * seeds, passes=4)
    tables = [llmrouter(folder, seed) for seed in range(seeds)]
    gpu, worst_gpu = pacing("llmrouter_9local, GPU-s", "gpu_seconds", tables, passes=1)
    lines += [
        table(["stream", "seed", "queries", "budget", "spent", "error %", "score"], dollars + gpu),
        "",
        f"Largest error: {100 * max(worst_usd, worst_gpu):.2f} % of the budget (target: at most 1 %).",
    ]
    return "\n".join(lines)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=Path, default=Path("../shared/data"))
    parser.add_argument("--zoo", type=int, default=600, help="questions asked of the zoo; 0 leaves it out")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    command = f"python -m benchmarks.costs --zoo {options.zoo} --seeds {options.seeds}"
    text = report(options.tables, options.zoo, options.seeds)
    keep("costs", "Costs foreseen, budgets kept", command, text, write=options.write)


if __name__ == "__main__":
    main()
