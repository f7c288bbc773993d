"""The stub upstream as a process: python -m tests.upstream --port N [--set NAME KEY=VALUE,...]...

`--set '*' delay=0.005` holds for every model, `--set slow pace=0.02,chunks=50` for one. `GET /stub/seen` tells the
counters. It keeps no requests, so that it neither grows nor slows down; Ctrl-C or SIGTERM ends it.
"""

import argparse
import asyncio
import dataclasses
import signal
import socket
import sys

from tests.upstream import Behaviour, Upstream

KINDS = {"int": int, "float": float, "str": str, "Fault": str, "int | None": int, "str | None": str}


def behaviour(text: str) -> Behaviour:
    """A behaviour from `key=value,key=value`. Raises SystemExit for a key that there is not."""
    kinds = {one.name: getattr(one.type, "__name__", str(one.type)) for one in dataclasses.fields(Behaviour)}
    told: dict[str, object] = {}
    for part in filter(None, text.split(",")):
        key, _, value = part.partition("=")
        if key not in kinds:
            raise SystemExit(f"--set knows {', '.join(kinds)}; not {key!r}")
        told[key] = KINDS.get(kinds[key], str)(value)
    return dataclasses.replace(Behaviour(), **told)  # type: ignore[arg-type]  # checked against the fields above


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--names", default="stub", help="what /v1/models lists, with commas between")
    parser.add_argument("--set", nargs=2, action="append", default=[], metavar=("NAME", "KEY=VALUE,..."))
    options = parser.parse_args()
    listener = socket.create_server(("127.0.0.1", options.port), backlog=512)
    upstream = Upstream(names=tuple(options.names.split(",")), port=listener.getsockname()[1], keep=0)
    for name, told in options.set:
        upstream.set(name, behaviour(told))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.stdout.write(f"{upstream.url}\n")
    sys.stdout.flush()
    try:
        asyncio.run(upstream.serve(listener))
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()
