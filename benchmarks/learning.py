"""Does it learn? A stream of zoo questions through the real service, the checkers' verdicts as feedback.

The learned router against the best single arm, chance and the oracle on the same questions, restarted half-way:

    python -m benchmarks.learning [--n 2000] [--trial 104] [--seed 5] [--write]

The best single arm and the best arm of each task are picked on other questions, where every arm is tried.
"""

import argparse
import asyncio
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import numpy as np
from rich.progress import Progress

from benchmarks.arms import Trial, stream, try_arms
from benchmarks.arms import report as arms_report
from benchmarks.reports import FOLDER, keep, table
from benchmarks.serving import Client, client, serving
from models.intervals import paired, share
from models.zoo import Question, check

CONCURRENCY = 8
WINDOW = 200
LAST = 500


@dataclass(frozen=True, slots=True)
class Walk:
    """One policy's way through the stream: scores and arms in the order of the questions, seconds over all."""

    name: str
    scores: list[float]
    arms: list[str]
    seconds: float


async def walk(http: Client, name: str, asked: Sequence[Question], model: str, *, rate: bool) -> Walk:
    """Ask the questions in order, a few at once, and rate each answer as soon as it has come."""
    scores, arms = [0.0] * len(asked), [""] * len(asked)
    seconds = [0.0] * len(asked)
    rows = iter(enumerate(asked))
    with Progress() as progress:
        bar = progress.add_task(name, total=len(asked))

        async def worker() -> None:
            for i, question in rows:
                answer = await http.ask(question.prompt, model=model)
                scores[i], arms[i], seconds[i] = check(question, answer.text), answer.arm, answer.seconds
                if rate:
                    await http.rate(answer, scores[i])
                progress.advance(bar)

        async with asyncio.TaskGroup() as group:
            for _ in range(CONCURRENCY):
                group.create_task(worker())
    return Walk(name, scores, arms, mean(seconds))


async def learned(asked: Sequence[Question]) -> tuple[Walk, bool]:
    """The router with its default settings, stopped and started again half-way; whether its beliefs came back."""
    half = len(asked) // 2
    with serving() as service:
        async with client(service.url) as http:
            first = await walk(http, "learned, first half", asked[:half], "auto", rate=True)
            before = await http.get("/v1/policies")
        service.restart()
        async with client(service.url) as http:
            same = _rounded(await http.get("/v1/policies")) == _rounded(before)
            second = await walk(http, "learned, after a restart", asked[half:], "auto", rate=True)
    seconds = (first.seconds + second.seconds) / 2
    return Walk("learned", first.scores + second.scores, first.arms + second.arms, seconds), same


async def run(n: int, trial: int, seed: int) -> tuple[list[Walk], list[Trial], bool, list[Question]]:
    """All the walks: learned, best single arm, random; and the trials that the best arms were picked by."""
    asked = stream(n, seed)
    with serving() as service:
        async with client(service.url) as http:
            arms = [entry["arm"] for entry in (await http.get("/v1/arms"))["data"]]
            trials = await try_arms(http, arms, stream(trial, seed + 1000))
            best = best_arm(trials)
            fixed = await walk(http, f"always {best}", asked, best, rate=False)
    with serving(POINTSMAN_ROUTER__POLICY="random") as service:
        async with client(service.url) as http:
            chance = await walk(http, "random", asked, "auto", rate=False)
    own, same = await learned(asked)
    return [own, fixed, chance], trials, same, asked


def best_arm(trials: Sequence[Trial]) -> str:
    """The arm with the highest mean score."""
    scores: dict[str, list[float]] = defaultdict(list)
    for one in trials:
        scores[one.arm].append(one.score)
    return max(scores, key=lambda arm: mean(scores[arm]))


def oracles(trials: Sequence[Trial]) -> tuple[float, float]:
    """On the trial questions: the best arm of each task, and any arm right (a loose ceiling)."""
    by_task: dict[tuple[str, str], list[Trial]] = defaultdict(list)
    by_question: dict[str, list[float]] = defaultdict(list)
    for one in trials:
        by_task[one.question.family, one.question.task].append(one)
        by_question[one.question.id].append(one.score)
    questions = {key: len({t.question.id for t in own}) for key, own in by_task.items()}
    scores = {key: mean(t.score for t in own if t.arm == best_arm(own)) for key, own in by_task.items()}
    topical = sum(scores[key] * questions[key] for key in scores) / sum(questions.values())
    return topical, mean(max(own) for own in by_question.values())


def report(walks: Sequence[Walk], trials: Sequence[Trial], same: bool) -> str:
    """Rewards over time, the crossing, the final margin with its interval, and what the restart kept."""
    own, fixed, _ = walks
    n = len(own.scores)
    steps = range(0, n, n // 8)
    topical, ceiling = oracles(trials)
    heads = ["policy", "all, % [95 %]", *(f"{s + 1}-{min(n, s + n // 8)}" for s in steps), "mean s"]
    rows = [
        [
            one.name,
            str(share(one.scores)),
            *(f"{100 * mean(one.scores[s : s + n // 8]):.0f}" for s in steps),
            f"{one.seconds:.2f}",
        ]
        for one in walks
    ]
    gap = paired(own.scores[-LAST:], fixed.scores[-LAST:])
    whole = paired(own.scores, fixed.scores)
    half = n // 2
    before = 100 * mean(own.scores[half - WINDOW : half])
    after = 100 * mean(own.scores[half : half + WINDOW])
    lines = [
        table(heads, rows),
        "",
        f"- Oracle on the {len({t.question.id for t in trials})} trial questions: best arm of each task "
        f"{100 * topical:.1f} %, any arm right {100 * ceiling:.1f} % (a loose ceiling: luck over many arms).",
        f"- Over the last {LAST} questions the learned router is {gap} points above the best single arm, "
        f"over all of them {whole}.",
        f"- Cumulative reward passes the best single arm's for good after question {crossing(own, fixed)}.",
        f"- Restart after question {half}: {before:.0f} % in the {WINDOW} before, {after:.0f} % in the {WINDOW} after; "
        f"beliefs {'came back the same' if same else 'DIFFER'}.",
    ]
    return "\n".join(lines)


def crossing(own: Walk, fixed: Walk) -> int | None:
    """The number of questions after which the cumulative reward stays above the other's; None if it never does."""
    lead = np.cumsum(own.scores) - np.cumsum(fixed.scores)
    behind = np.flatnonzero(lead <= 0)
    first = int(behind[-1]) + 2 if len(behind) else 1
    return first if first <= len(lead) else None


def plot(walks: Sequence[Walk], trials: Sequence[Trial], path: Path) -> None:
    """Moving mean of the reward over the stream, as a picture."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 4.2))
    for one in walks:
        smooth = np.convolve(one.scores, np.ones(WINDOW) / WINDOW, mode="valid")
        axes.plot(np.arange(len(smooth)) + WINDOW, 100 * smooth, label=one.name)
    axes.axhline(100 * oracles(trials)[0], color="grey", linestyle="--", label="best arm of each task")
    axes.axvline(len(walks[0].scores) // 2, color="grey", linewidth=0.7)
    axes.set_xlabel(f"questions (line: restart); moving mean of {WINDOW}")
    axes.set_ylabel("right answers, %")
    axes.set_ylim(0, 100)
    axes.legend(loc="lower right", fontsize=8)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def _rounded(beliefs: object) -> object:
    return json.loads(json.dumps(beliefs), parse_float=lambda digits: round(float(digits), 6))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=2000)
    parser.add_argument("--trial", type=int, default=104)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    walks, trials, same, _ = asyncio.run(run(options.n, options.trial, options.seed))
    command = f"python -m benchmarks.learning --n {options.n} --trial {options.trial} --seed {options.seed}"
    text = report(walks, trials, same)
    if options.write:
        plot(walks, trials, FOLDER / "learning.png")
        text += "\n\n![reward over time](learning.png)"
    text += f"\n\n## Every arm on the trial questions\n\n{arms_report(trials)}"
    keep("learning", "The router learns", command, text, write=options.write)


if __name__ == "__main__":
    main()
