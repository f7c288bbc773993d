"""Fits mixture_of_prompts to the zoo and says what it won on held-out questions; writes the file that ships.

    python -m benchmarks.fit_prompts [--demos 320] [--test 120] [--seed 3] [--models ...] [--write]

Demonstrations are solved questions worded as users word theirs, with the working where there is one, as from a log;
none of them is in the table.
"""

import argparse
import asyncio
import random
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

from rich.progress import Progress

from benchmarks.arms import stream
from benchmarks.reports import keep, table
from models.backend import Backend, ModelSpec, connect
from models.embedding import Embedder, open_embedder
from models.intervals import Interval, paired, share
from models.types import Message, Request, collect
from models.zoo import FAMILIES, ZOO, Question, check, questions, weights
from strategies.core.demos import embedded, prompt_of
from strategies.fitted.fit_mixture_of_prompts import Demo, Fit, fit, save
from strategies.mixture_of_prompts import SHIPPED, nearest

STEPWISE = "Work step by step."
LIMIT = 160


async def fit_model(
    backend: Backend, embedder: Embedder, demos: Sequence[Question], test: Sequence[Question], seed: int
) -> tuple[Fit, list[float], list[float]]:
    """Fit one model; scores of asking directly and of asking through the fit, on the test questions."""
    known = {question.prompt: question for question in demos}
    given = [Demo(question.prompt, question.worked or question.reply) for question in demos]
    with Progress() as progress:
        bars: dict[str, int] = {}

        def tell(stage: str, done: int, total: int) -> None:
            bar = bars.setdefault(stage, progress.add_task(f"{backend.name}: {stage}", total=total))
            progress.update(bar, completed=done)  # type: ignore[arg-type]  # rich's task id is an int

        found = await fit(
            given,
            lambda demo, reply: check(known[demo.question], reply),
            backend,
            embedder,
            seed=seed,
            extra=[STEPWISE],
            progress=tell,
        )
    vectors = await embedder.embed([embedded(question.prompt) for question in test])
    regions = [found.regions[nearest(vector, found.regions)] for vector in vectors]
    prompts = [prompt_of(region.instruction, region.demos, q.prompt) for region, q in zip(regions, test, strict=True)]
    before = await score(backend, test, [question.prompt for question in test])
    return found, before, await score(backend, test, prompts)


async def score(backend: Backend, asked: Sequence[Question], prompts: Sequence[str]) -> list[float]:
    """The checkers' verdicts on greedy replies to the prompts."""
    gate = asyncio.Semaphore(16)

    async def one(question: Question, prompt: str) -> float:
        request = Request((Message("user", prompt),), temperature=0.0, max_tokens=LIMIT)
        async with gate:
            return check(question, (await collect(backend.stream(request))).text)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(*pair)) for pair in zip(asked, prompts, strict=True)]
    return [task.result() for task in tasks]


async def run(models: Sequence[str], demos: int, test: int, seed: int, out: Path | None, command: str) -> str:
    """Fit every model, write the file if `out` is given, and return the table."""
    embedder = open_embedder(None)
    each = -(-demos // len(FAMILIES))
    held_out = stream(test, seed)
    known = {question.question for question in held_out}
    rated = [question for family in FAMILIES for question in questions(family, each, seed + 1)]
    train = [question for question in rated if question.question not in known]  # as from a log: worded as users do
    random.Random(seed).shuffle(train)
    rows, fits = [], {}
    try:
        for name in models:
            backend = connect(name, ModelSpec("in_process", path=str(weights(name))))
            try:
                found, before, after = await fit_model(backend, embedder, train, held_out, seed)
            finally:
                await backend.close()
            fits[name] = found
            gain: Interval = paired(after, before)
            told = ", ".join(sorted({region.instruction or "(none)" for region in found.regions}))
            rows.append(
                [
                    name,
                    str(len(found.regions)),
                    str(share(before)),
                    str(share(after)),
                    str(gain),
                    str(found.calls),
                    told,
                ]
            )
    finally:
        await embedder.close()
    if out is not None:
        save(out, fits, command)
    heads = ["model", "regions", "direct, %", "mixture of prompts, %", "gain, points", "calls to fit", "instructions"]
    return (
        table(heads, rows) + f"\n\nMean gain {100 * mean(float(row[4].split()[0]) for row in rows) / 100:.1f} points."
    )


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demos", type=int, default=320)
    parser.add_argument("--test", type=int, default=120)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--models", nargs="+", choices=ZOO, default=list(ZOO))
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    chosen = "" if tuple(options.models) == ZOO else f" --models {' '.join(options.models)}"
    command = (
        f"python -m benchmarks.fit_prompts --demos {options.demos} --test {options.test} --seed {options.seed}{chosen}"
    )
    out = SHIPPED if options.write else None
    text = asyncio.run(run(options.models, options.demos, options.test, options.seed, out, command))
    keep("fit_prompts", "Mixture of prompts, fitted to the zoo", command, text, write=options.write)


if __name__ == "__main__":
    main()
