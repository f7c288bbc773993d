"""The commands: `python -m service serve | ask | knowledge`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from models.errors import BadSettings, PointsmanError, UserError
from service.sections import Settings
from service.settings import load


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0 is success, 1 a fault of a model or of ours, 2 one of the caller's, 130 Ctrl-C."""
    options = _parser().parse_args(arguments)
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
    server = {"host": getattr(options, "host", None), "port": getattr(options, "port", None)}
    given: dict[str, dict[str, object]] = {"server": {k: v for k, v in server.items() if v is not None}}
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
    serve.set_defaults(run=_serve)

    ask = commands.add_parser("ask", parents=[common], help="ask one question, no server needed")
    ask.add_argument("question", help="the question; - reads it from standard input")
    ask.add_argument("--model", default="auto", metavar="M", help="auto, auto@STRATEGY, MODEL or STRATEGY@MODEL")
    ask.add_argument("--explain", action="store_true", help="say which arm was chosen and why")
    ask.add_argument("--json", action="store_true", help="print one JSON object")
    ask.set_defaults(run=_ask)

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
    return parser


def _serve(settings: Settings, _: argparse.Namespace) -> int:
    from service.commands.serve import serve  # what a command needs is loaded when it runs: --help is quick

    return serve(settings)


def _ask(settings: Settings, options: argparse.Namespace) -> int:
    from service.commands.ask import ask

    question = sys.stdin.read() if options.question == "-" else options.question
    return ask(settings, question, options.model, explain=options.explain, as_json=options.json)


def _knowledge(settings: Settings, options: argparse.Namespace) -> int:
    from service.commands import knowledge

    if options.action == "add":
        return knowledge.add(settings, options.paths)
    if options.action == "list":
        return knowledge.list_all(settings)
    if options.action == "remove":
        return knowledge.remove(settings, options.id)
    return knowledge.search(settings, options.text, options.k)


if __name__ == "__main__":
    sys.exit(main())
