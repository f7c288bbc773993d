"""The commands: `python -m service serve | ask | replay | tune | fit | knowledge | keys`."""

import argparse
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from models.errors import BadSettings, PointsmanError, UserError
from service.hangups import Early

if TYPE_CHECKING:  # this takes a second: a hangup that comes meanwhile shall be noted
    from service.sections import Settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0 is success, 1 a fault of a model or of ours, 2 one of the caller's, 130 Ctrl-C."""
    options = _parser().parse_args(arguments)
    with Early() if options.command == "serve" else nullcontext() as options.early:
        return _run(options)


def _run(options: argparse.Namespace) -> int:
    from service.settings import load

    try:
        settings = load(options.config, flags=_flags(options))
        code: int = options.run(settings, options)
    except UserError as error:
        where = "settings" if isinstance(error, BadSettings) else options.command
        print(f"pointsman: {where}: {error}", file=sys.stderr)
        return 2
    except PointsmanError as error:
        print(f"pointsman: {options.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return code


def _flags(options: argparse.Namespace) -> dict[str, dict[str, object]]:
    server = {name: getattr(options, name, None) for name in ("host", "port", "workers")}
    given: dict[str, dict[str, object]] = {"server": {k: v for k, v in server.items() if v is not None}}
    if getattr(options, "litellm", None) is not None:
        given["litellm"] = {"config": str(options.litellm)}
    if options.db is not None:
        given["store"] = {"url": options.db}
    return given


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--config", type=Path, metavar="FILE", help="settings in TOML (default: the embedded ones)")
    common.add_argument("--db", metavar="URL", help="the database (default: sqlite:///pointsman.db)")
    parser = argparse.ArgumentParser(
        prog="pointsman",
        description="Stands in front of your own models and chooses, for each query, the model and the prompting "
        "strategy together.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", parents=[common], help="serve over HTTP until Ctrl-C")
    serve.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
    serve.add_argument("--port", type=int, help="port to listen on (default: 8000; 0: any free one)")
    serve.add_argument("--workers", type=int, metavar="N", help="processes that answer (default: 1)")
    serve.add_argument("--litellm", type=Path, metavar="FILE", help="a model list in the format of LiteLLM's proxy")
    serve.set_defaults(run=_serve)

    ask = commands.add_parser("ask", parents=[common], help="ask one question, no server needed")
    ask.add_argument("question", help="the question; - reads it from standard input")
    ask.add_argument("--model", default="auto", metavar="M", help="auto, auto@STRATEGY, MODEL or STRATEGY@MODEL")
    ask.add_argument("--explain", action="store_true", help="say which arm was chosen and why")
    ask.add_argument("--json", action="store_true", help="print one JSON object")
    ask.set_defaults(run=_ask)

    replay = commands.add_parser(
        "replay",
        parents=[common],
        help="try ways of choosing on an outcome table, or on the log",
        description="With --table: how well policies choose on a table of what each arm scored on each query, against "
        "the best single arm. With --log: what they would have been worth on the service's own log.",
    )
    source = replay.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--table",
        type=Path,
        metavar="F",
        help="parquet or CSV with the columns query_id, query, model, score (0..1) and, optionally, strategy, domain, "
        "cost_usd, prompt_tokens, completion_tokens, seconds",
    )
    source.add_argument("--log", action="store_true", help="the log of the service, estimated off-policy")
    replay.add_argument("--policy", default="", metavar="A,B", help="the policies to compare (default: all)")
    replay.add_argument("--json", action="store_true", help="print one JSON object")
    table = replay.add_argument_group("with --table")
    table.add_argument("--folds", type=int, default=5, metavar="K", help="random folds (default: 5)")
    table.add_argument(
        "--feedback",
        choices=("full", "bandit"),
        default="full",
        help="what is learned of a training query: the score of every arm, or of the arm that the policy chose itself",
    )
    table.add_argument("--holdout", choices=("domain",), help="leave out one domain at a time, in place of the folds")
    table.add_argument("--limit", type=int, metavar="N", help="take at most N of the table's queries, drawn at random")
    table.add_argument("--train", type=int, metavar="N", help="learn from at most N queries in each fold")
    table.add_argument("--seed", type=int, default=0, metavar="S", help="of folds, orders and draws (default: 0)")
    table.add_argument(
        "--quality", type=float, default=1.0, metavar="Q", help="the dial, 0 cheap to 1 good (default: 1, score alone)"
    )
    table.add_argument("--plot", type=Path, metavar="OUT.PNG", help="draw quality against cost, or regret with bandit")
    table.add_argument("--cache", type=Path, metavar="FOLDER", help="where embeddings are kept (default: ~/.cache)")
    replay.set_defaults(run=_replay)

    tune = commands.add_parser(
        "tune",
        parents=[common],
        help="fit again what is fitted from the log, and promote what is better",
        description="Compares challengers with the policy in use on the later part of the log, off-policy, and reports "
        "what else can be fitted from it. Nothing changes without --apply, and then only what gains for certain.",
    )
    tune.add_argument("--policy", default="", metavar="A,B", help="the challengers (default: the usual ones)")
    tune.add_argument("--apply", action="store_true", help="promote the best of those whose gain is above zero (95 %%)")
    tune.add_argument(
        "--rollback", type=int, metavar="VERSION", help="use that version again; 0: what the settings say"
    )
    tune.add_argument(
        "--budget", type=int, default=0, metavar="CALLS", help="calls to fit mixtures of prompts with (default: none)"
    )
    tune.add_argument("--json", action="store_true", help="print one JSON object")
    tune.set_defaults(run=_tune)

    fit = commands.add_parser(
        "fit",
        parents=[common],
        help="fit what a strategy needs offline, and keep it if it is no worse than before",
        description="Fits mixture_of_prompts (regions of questions, and a prompt for each) or analogical (worked "
        "examples that were found right) to your models, by asking them, and compares before with after on questions "
        "that are held out. What was cut short goes on where it stopped.",
    )
    fit.add_argument("strategy", metavar="STRATEGY", help="mixture_of_prompts or analogical")
    solved = fit.add_mutually_exclusive_group(required=True)
    solved.add_argument(
        "--demos", type=Path, metavar="F", help="JSON lines or CSV with question, answer and, optionally, checker"
    )
    solved.add_argument("--log", action="store_true", help="the log's well-rated answers and corrections")
    fit.add_argument("--models", nargs="+", default=[], metavar="M", help="the models to fit (default: all)")
    fit.add_argument("--budget", type=int, metavar="CALLS", help="the most model calls of this run (default: any)")
    fit.add_argument("--seed", type=int, default=0, metavar="S", help="of the draws (default: 0)")
    fit.add_argument("--out", type=Path, metavar="FILE", help="where it is kept (default: beside the database)")
    fit.add_argument("--force", action="store_true", help="keep it even if it is worse than before")
    fit.set_defaults(run=_fit)

    knowledge = commands.add_parser("knowledge", help="the document library")
    actions = knowledge.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("add", parents=[common], help="take files and folders in")
    add.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    actions.add_parser("list", parents=[common], help="list the documents")
    remove = actions.add_parser("remove", parents=[common], help="take a document out")
    remove.add_argument("id", metavar="ID")
    search = actions.add_parser("search", parents=[common], help="find passages")
    search.add_argument("text")
    search.add_argument("-k", type=int, default=5, help="how many (default: 5)")
    knowledge.set_defaults(run=_knowledge)

    keys = commands.add_parser("keys", help="who may ask what, and how much: API keys")
    doings = keys.add_subparsers(dest="action", required=True, metavar="ACTION")
    create = doings.add_parser("create", parents=[common], help="make a key; it is shown once")
    create.add_argument("name", metavar="NAME", help="whose it is, for you")
    create.add_argument("--scopes", metavar="A,B", help="chat, feedback, read, knowledge, admin (default: two first)")
    create.add_argument("--models", default="", metavar="A,B", help="the models it may ask (default: all)")
    create.add_argument("--requests-per-minute", type=int, metavar="N")
    create.add_argument("--usd", type=float, metavar="X", help="dollars per period")
    create.add_argument("--gpu-seconds", type=float, metavar="X", help="GPU-seconds per period")
    create.add_argument("--tokens", type=int, metavar="N", help="tokens per period, in and out")
    create.add_argument("--period", choices=("day", "month", "total"), default="month", help="in UTC (default: month)")
    create.add_argument("--expires-days", type=float, metavar="N", help="days until it ends (default: never)")
    doings.add_parser("list", parents=[common], help="list the keys, with what they have taken")
    revoke = doings.add_parser("revoke", parents=[common], help="let a key open nothing any more")
    revoke.add_argument("id", metavar="ID")
    keys.set_defaults(run=_keys)
    return parser


def _serve(settings: "Settings", options: argparse.Namespace) -> int:
    from service.commands.serve import serve  # what a command needs is loaded when it runs: --help is quick
    from service.settings import load

    return serve(settings, partial(load, options.config, flags=_flags(options)), options.early)


def _ask(settings: "Settings", options: argparse.Namespace) -> int:
    from service.commands.ask import ask

    question = sys.stdin.read() if options.question == "-" else options.question
    return ask(settings, question, options.model, explain=options.explain, as_json=options.json)


def _replay(settings: "Settings", options: argparse.Namespace) -> int:
    names = tuple(name.strip() for name in options.policy.split(",") if name.strip())
    if options.log:
        from service.commands.off_policy import evaluate

        return evaluate(settings, names, as_json=options.json)
    from router.replay import Plan
    from service.commands.replay import Asked, replay

    plan = Plan(options.folds, options.feedback, options.seed, options.quality, options.holdout, options.train)
    asked = Asked(options.table, names, options.limit, plan, options.plot, options.cache)
    return replay(settings, asked, as_json=options.json)


def _tune(settings: "Settings", options: argparse.Namespace) -> int:
    from service.commands.tune import roll_back, tune

    if options.rollback is not None:
        return roll_back(settings, options.rollback)
    names = tuple(name.strip() for name in options.policy.split(",") if name.strip())
    return tune(settings, names, apply=options.apply, as_json=options.json, budget=options.budget)


def _fit(settings: "Settings", options: argparse.Namespace) -> int:
    from service.commands.fit import fit
    from service.commands.fit_report import Plan

    plan = Plan(
        options.strategy,
        options.models,
        options.demos,
        options.budget,
        options.seed,
        options.out,
        options.force,
    )
    return fit(settings, plan)


def _knowledge(settings: "Settings", options: argparse.Namespace) -> int:
    from service.commands import knowledge

    if options.action == "add":
        return knowledge.add(settings, options.paths)
    if options.action == "list":
        return knowledge.list_all(settings)
    if options.action == "remove":
        return knowledge.remove(settings, options.id)
    return knowledge.search(settings, options.text, options.k)


def _keys(settings: "Settings", options: argparse.Namespace) -> int:
    from service.commands import keys

    if options.action == "list":
        return keys.list_all(settings)
    if options.action == "revoke":
        return keys.revoke(settings, options.id)
    wanted = keys.Wanted(
        options.name,
        keys.USUAL if options.scopes is None else _names(options.scopes),
        _names(options.models),
        options.requests_per_minute,
        options.usd,
        options.gpu_seconds,
        options.tokens,
        options.period,
        options.expires_days,
    )
    return keys.create(settings, wanted)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


if __name__ == "__main__":
    sys.exit(main())
