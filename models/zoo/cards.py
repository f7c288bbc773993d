"""A model's card: what it is, what it was trained on, how good it is with intervals, and what it cannot do."""

import json
from collections.abc import Sequence
from pathlib import Path

from . import weights
from .curriculum import CURRICULA
from .evaluate import Judgement, Result, calibration_error, table

ABOUT = {
    "generalist": "The cheap one and the base of the experts: some of everything, every strategy's format.",
    "polymath": "The dear one: twice as deep as the generalist, grown from it and trained further on everything.",
    "abacus": "An expert for numbers: arithmetic, word problems, dates and units.",
    "speller": "An expert for words and letters, sorting and counting.",
    "reader": "An expert for passages, tables and format instructions.",
    "scholar": "An expert for the closed world: all that was learned of people, cities, companies.",
    "follower": "An expert for rules: from examples, over invented kinds, in written procedures.",
}
TWO_GOES = "Trained in two goes, self-judgement after each: {first} steps, then the rest with {change}."
HISTORY = {
    "abacus": TWO_GOES.format(first=1900, change="shorter long sums and smaller stories"),
    "reader": TWO_GOES.format(first=1900, change="more of reading"),
    "follower": TWO_GOES.format(first=1900, change="more of rules, more often after examples"),
}
"""What the recipe does not tell of the weights that ship."""
WEAK = 0.5


def write(name: str, results: Sequence[Result], judgements: Sequence[Judgement], n: int, seed: int) -> Path:
    """Write the card beside the weights from measured results and return its path."""
    record = json.loads((weights(name) / "training.json").read_text())
    mixture = CURRICULA[name]
    best: dict[str, float] = {}
    for result in results:
        best[result.task] = max(best.get(result.task, 0.0), result.share)
    weak = [task for task, share in best.items() if share < WEAK]
    lines = [
        f"# {name}",
        "",
        f"{ABOUT[name]} A small model of a synthetic world, trained from scratch by this repository: for trying the",
        "service and for measuring routers, not for real work.",
        "",
        f"- {_kind(record)}",
        f"- Data: the generators of this folder, train split; tasks by weight: {_weights(mixture.tasks)}.",
        f"- Formats by weight: {_weights(mixture.formats)}.",
        f"- {record['trained']} steps, {record['tokens'] / 1e6:.1f} M tokens, seed {record['seed']}, "
        f"on {record['device']}, {record['minutes']} minutes.",
        *([f"- {HISTORY[name]}"] if name in HISTORY else []),
        f"- Again: `python -m models.zoo train {name}`.",
        "",
        f"Accuracy in percent [95 % interval] on up to {n} held-out questions of each task, worded as in no training,",
        "asked directly, for the working, and after four solved examples; made by",
        f"`python -m models.zoo evaluate --n {n} --seed {seed} --cards`:",
        "",
        table(results),
        "",
        "Asked beforehand whether it can answer, its odds of yes have an expected calibration error of "
        f"{calibration_error(judgements):.3f}.",
        "",
        f"What it cannot do: anything outside these tasks; of these, under half right in every way: "
        f"{', '.join(weak) or 'none'}.",
    ]
    path = weights(name) / "README.md"
    path.write_text("\n".join(lines) + "\n")
    return path


def _kind(record: dict[str, object]) -> str:
    size = f"{float(str(record['parameters'])) / 1e6:.2f} M parameters"
    if record["rank"] is not None:
        return f"LoRA adapter of rank {record['rank']} over {record['over']}, {size}, bfloat16; plain peft loads it."
    shape = f"{record['layers']} layers of {record['width']}"
    grown = f", grown from {record['over']}" if record["over"] else ""
    return f"Llama architecture, {size} ({shape}), bfloat16{grown}; plain transformers loads it."


def _weights(shares: object) -> str:
    return ", ".join(f"{key} {value:.2g}" for key, value in dict(shares).items())  # type: ignore[call-overload]
