"""Every strategy on every family of the zoo, or on real questions with any configured model; the losers stay in.

    python -m benchmarks.strategies [--n 30] [--seed 1] [--models polymath ...] [--write]
    python -m benchmarks.strategies --live FILE.jsonl --settings FILE.toml --model NAME [--n 100]

Test-split questions, n of each family, exact checkers. The library holds the zoo's documents, the past solved questions
of the same tasks, others than those asked. Best by a margin outside the noise: the paired 95 % interval of the
difference to the second best lies above zero; the same is told against the best fixed strategy.
"""

import argparse
import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import mean, median

from benchmarks.asking import Asked, Trial, ask_all, stage
from benchmarks.reports import FOLDER, keep, table
from models.backend import Backend, ModelSpec, connect
from models.intervals import paired, share
from models.limits import limit
from models.zoo import FAMILIES, ZOO, Question, check, questions, weights
from models.zoo.families import TASKS
from service.sections import Settings
from service.settings import load as read_settings
from strategies.core import Strategy, load
from strategies.core.equivalence import answer_in, same_answer
from strategies.mixture_of_prompts import covers, read

PAST_PER_TASK = 40
LEFT_OUT = ("clarify",)  # there is nobody to ask back
DOCUMENTS = Path(__file__).resolve().parents[1] / "models" / "zoo" / "documents"
PAGE = FOLDER.parent / "strategies.md"
MARKS = ("<!-- made by benchmarks.strategies -->\n", "<!-- end -->\n")
Scores = Mapping[str, Mapping[str, float]]
"""Scores by strategy and question."""


def asked_of(n: int, seed: int) -> list[Question]:
    """n test questions of every family, its tasks in turn, but for those that fitted prompts show as examples."""
    found: dict[str, Question] = {}
    for family in FAMILIES:
        found |= {question.id: question for question in questions(family, n, seed)}
    shown = {demo.question for regions in read().values() for region in regions for demo in region.demos}
    return [question for question in found.values() if question.prompt not in shown]


def past_of(asked: Sequence[Question], seed: int) -> list[tuple[str, str]]:
    """Solved test questions of every task, none of them among those asked."""
    taken = {question.prompt for question in asked}
    pairs: dict[str, str] = {}
    for family in FAMILIES:
        for one in questions(family, PAST_PER_TASK * len(FAMILIES[family]), seed + 1000):
            if one.prompt not in taken and one.task != "documents":
                pairs[one.prompt] = one.reply
    return list(pairs.items())


def offered(model: str) -> list[Strategy]:
    """The strategies that can run on a model of the zoo."""
    known = [one for name, one in load().items() if name not in LEFT_OUT]
    return [one for one in known if "prompts" not in one.needs or model in covers()]


async def run(n: int, seed: int, models: Sequence[str], only: Sequence[str]) -> str:
    """Ask everything and return the report."""
    asked = asked_of(n, seed)
    by_id = {question.id: question for question in asked}
    backends: dict[str, Backend] = {
        name: connect(name, ModelSpec("in_process", path=str(weights(name)))) for name in ZOO
    }
    arms = [(model, one) for model in models for one in offered(model) if not only or one.name in only]
    async with stage(backends, past_of(asked, seed), [DOCUMENTS]) as on:
        trials = await ask_all(on, arms, [Asked(q.id, q.family, q.prompt) for q in asked], seed, {})
    parts = [_reading(len(asked))]
    for model in models:
        own = [trial for trial in trials if trial.model == model]
        parts.append(report(model, own, by_id))
    return "\n\n".join(parts)


def report(model: str, trials: Sequence[Trial], asked: Mapping[str, Question]) -> str:
    """One model's tables: by strategy, by family, who is best where, what reflection breaks."""
    scores: dict[str, dict[str, float]] = defaultdict(dict)
    for one in trials:
        scores[one.strategy][one.id] = check(asked[one.id], one.text)
    kinds = {name: question.family for name, question in asked.items()}
    return "\n\n".join(
        [
            f"## {model}",
            costs(trials, scores),
            oracle(scores),
            "### By family\n\n" + by_kind(scores, kinds),
            "### Best by family\n\n" + bests(scores, kinds),
            flips(trials, lambda name, text: check(asked[name], text)),
        ]
    )


def costs(trials: Sequence[Trial], scores: Scores) -> str:
    """Accuracy and what a question takes, by strategy, best first."""
    rows = []
    for name in sorted(scores, key=lambda name: -mean(scores[name].values())):
        own = [trial for trial in trials if trial.strategy == name]
        rows.append(
            [
                name,
                str(share(list(scores[name].values()))),
                f"{mean(one.calls for one in own):.2f}",
                f"{mean(one.tokens for one in own):.0f}",
                f"{mean(one.gpu_seconds for one in own):.3f}",
                f"{100 * mean(bool(one.failed) for one in own):.1f}",
            ]
        )
    return table(["strategy", "right, %", "calls", "tokens", "GPU-seconds", "could not finish, %"], rows)


def oracle(scores: Scores) -> str:
    """What always picking the right strategy would give, against the best fixed one, and what all of them solve."""
    ids = list(next(iter(scores.values())))
    best = max(scores, key=lambda name: mean(scores[name].values()))
    top = [max(by[i] for by in scores.values()) for i in ids]
    lead = paired(top, [scores[best][i] for i in ids])
    everybody = share([min(by[i] for by in scores.values()) for i in ids])
    return (
        f"The oracle over strategies answers {share(top)} % rightly, {lead} points above the best fixed one ({best}). "
        f"All of them solve {everybody} %."
    )


def by_kind(scores: Scores, kinds: Mapping[str, str]) -> str:
    """Accuracy by family, percent; the best of a family in bold."""
    names = list(dict.fromkeys(kinds.values()))
    cells = {s: {k: mean(v for i, v in by.items() if kinds[i] == k) for k in names} for s, by in scores.items()}
    top = {k: max(row[k] for row in cells.values()) for k in names}
    rows = [
        [s, *(f"**{100 * row[k]:.0f}**" if row[k] == top[k] else f"{100 * row[k]:.0f}" for k in names)]
        for s, row in cells.items()
    ]
    return table(["strategy", *names], rows)


def bests(scores: Scores, kinds: Mapping[str, str]) -> str:
    """For each family the best strategy, and its lead over the best fixed one and over the second, paired."""
    rows, surely, narrowly = [], set(), set()
    fixed = max(scores, key=lambda name: mean(scores[name].values()))
    for kind in dict.fromkeys(kinds.values()):
        ids = [i for i, k in kinds.items() if k == kind]
        order = sorted(scores, key=lambda name: -mean(scores[name][i] for i in ids))
        first, second = order[0], order[min(1, len(order) - 1)]
        over = [paired([scores[first][i] for i in ids], [scores[name][i] for i in ids]) for name in (fixed, second)]
        surely |= {first} if over[0].low > 0 or (first == fixed and over[1].low > 0) else set()
        narrowly |= {first} if over[1].low > 0 else set()
        rows.append([kind, first, str(share([scores[first][i] for i in ids])), str(over[0]), second, str(over[1])])
    heads = ["family", "best", "right, %", f"over {fixed}", "second", "over the second"]
    return (
        f"{table(heads, rows)}\n\nBest of a family and outside the noise against the second best: "
        f"{', '.join(sorted(narrowly)) or 'none'}; against the best fixed strategy: "
        f"{', '.join(sorted(surely)) or 'none'}. Best and second are picked on the questions that they are compared on."
    )


def flips(trials: Sequence[Trial], right: Callable[[str, str], float]) -> str:
    """How often strategies that draft and then think again break a right draft or put a wrong one right.

    `right(id, text)` is 0 or 1.
    """
    rows = []
    for name in dict.fromkeys(one.strategy for one in trials if one.draft is not None):
        own = [one for one in trials if one.strategy == name and one.draft is not None]
        pairs = [(right(one.id, str(one.draft)), right(one.id, one.text)) for one in own]
        broken = [1.0 - after for before, after in pairs if before]
        mended = [after for before, after in pairs if not before]
        rows.append([name, str(share(broken)), str(share(mended))])
    if not rows:
        return ""
    return "### What thinking again changes\n\n" + table(
        ["strategy", "right drafts broken, %", "wrong drafts put right, %"], rows
    )


# ---- real questions and any configured model


def rows_of(path: Path, n: int) -> list[dict[str, object]]:
    """About n questions that have an answer, spread over a file of JSON lines (question, answer, perhaps a context)."""
    rows = [row for row in map(json.loads, path.read_text().splitlines()) if row.get("answer") is not None]
    return rows[:: max(1, len(rows) // n)][:n]


async def live(
    rows: Sequence[Mapping[str, object]], house: Settings, model: str, seed: int, only: Sequence[str]
) -> str:
    """Real questions on a configured model; an answer is right if it equals one of those that the file gives."""
    backends: dict[str, Backend] = {
        name: limit(connect(name, spec := entry.spec()), spec) for name, entry in house.models.items()
    }
    answers = {str(row["id"]): row["answer"] if isinstance(row["answer"], list) else [row["answer"]] for row in rows}
    asked = [Asked(str(row["id"]), str(row.get("task", "all")), _prompt(row)) for row in rows]
    arms = [(model, one) for one in load().values() if one.name not in LEFT_OUT and (not only or one.name in only)]
    arms = [
        (m, one) for m, one in arms if not one.needs - {"peers"} and (len(backends) > 1 or "peers" not in one.needs)
    ]
    async with stage(backends, [], []) as on:
        trials = await ask_all(on, arms, asked, seed, {}, at_once=8)
    scores: dict[str, dict[str, float]] = defaultdict(dict)

    def right(name: str, text: str) -> float:
        return float(any(same_answer(answer_in(text), str(answer)) for answer in answers[name]))

    for one in trials:
        scores[one.strategy][one.id] = right(one.id, one.text)
    kinds = {one.id: one.kind for one in asked}
    return "\n\n".join(
        [costs(trials, scores), oracle(scores), by_kind(scores, kinds), bests(scores, kinds), flips(trials, right)]
    )


def _prompt(row: Mapping[str, object]) -> str:
    context = row.get("context")
    texts = [str(part["text"]) for part in context if isinstance(part, dict)] if isinstance(context, list) else []
    return "\n".join(["Passage:", *texts, f"Question: {row['question']}"]) if texts else str(row["question"])


async def alone(seed: int) -> str:
    """Two questions of each family, one at a time, by every strategy on the base: what runs take beside their calls."""
    backends: dict[str, Backend] = {
        name: connect(name, ModelSpec("in_process", path=str(weights(name)))) for name in ("generalist", "polymath")
    }
    asked = asked_of(2, seed)
    arms = [("generalist", one) for one in offered("generalist")]
    async with stage(backends, past_of(asked, seed), [DOCUMENTS]) as on:
        told = [Asked(q.id, q.family, q.prompt) for q in asked]
        passes = [await ask_all(on, arms, told, seed + i, {}, at_once=1) for i in range(2)]
    return overhead(*passes)


def overhead(first: Sequence[Trial], again: Sequence[Trial]) -> str:
    """The median milliseconds a call that a run takes beside its calls, at first and with all in caches."""
    rows = []
    for name in dict.fromkeys(one.strategy for one in first):
        cells = []
        for trials in (first, again):
            own = [1000 * one.overhead / one.calls for one in trials if one.strategy == name and one.calls]
            cells.append(f"{median(own):.2f}")
        rows.append([name, *cells])
    return table(["strategy", "beside a call, ms", "the same questions again, ms"], rows)


def _reading(n: int) -> str:
    return (
        f"{n} test questions, {len(TASKS)} tasks of {len(FAMILIES)} families. Accuracy in percent with 95 % intervals "
        "(Wilson; differences paired). On a machine without a GPU, GPU-seconds are the model's own seconds of the CPU."
    )


def insert(text: str, command: str) -> None:
    """Put the first model's tables into docs/strategies.md, between its marks."""
    page = PAGE.read_text()
    before, _, rest = page.partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    first = text.split("\n\n## ")[1].replace("### ", "**").split("\n")
    shown = "\n".join(f"{row}**" if row.startswith("**") else row for row in first[1:]).strip()
    told = f"`{command}`, {first[0]}:\n\n{shown}\n\n{text.partition(chr(10))[0]}\n"
    PAGE.write_text(f"{before}{MARKS[0]}{told}{MARKS[1]}{after}")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=30, help="questions of each family")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--models", nargs="+", choices=ZOO, default=["polymath"])
    parser.add_argument("--only", nargs="+", default=[], help="these strategies alone")
    parser.add_argument("--live", type=Path, help="real questions instead of the zoo's")
    parser.add_argument("--settings", type=Path)
    parser.add_argument("--model", default="")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--overhead", action="store_true", help="what strategies take beside their calls, alone")
    options = parser.parse_args()
    if options.overhead:
        command = f"python -m benchmarks.strategies --overhead --seed {options.seed}"
        text = asyncio.run(alone(options.seed))
        keep("strategy_overhead", "What strategies take beside their calls", command, text, write=options.write)
        return
    if options.live:
        rows, house = rows_of(options.live, options.n), read_settings(options.settings)
        text = asyncio.run(live(rows, house, options.model, options.seed, options.only))
        keep(
            "strategies_live",
            "Strategies on real questions",
            "python -m benchmarks.strategies --live",
            text,
            write=False,
        )
        return
    command = (
        f"python -m benchmarks.strategies --n {options.n} --seed {options.seed} --models {' '.join(options.models)}"
    )
    text = asyncio.run(run(options.n, options.seed, options.models, options.only))
    keep("strategies", "Strategies on the zoo", command, text, write=options.write and not options.only)
    if options.write and not options.only:
        insert(text, command)


if __name__ == "__main__":
    main()
