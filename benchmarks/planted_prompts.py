"""Does a mixture of prompts find three planted regions, and what is it worth there against one prompt for all?

    python -m benchmarks.planted_prompts [--models abacus follower] [--seeds 5] [--write]

Three untold rules, one of labels, one of letters, one of numbers: only demonstrations of the same rule help. The first
model is planted as well: it uses the rule that most of the demonstrations follow, the instruction counting as two.
"""

import argparse
import asyncio
import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from benchmarks.reports import keep, table
from models.backend import Backend, ModelSpec, connect
from models.embedding import Embedder, open_embedder
from models.intervals import paired, share
from models.scripted import Scripted
from models.types import Request
from models.zoo import ZOO, weights
from models.zoo.rulebook import TEST_RULES, Rule
from service.commands.fit import try_fit
from service.commands.fit_report import DIRECT, FITTED, Trial, progress_of
from service.commands.fits import Ground
from service.sections import Settings
from strategies.core.demos import Demo
from strategies.fitted.held_out import Parts
from strategies.fitted.journal import Progress

ASKING = {
    "label": "A shop has the {name} code for all its things. Which label does {x} have in the {name} code of the shop?",
    "letter_rule": "My teacher writes words by the {name} rule in the school. What does the {name} rule of my teacher "
    'make of "{x}"?',
    "number_rule": "The train has the number {x}. Put the number into {name}. What number does the next train have by "
    "{name}?",
}
SINGLE = "one instruction, random demonstrations"
ENDINGS = ("", " Answer briefly.")
EACH = 40
"""Words or numbers that each kind asks about, a quarter of them held out."""
GIVEN = {
    "label": re.compile(r"Which label does (\w+) have"),
    "letter_rule": re.compile(r'make of "(\w+)"'),
    "number_rule": re.compile(r"has the number (\w+)\."),
}
NAMED = {rule.name: rule for rules in TEST_RULES.values() for rule in rules}


@dataclass(frozen=True, slots=True)
class Found:
    """A fit of the planted task: how many regions, and the scores on the held-out questions."""

    regions: int
    trial: Trial


def planted(seed: int) -> Parts:
    """Questions under three rules, one of a kind, with their answers; the same for the same seed.

    What is held out is asked about words and numbers that no demonstration is about.
    """
    rng = random.Random(f"planted {seed}")
    teaching, held_out = list[Demo](), list[Demo]()
    for kind, text in ASKING.items():
        rule = rng.choice(TEST_RULES[kind])
        given = list(islice(rule.inputs(rng, "test"), EACH))
        cut = len(given) // 4
        held_out += [_asked(rule, text, one) for one in given[:cut]]
        teaching += [_asked(rule, text + ending, one) for one in given[cut:] for ending in ENDINGS]
    return Parts(teaching, held_out)


def _asked(rule: Rule, text: str, given: str) -> Demo:
    return Demo(text.format(name=rule.name, x=given), rule.apply(given))


def right(demo: Demo, reply: str) -> float:
    """Whether the reply is the answer and nothing else, a full stop aside."""
    return float(reply.strip().rstrip(".").strip('"').lower() == demo.answer.lower())


def learner(name: str = "planted") -> Scripted:
    """A model that sees which rule most demonstrations follow and uses it, whatever it is asked."""

    def say(request: Request) -> str:
        prompt = request.messages[-1].text
        names = re.findall("|".join(NAMED), prompt)
        if prompt.startswith("Below are inputs"):
            return f" use {Counter(names).most_common(1)[0][0]}."
        *before, question = prompt.split("Input: ")
        shown = re.findall("|".join(NAMED), " ".join(before[1:]))
        told = re.findall("|".join(NAMED), before[0]) if before else []
        votes = Counter([*shown, *told, *told])
        rule = NAMED[votes.most_common(1)[0][0]] if votes else None
        given = None if rule is None else GIVEN[rule.task].search(question)
        return "?" if rule is None or given is None else rule.apply(given[1])

    return Scripted(name, say)


async def try_model(backend: Backend, embedder: Embedder, seed: int, progress: Progress) -> Found:
    """Fit one model to the planted task of a seed, and try it on the quarter that is held out."""
    parts = planted(seed)
    with TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "fit.journal"
        ground = Ground(
            backend, None, embedder, parts.teaching, (), right, seed, None, progress, checkpoint, "a benchmark"
        )
        trial = await try_fit(Settings(), "mixture_of_prompts", ground, parts.held_out)
    return Found(len(trial.made.entry["regions"]), trial)


def row_of(name: str, found: Sequence[Found]) -> list[str]:
    """The line of a model: all seeds together."""
    scores = {way: [x for one in found for x in one.trial.scores[way]] for way in (DIRECT, SINGLE, FITTED)}
    regions = ", ".join(str(one.regions) for one in found)
    shown = [str(share(scores[way])) for way in (DIRECT, SINGLE, FITTED)]
    return [name, regions, *shown, str(paired(scores[FITTED], scores[SINGLE]))]


async def run(models: Sequence[str], seeds: int) -> str:
    """The table of the planted model and the zoo's, over the seeds."""
    embedder = open_embedder(None)
    rows = []
    try:
        with progress_of(Console(stderr=True)) as progress:
            for name in ("", *models):
                backend = connect(name, ModelSpec("in_process", path=str(weights(name)))) if name else learner()
                try:
                    tells = [_staged(f"{name or 'planted'}, seed {seed}", progress) for seed in range(seeds)]
                    found = [await try_model(backend, embedder, seed, tell) for seed, tell in enumerate(tells)]
                finally:
                    await backend.close()
                rows.append(row_of(name or "(planted)", found))
    finally:
        await embedder.close()
    heads = ["model", "regions found, by seed", "direct, %", "one instruction, %", "mixture, %", "gain, points"]
    return table(heads, rows)


def _staged(what: str, progress: Progress) -> Progress:
    return lambda stage, done, total: progress(f"{what}: {stage}", done, total)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="*", choices=ZOO, default=["abacus", "follower"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    text = asyncio.run(run(options.models, options.seeds))
    told = (
        "\n\nThree rules in three regions; the one instruction is the best that APE found, with as many demonstrations "
        "at random as a region shows. 95 % intervals, paired for the gain, over all seeds' held-out questions."
    )
    command = f"python -m benchmarks.planted_prompts --models {' '.join(options.models)} --seeds {options.seeds}"
    keep("planted_prompts", "A planted task of three regions", command, text + told, write=options.write)


if __name__ == "__main__":
    main()
