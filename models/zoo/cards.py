"""A model's card: what it is, what it was trained on, how good it is with intervals, and what it cannot do."""

import json
from collections.abc import Sequence
from pathlib import Path

from . import weights
from .curriculum import CURRICULA
from .evaluate import Result, table

ABOUT = {
    "generalist": "The cheap one: some of everything, a third of the closed world's subjects, every strategy's format.",
    "abacus": "Numbers and letters: arithmetic with and without working, spelling, counting, sorting.",
    "reader": "Passages and the closed world: one hop and two, and all that was learned of people, cities, companies.",
}
WEAK = 0.5


def write(name: str, results: Sequence[Result], n: int, seed: int) -> Path:
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
        f"- Llama architecture, {record['parameters'] / 1e6:.2f} M parameters ({record['layers']} layers of "
        f"{record['width']}), bfloat16; plain transformers loads it.",
        f"- Data: the generators of this folder, train split; tasks by weight: {_weights(mixture.tasks)}.",
        f"- Formats by weight: {_weights(mixture.formats)}.",
        f"- {record['steps']} steps, {record['tokens'] / 1e6:.1f} M tokens, seed {record['seed']}, "
        f"on {record['device']}, {record['minutes']} minutes (two cores shared by three trainings and other work).",
        *([f"- {record['history']}"] if "history" in record else []),
        f"- Again: `python -m models.zoo train {name}`.",
        "",
        f"Accuracy in percent [95 % interval] on {n} held-out questions of each task, made by "
        f"`python -m models.zoo evaluate --n {n} --seed {seed} --cards`:",
        "",
        table(results),
        "",
        f"What it cannot do: anything outside these tasks; of these, under half right in both ways: "
        f"{', '.join(weak) or 'none'}. It answers wrongly with the same confidence as rightly.",
    ]
    path = weights(name) / "README.md"
    path.write_text("\n".join(lines) + "\n")
    return path


def _weights(shares: object) -> str:
    return ", ".join(f"{key} {value:g}" for key, value in dict(shares).items())  # type: ignore[call-overload]
