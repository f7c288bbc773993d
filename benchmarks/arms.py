"""Every arm on the same questions, through the real service: accuracy per task, calls and seconds; the losers stay in.

python -m benchmarks.arms [--n 20] [--seed 11] [--write]
"""

import argparse
import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, median

from rich.progress import Progress

from benchmarks.reports import keep, table
from benchmarks.serving import Client, client, serving
from models.intervals import share
from models.zoo import FAMILIES, Question, check, questions

CONCURRENCY = 12


@dataclass(frozen=True, slots=True)
class Trial:
    """One arm on one question."""

    arm: str
    question: Question
    score: float
    seconds: float
    calls: int
    degraded: bool


def stream(n: int, seed: int) -> list[Question]:
    """n questions, the families in turn, the tasks of a family mixed; the same for the same seed."""
    each = -(-n // len(FAMILIES))
    columns = [list(questions(family, each, seed)) for family in FAMILIES]
    return [row for rows in zip(*columns, strict=True) for row in rows][:n]


async def try_arms(http: Client, arms: Sequence[str], asked: Sequence[Question]) -> list[Trial]:
    """Ask every question of every arm, several at once; order of the result is arms by questions."""
    gate = asyncio.Semaphore(CONCURRENCY)
    with Progress() as progress:
        bar = progress.add_task("arms x questions", total=len(arms) * len(asked))

        async def one(arm: str, question: Question) -> Trial:
            async with gate:
                answer = await http.ask(question.prompt, model=arm)
            progress.advance(bar)
            score = check(question, answer.text)
            return Trial(arm, question, score, answer.seconds, answer.calls, answer.degraded)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(arm, question)) for arm in arms for question in asked]
    return [task.result() for task in tasks]


def report(trials: Sequence[Trial]) -> str:
    """Accuracy per arm and task as a Markdown table, best arm first, with calls, seconds and degraded runs."""
    tasks = sorted({(t.question.family, t.question.task) for t in trials})
    by_arm: dict[str, list[Trial]] = defaultdict(list)
    for trial in trials:
        by_arm[trial.arm].append(trial)
    ordered = sorted(by_arm, key=lambda arm: -mean(t.score for t in by_arm[arm]))
    rows = []
    for arm in ordered:
        own = by_arm[arm]
        cells = [
            f"{100 * mean(t.score for t in own if (t.question.family, t.question.task) == task):.0f}" for task in tasks
        ]
        calls, seconds = mean(t.calls for t in own), median(t.seconds for t in own)
        degraded = sum(t.degraded for t in own)
        rows.append(
            [f"`{arm}`", str(share([t.score for t in own])), *cells, f"{calls:.1f}", f"{seconds:.2f}", str(degraded)]
        )
    heads = ["arm", "all, % [95 %]", *(task for _, task in tasks), "calls", "median s", "degraded"]
    best = ["*best arm for each task*", "", *(_best(trials, task) for task in tasks), "", "", ""]
    return table(heads, [*rows, best])


def _best(trials: Sequence[Trial], task: tuple[str, str]) -> str:
    scores: dict[str, list[float]] = defaultdict(list)
    for trial in trials:
        if (trial.question.family, trial.question.task) == task:
            scores[trial.arm].append(trial.score)
    return f"{100 * max(mean(own) for own in scores.values()):.0f}"


async def run(n: int, seed: int) -> list[Trial]:
    """Start the service and try all of its arms on n questions."""
    with serving() as service:
        async with client(service.url) as http:
            arms = [entry["arm"] for entry in (await http.get("/v1/arms"))["data"]]
            return await try_arms(http, arms, stream(n, seed))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=240)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    text = report(asyncio.run(run(options.n, options.seed)))
    command = f"python -m benchmarks.arms --n {options.n} --seed {options.seed}"
    keep("arms", "Every arm on every task of the zoo", command, text, write=options.write)


if __name__ == "__main__":
    main()
