"""Fills the store of worked examples of the zoo's models and says what showing them won on held-out questions.

    python -m benchmarks.fit_exemplars [--demos 64] [--test 96] [--seed 5] [--models ...] [--write]

The examples are the models' own workings of train-split questions, kept where they are found right; with --write also
the file that ships.
"""

import argparse
import asyncio
import json
import random
from collections.abc import Sequence
from pathlib import Path

from benchmarks.arms import stream
from benchmarks.fit_prompts import score
from benchmarks.reports import keep, table
from models.backend import ModelSpec, connect
from models.embedding import Embedder, open_embedder
from models.intervals import paired, share
from models.scripted import Scripted
from models.types import Message, Request
from models.zoo import FAMILIES, ZOO, Question, check, questions, weights
from strategies.analogical import SHIPPED, Exemplar
from strategies.core import Context, Query
from strategies.core.chain import CHAIN
from strategies.core.demos import Demo, prompt_of
from strategies.core.picking import picked
from strategies.fitted.fit_analogical import entry_of, fill

SHOWN = 4


async def prompts_of(store: Sequence[Exemplar], asked: Sequence[Question], embedder: Embedder) -> list[str]:
    """What the strategy asks with this store."""
    nobody = Scripted("nobody", lambda _: "")
    prompts = []
    for question in asked:
        row = (await embedder.embed([question.prompt]))[0]
        ctx = Context(
            Query(Request((Message("user", question.prompt),)), row), nobody, lambda _: None, embedder=embedder
        )
        rows = await picked(ctx, [one.question for one in store], SHOWN)
        prompts.append(prompt_of("", [Demo(store[i].question, store[i].answer) for i in rows], question.prompt))
    return prompts


async def run(models: Sequence[str], demos: int, test: int, seed: int, out: Path | None, command: str) -> str:
    """Fill every model's store, write the file if `out` is given, and return the table."""
    embedder = open_embedder(None)
    each = -(-demos // len(FAMILIES))
    pool = [question for family in FAMILIES for question in questions(family, each, seed, "train")]
    random.Random(seed).shuffle(pool)
    known = {question.prompt: question for question in pool}
    held_out = stream(test, seed)
    asked = [question.prompt for question in held_out]
    file = _kept(out)
    rows = []
    for name in models:
        backend = connect(name, ModelSpec("in_process", path=str(weights(name))))
        given = [Demo(question.prompt, question.answer) for question in pool]
        found = await fill(given, lambda demo, said: check(known[demo.question], said), backend, None, seed=seed)
        before = await score(backend, held_out, asked)
        chained = await score(backend, held_out, [CHAIN.format(question=prompt) for prompt in asked])
        after = await score(backend, held_out, await prompts_of(found.exemplars, held_out, embedder))
        await backend.close()
        file[name] = entry_of(found, command)
        kept = f"{len(found.exemplars)} of {found.tried}"
        shares = [str(share(scores)) for scores in (before, chained, after)]
        rows.append([name, kept, *shares, str(paired(after, before)), str(paired(after, chained)), str(found.calls)])
    await embedder.close()
    _keep(out, file)
    heads = [
        "model",
        "kept",
        "direct, %",
        "chain of thought, %",
        "with examples, %",
        "over direct",
        "over chain",
        "calls",
    ]
    return table(heads, rows)


def _kept(out: Path | None) -> dict[str, object]:
    """The stores that the file holds already."""
    return dict(json.loads(out.read_text())) if out is not None and out.is_file() else {}


def _keep(out: Path | None, file: dict[str, object]) -> None:
    if out is not None:
        out.write_text(json.dumps(file, indent=1, ensure_ascii=False) + "\n")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demos", type=int, default=64)
    parser.add_argument("--test", type=int, default=96)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--models", nargs="+", choices=ZOO, default=list(ZOO))
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    chosen = "" if tuple(options.models) == ZOO else f" --models {' '.join(options.models)}"
    given = f"--demos {options.demos} --test {options.test} --seed {options.seed}{chosen}"
    command = f"python -m benchmarks.fit_exemplars {given}"
    out = SHIPPED if options.write else None
    text = asyncio.run(run(options.models, options.demos, options.test, options.seed, out, command))
    keep("fit_exemplars", "Worked examples of the zoo's own", command, text, write=options.write)


if __name__ == "__main__":
    main()
