"""Pointsman beside LiteLLM's proxy and Portkey's gateway: added latency, throughput, streams, memory, in one run.

python -m benchmarks.gateway [--peers litellm,portkey] [--seconds 8] [--rounds 4] [--soak N] [--workers-postgres [URL]]
                             [--write]

Every question is different. The peers are installed into a cache folder at the first run (LiteLLM in a virtual
environment of its own, Portkey from npm); the load is wrk's. `--soak 20000` adds the memory's growth over so many
requests (minutes), `--workers-postgres` one worker against two over PostgreSQL: a server of its own, without fsync,
or the one of that URL.
"""

import argparse
import shutil
import sys
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from statistics import median, quantiles

from benchmarks import gateway_peers
from benchmarks.gateway_load import LAST_WORD, Line, Load, Target, at_once, one_at_a_time
from benchmarks.gateway_report import Figures, against, everything, strategies_table, workers_table
from benchmarks.gateway_soak import Soak, extra_calls, megabytes, rows, soak
from benchmarks.reports import keep

AT_ONCE = 16
OWN = "own"
PEERS = {"litellm": gateway_peers.litellm, "portkey": gateway_peers.portkey}


@dataclass(slots=True)
class Measured:
    """What one target did so far; `trouble` says what of it does not work."""

    target: Target
    alone: list[float] = field(default_factory=list)
    plain: list[Load] = field(default_factory=list)
    streams: list[Load] = field(default_factory=list)
    trouble: dict[str, str] = field(default_factory=dict)
    megabytes: float | None = None

    def warm(self, n: int = 30) -> None:
        """Some questions first: what is loaded at the first one is no question's cost, and replies must be whole."""
        for kind, stream in (("plain", False), ("streams", True)):
            for _ in range(n):
                with Line(self.target) as line:
                    try:
                        reply = line.ask(stream=stream)
                    except OSError as error:
                        self.trouble[kind] = str(error)
                        break
                if reply.status != 200 or LAST_WORD not in reply.body:
                    self.trouble[kind] = f"HTTP {reply.status}: {reply.body[:80].decode(errors='replace')}"
                    break

    def round(self, kind: str, seconds: float) -> None:
        """One more turn of a measure."""
        if kind == "alone" and "plain" not in self.trouble:
            self.alone += one_at_a_time(self.target, seconds)
        elif kind == "plain" and "plain" not in self.trouble:
            self.plain.append(at_once(self.target, AT_ONCE, max(1, round(seconds))))
        elif kind == "streams" and "streams" not in self.trouble:
            self.streams.append(at_once(self.target, AT_ONCE, max(1, round(seconds)), stream=True))

    def figures(self) -> Figures:
        """The figures, in milliseconds, answers a second and megabytes; None where it did not work."""
        return Figures(
            self.target.name,
            p50=1000 * median(self.alone) if self.alone else None,
            p99=1000 * quantiles(self.alone, n=100)[98] if len(self.alone) > 1 else None,
            rate=_rate(self.plain),
            streams=_rate(self.streams),
            megabytes=self.megabytes,
            failed=sum(load.failed for load in (*self.plain, *self.streams)),
            trouble="; ".join(f"{kind}: {text}" for kind, text in self.trouble.items()),
        )


def compare(peers: Sequence[str], seconds: float, rounds: int, soaked: int) -> str:
    """Start everything, measure in turns, and return the report."""
    absent: dict[str, str] = {}
    with ExitStack() as stack:
        upstream = stack.enter_context(gateway_peers.stub())
        ours = stack.enter_context(gateway_peers.pointsman(upstream))
        pinned = ours.target(f"direct@{gateway_peers.MODELS[0]}", "Pointsman, pinned")
        targets = [Target("direct to the stub", upstream, gateway_peers.MODELS[0]), pinned]
        targets.append(ours.target("auto", "Pointsman, `auto`"))
        for name in peers:
            try:
                targets.append(stack.enter_context(PEERS[name](upstream)))
            except gateway_peers.Absent as why:
                absent[name] = str(why)
        measured = [Measured(target) for target in targets]
        for one in measured:
            one.warm()
        for turn in range(rounds):
            for kind in ("alone", "plain", "streams"):
                for one in measured:
                    print(f"\rround {turn + 1} of {rounds}: {kind}, {one.target.name:30}", end="", file=sys.stderr)
                    one.round(kind, seconds / rounds)
        print(file=sys.stderr)
        for one in measured:
            one.megabytes = None if one.target.pid is None else megabytes(one.target.pid)
        kept = rows(ours, pinned, 30 * AT_ONCE)
        extra = extra_calls(upstream, seconds / 2)
    grown = _soaked(soaked) if soaked else None
    figures = [one.figures() for one in measured]
    return everything(figures, against(figures, extra, grown), absent, kept, strategies_table(extra), grown)


def two_workers(
    database: str, seconds: float, one: Sequence[str] = ("--workers", "1"), two: Sequence[str] = ("--workers", "2")
) -> str:
    """Requests a second of one and of two processes over one PostgreSQL, by turns; args go to serve."""
    measured: dict[str, Measured] = {}
    with gateway_peers.stub() as upstream:
        for args in (one, two, one, two):
            with gateway_peers.pointsman(upstream, args=args, database=database) as ours:
                target = ours.target(f"direct@{gateway_peers.MODELS[0]}", " ".join(args))
                so_far = measured.setdefault(target.name, Measured(target))
                so_far.target = target
                so_far.warm()
                so_far.round("plain", seconds / 2)
    return workers_table(*(so_far.figures() for so_far in measured.values()))


def _soaked(n: int) -> Soak:
    """The soak, on a Pointsman of its own."""
    with gateway_peers.stub() as upstream, gateway_peers.pointsman(upstream) as ours:
        return soak(ours, upstream, n)


def _rate(loads: Sequence[Load]) -> float | None:
    return sum(load.answered for load in loads) / sum(load.seconds for load in loads) if loads else None


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", default="litellm,portkey")
    parser.add_argument("--seconds", type=float, default=8.0, help="of each measure of each target, over all rounds")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--soak", type=int, default=0, metavar="N")
    parser.add_argument("--workers-postgres", nargs="?", default="", const=OWN, metavar="URL")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    peers = [name for name in options.peers.split(",") if name]
    if unknown := set(peers) - set(PEERS):
        parser.error(f"--peers knows {', '.join(PEERS)}; not {', '.join(sorted(unknown))}")
    if shutil.which("wrk") is None:
        parser.exit(1, "the load comes from wrk, which is missing; on Debian and Ubuntu: apt-get install wrk\n")
    text = compare(peers, options.seconds, options.rounds, options.soak)
    if options.workers_postgres:
        given = options.workers_postgres
        with gateway_peers.postgres() if given == OWN else nullcontext(given) as database:
            text += "\n\n" + two_workers(database, options.seconds)
    command = (
        f"python -m benchmarks.gateway --peers {options.peers} --seconds {options.seconds:g} --rounds {options.rounds}"
    )
    command += f" --soak {options.soak}" if options.soak else ""
    command += " --workers-postgres" if options.workers_postgres else ""
    keep("gateway", "Beside other gateways", command, text, write=options.write)


if __name__ == "__main__":
    main()
