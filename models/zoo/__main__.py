"""The zoo's commands: train, evaluate, questions, documents."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from . import FAMILIES, ZOO, questions, weights
from .documents import write

CHECKPOINTS = Path(__file__).resolve().parent / "checkpoints"


def train(options: argparse.Namespace) -> None:
    """Train the named model, or all of them, one after another; goes on from a checkpoint."""
    from .train import train as learn

    for name in ZOO if options.all else [options.name]:
        learn(name, weights, CHECKPOINTS, steps=options.steps, judged=options.judged, device=options.device)


def evaluate(options: argparse.Namespace) -> None:
    """Print the table of accuracies, or its rows as JSON lines; with --cards, renew the models' cards."""
    from .cards import write as write_card
    from .evaluate import asked_of, calibration_error, judged, results_of, table, try_all

    asked = asked_of(options.n, options.seed)
    every = []
    for name in options.models:
        tried = try_all(name, asked, device=options.device)
        judgements = judged(name, tried, device=options.device)
        results = results_of(tried)
        every += results
        if options.cards:
            write_card(name, results, judgements, options.n, options.seed)
        if options.json:
            for result in results:
                print(json.dumps({**asdict(result), "low": result.interval[0], "high": result.interval[1]}))
        else:
            print(f"{name}: expected calibration error {calibration_error(judgements):.3f}")
    if not options.json:
        print(table(every))


def ask(options: argparse.Namespace) -> None:
    """Print questions with their answers as JSON lines."""
    for question in questions(options.family, options.n, options.seed, options.split):
        row = {**asdict(question), "prompt": question.prompt}
        print(json.dumps({key: value for key, value in row.items() if value is not None}))


def documents(_: argparse.Namespace) -> None:
    """Write the shipped documents again; they come out the same."""
    for path in write():
        print(path.name)


def main() -> None:
    """Read the command line and run the command."""
    parser = argparse.ArgumentParser(prog="python -m models.zoo", description=__doc__)
    commands = parser.add_subparsers(required=True)
    learn = commands.add_parser("train", help=train.__doc__)
    which = learn.add_mutually_exclusive_group(required=True)
    which.add_argument("name", nargs="?", choices=ZOO)
    which.add_argument("--all", action="store_true")
    learn.add_argument("--steps", type=int, help="of the curriculum, instead of the recipe's")
    learn.add_argument("--judged", type=int, help="steps of self-judgement, instead of the recipe's")
    learn.add_argument("--device")
    learn.set_defaults(run=train)
    measure = commands.add_parser("evaluate", help=evaluate.__doc__)
    measure.add_argument("--models", nargs="+", choices=ZOO, default=list(ZOO))
    measure.add_argument("--n", type=int, default=40, help="questions of each task")
    measure.add_argument("--seed", type=int, default=1)
    measure.add_argument("--device", default="cpu")
    measure.add_argument("--json", action="store_true")
    measure.add_argument("--cards", action="store_true")
    measure.set_defaults(run=evaluate)
    listing = commands.add_parser("questions", help=ask.__doc__)
    listing.add_argument("--family", required=True, choices=sorted(FAMILIES))
    listing.add_argument("--n", type=int, default=10)
    listing.add_argument("--seed", type=int, default=1)
    listing.add_argument("--split", choices=("train", "test"), default="test")
    listing.set_defaults(run=ask)
    commands.add_parser("documents", help=documents.__doc__).set_defaults(run=documents)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
