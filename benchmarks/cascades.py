"""Cascades on the zoo: accuracy and GPU-seconds of the first model, the other, the cascade, and a mixture by lot.

    python -m benchmarks.cascades [--n 400] [--fit 600] [--seed 11] [--write]

The gates are fitted on train-split questions; the tables are of test-split ones, the families in equal shares.
With --write also the gates that ship: for each model the one with the other that is best where it is in doubt.
"""

import argparse
import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import mean

from rich.progress import Progress

from benchmarks.arms import stream
from benchmarks.reports import keep, table
from models.backend import Backend, ModelSpec, connect
from models.intervals import paired, share
from models.zoo import FAMILIES, ZOO, Question, check, questions, weights
from router.utility import Worth
from strategies.cascade import SHIPPED, weigh
from strategies.core.demos import Demo
from strategies.core.gate import DEFAULT, Gates, Judged
from strategies.fitted.fit_cascade import Fit, fit_cascade, save
from strategies.fitted.try_cascade import Tried, judged_of, try_cascade

PAIRS = (
    ("generalist", "polymath"), ("generalist", "reader"), ("polymath", "follower"), ("abacus", "polymath"),
    ("speller", "polymath"), ("reader", "polymath"), ("scholar", "reader"), ("follower", "polymath"),
)  # fmt: skip
SHARES = (0.25, 0.5, 0.75)
DIAL = 0.7
NEVER = replace(DEFAULT["logprobs"], cut=0.0)
READING = """\
The first model answers; where a check refutes it or its gate doubts it, the other answers as well. By lot: one of the
two answers, the other one as often as in the cascade above, in expectation. Intervals are of 95 %, differences paired.
On a machine without a GPU, GPU-seconds are the model's own seconds of the CPU, with whatever else it had to do."""
HEADS = [
    "way", "right, %", "to the other, %", "GPU-s a question", "over the first alone, points",
    "over the lot of the same share, points",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Way:
    """One way of answering: score and GPU-seconds of each question, the share that went to the other model."""

    name: str
    scores: Sequence[float]
    gpu_seconds: Sequence[float]
    share: float


Trials = Mapping[str, Sequence[Tried]]


async def try_all(asked: Sequence[Question]) -> Trials:
    """By model: its drafts to all questions, with the answers of the other models of the zoo beside them."""
    backends: list[Backend] = [connect(name, ModelSpec("in_process", path=str(weights(name)))) for name in ZOO]
    known = {question.prompt: question for question in asked}
    demos = [Demo(question.prompt, question.answer) for question in asked]
    found: dict[str, list[Tried]] = {}
    try:
        with Progress() as progress:
            for weak in backends:
                bar = progress.add_task(weak.name, total=len(demos))
                found[weak.name] = await try_cascade(
                    weak,
                    [backend for backend in backends if backend is not weak],
                    demos,
                    lambda demo, reply: check(known[demo.question], reply),
                    progress=lambda done, _, bar=bar: progress.update(bar, completed=done),  # type: ignore[misc]  # mypy sees two arguments, not the default
                )
    finally:
        for backend in backends:
            await backend.close()
    return found


async def fit_to(judged: Sequence[Judged], other: str, part: float | None, toll: float) -> Fit:
    """The gate of a model with this other one; `part` is the share to escalate, None leaves it to the dial."""
    only = [replace(row, strong={other: row.strong[other]}) for row in judged]
    return (await fit_cascade(only, share=part, toll=toll))[0]


def toll_of(tried: Sequence[Tried]) -> float:
    """What asking another model takes on average, in reward by the router's rates; on a CPU its seconds are waiting."""
    seconds = mean(spent or 0.0 for one in tried for spent in one.strong_gpu_seconds.values())
    return (Worth().gpu_second + Worth().second) * seconds


def ways(tested: Sequence[Tried], other: str, gates: Mapping[str, Gates]) -> list[tuple[Way, Way | None]]:
    """The first model alone, the other alone, and each cascade with the lot that asks the other as often.

    What a lot scores and takes on average is known, so nothing is drawn; by lot one model is asked, never both.
    """
    weak, strong = [one.weak for one in tested], [one.strong[other] for one in tested]
    cheap = [one.gpu_seconds or 0.0 for one in tested]
    dear = [one.strong_gpu_seconds[other] or 0.0 for one in tested]
    found: list[tuple[Way, Way | None]] = [
        (Way("the first alone", weak, cheap, 0.0), None),
        (Way("the other alone", strong, dear, 1.0), None),
    ]
    for name, used in gates.items():
        up = [weigh(one.draft, used, other, DIAL).escalates for one in tested]
        p = mean(up)
        cascaded = [s if u else w for s, w, u in zip(strong, weak, up, strict=True)]
        spent = [c + d * u for c, d, u in zip(cheap, dear, up, strict=True)]
        drawn = [p * s + (1 - p) * w for s, w in zip(strong, weak, strict=True)]
        drawn_spent = [p * d + (1 - p) * c for c, d in zip(cheap, dear, strict=True)]
        found.append((Way(f"cascade, {name}", cascaded, spent, p), Way("by lot", drawn, drawn_spent, p)))
    return found


def report(found: Sequence[tuple[Way, Way | None]]) -> str:
    """The ways as a Markdown table with 95 % intervals, each lot under its cascade."""
    first = found[0][0]
    rows = []
    for way, lot in found:
        against = "" if way is first else str(paired(way.scores, first.scores))
        beside = "" if lot is None else str(paired(way.scores, lot.scores))
        rows.append([way.name, str(share(way.scores)), f"{100 * way.share:.0f}", _spent(way), against, beside])
        if lot is not None:
            middle = f"{100 * mean(lot.scores):.1f}"
            rows.append([f"by lot, {100 * lot.share:.0f} %", middle, f"{100 * lot.share:.0f}", _spent(lot), "", ""])
    return table(HEADS, rows)


def _spent(way: Way) -> str:
    return f"{mean(way.gpu_seconds):.4f}"


async def run(n: int, fit: int, seed: int, command: str, *, write: bool) -> str:
    """Ask, fit, and return the tables; with `write` also the file that ships."""
    each = -(-fit // len(FAMILIES))
    fitting = [question for family in FAMILIES for question in questions(family, each, seed, "train")]
    random.Random(seed).shuffle(fitting)
    tested = stream(n, seed)
    trials = await try_all([*fitting, *tested])
    judged = {name: judged_of(name, rows[: len(fitting)]) for name, rows in trials.items()}
    tolls = {name: toll_of(rows[: len(fitting)]) for name, rows in trials.items()}
    if write:
        save(SHIPPED, [(await fit_cascade(rows, toll=tolls[name]))[0] for name, rows in judged.items()], command)
    parts = [READING]
    for weak, other in PAIRS:
        fits = {f"threshold at the {100 * p:.0f} % quantile": await fit_to(judged[weak], other, p, 0.0) for p in SHARES}
        fits[f"dial {DIAL}"] = dialled = await fit_to(judged[weak], other, None, tolls[weak])
        gates = {name: Gates(other, {one.source: one.gate}) for name, one in fits.items()}
        gates |= {"gate not fitted": Gates(), "checks alone, no gate": Gates(other, {dialled.source: NEVER})}
        told = (
            f"Gate fitted on {dialled.rows} answers, {100 * dialled.right:.0f} % of them right: log loss "
            f"{dialled.after:.3f} cross-fitted, {dialled.before:.3f} with the default gate. Where the first is in "
            f"doubt the other is right in {100 * dialled.strong[other]:.0f} %."
        )
        found = ways(trials[weak][len(fitting) :], other, gates)
        parts.append(f"## {weak}, then {other}\n\n{told}\n\n{report(found)}")
    return "\n\n".join(parts)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=400)
    parser.add_argument("--fit", type=int, default=600)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    command = f"python -m benchmarks.cascades --n {options.n} --fit {options.fit} --seed {options.seed}"
    text = asyncio.run(run(options.n, options.fit, options.seed, command, write=options.write))
    keep("cascades", "Cascades on the zoo", command, text, write=options.write)


if __name__ == "__main__":
    main()
