"""The report of the gateway benchmark: figures of every target, what Pointsman must reach beside LiteLLM, and rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.gateway_soak import Extra, Rows, Soak
from benchmarks.reports import table

NOTES = """All processes are on loopback of one machine and measured in turns in the same run; every question is new (a
number and 18 drawn words). The upstream is the stub of `tests/upstream`, which answers 20 words at once. Added latency
is that of one question at a time over one connection, less the same percentile of the stub itself; requests/s and
streams/s (of 20 pieces each, read to the end) are at 16 connections. Every gateway runs one worker. A request of
Pointsman ends in SQLite: query, decision, call and outcome. `auto` has two models and the strategy `direct` alone, so
that it makes one upstream call as the others do; beyond that it embeds the question and decides. Both check a
key. LiteLLM runs as it starts by default, without a database."""


@dataclass(frozen=True, slots=True)
class Figures:
    """One target: milliseconds of one question, answers and streams a second, megabytes; None: not measured."""

    name: str
    p50: float | None
    p99: float | None
    rate: float | None
    streams: float | None
    megabytes: float | None
    failed: int = 0
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Goal:
    """One line of what must be reached: ours, theirs, and the bound on the figure that is compared."""

    what: str
    ours: float | None
    theirs: float | None
    bound: float
    at_most: bool
    unit: str

    def cells(self) -> list[str]:
        """The line of the table."""
        ratio = self.ours / self.theirs if self.ours is not None and self.theirs else None
        must = f"{'at most' if self.at_most else 'at least'} {self.bound:g} times"
        if ratio is None:
            verdict = "not measured"
        else:
            verdict = "reached" if (ratio <= self.bound if self.at_most else ratio >= self.bound) else "**missed**"
        shown = "-" if ratio is None else f"{ratio:.2f}"
        return [self.what, _number(self.ours, self.unit), _number(self.theirs, self.unit), shown, must, verdict]


def against(figures: Sequence[Figures], extra: Sequence[Extra], grown: Soak | None) -> str:
    """What Pointsman must reach beside LiteLLM, and what it must reach alone."""
    stub = figures[0]
    pinned, auto = figures[1], figures[2]
    lite = next((one for one in figures if one.name.startswith("LiteLLM")), None)

    def goal(what: str, mine: Figures, read: Callable[[Figures], float | None], bound: float, unit: str) -> Goal:
        return Goal(what, read(mine), None if lite is None else read(lite), bound, unit in ("ms", "MB"), unit)

    def p50(one: Figures) -> float | None:
        return _less(one.p50, stub.p50)

    def p99(one: Figures) -> float | None:
        return _less(one.p99, stub.p99)

    goals = [
        goal("added latency p50, pinned", pinned, p50, 0.2, "ms"),
        goal("added latency p99, pinned", pinned, p99, 0.2, "ms"),
        goal("added latency p50, `auto`", auto, p50, 0.5, "ms"),
        goal("added latency p99, `auto`", auto, p99, 0.5, "ms"),
        goal("requests/s, pinned", pinned, lambda one: one.rate, 6.0, "/s"),
        goal("requests/s, `auto`", auto, lambda one: one.rate, 3.0, "/s"),
        goal("streams/s, pinned", pinned, lambda one: one.streams, 6.0, "/s"),
        goal("resident memory", pinned, lambda one: one.megabytes, 1.5, "MB"),
    ]
    lines = [one.cells() for one in goals]
    for one in extra[1:]:
        cost = 1000 * one.per_extra_call
        verdict = "reached" if cost <= 5.0 else "**missed**"
        lines.append([f"further call, `{one.strategy}`", f"{cost:.1f} ms", "-", "-", "at most 5 ms", verdict])
    if grown is not None:
        for what, before, after in (
            (f"growth over the first {grown.requests:,} requests but a tenth", grown.early, grown.before),
            (f"growth over the next {grown.requests:,}", grown.before, grown.after),
        ):
            growth = after / before - 1
            verdict = "reached" if growth < 0.02 else "**missed**"
            lines.append([what, f"{100 * growth:.1f} %", "-", "-", "below 2 %", verdict])
    return table(["what", "Pointsman", "LiteLLM", "ratio", "must reach", ""], lines)


def everything(
    figures: Sequence[Figures],
    goals: str,
    absent: Mapping[str, str],
    kept: Rows,
    strategies: str,
    grown: Soak | None,
) -> str:
    """The whole report."""
    stub = figures[0]
    heads = ["target", "added p50", "added p99", "requests/s", "streams/s", "resident", "failed"]
    lines = [
        [
            one.name,
            _number(one.p50 if one is stub else _less(one.p50, stub.p50), "ms") + (" (whole)" if one is stub else ""),
            _number(one.p99 if one is stub else _less(one.p99, stub.p99), "ms") + (" (whole)" if one is stub else ""),
            _number(one.rate, "/s"),
            _number(one.streams, "/s"),
            _number(one.megabytes, "MB"),
            str(one.failed),
        ]
        for one in figures
    ]
    lines += [[name, *["-"] * 5, "not started"] for name in absent]
    parts = [NOTES, table(heads, lines)]
    parts += [f"{one.name}: {one.trouble}" for one in figures if one.trouble]
    parts += [f"{name} was not started: {why}" for name, why in absent.items()]
    parts += ["## What must be reached", goals]
    parts += [_beside(figures[1], one) for one in figures[3:] if not one.name.startswith("LiteLLM")]
    parts += ["## The log", f"After the load, 16 at once: {kept}.", "## What a further call costs", strategies]
    if grown is not None:
        parts += ["## Soak", _soak(grown)]
    return "\n\n".join(parts)


def strategies_table(extra: Sequence[Extra]) -> str:
    """Strategies of several calls over a model that takes 5 ms."""
    heads = ["strategy", "calls", "waits in a row", "median", "own time of a further call"]
    lines = [
        [
            f"`{one.strategy}`",
            str(one.calls),
            str(one.waves),
            f"{1000 * one.seconds:.1f} ms",
            "-" if one.calls == 1 else f"{1000 * one.per_extra_call:.1f} ms",
        ]
        for one in extra
    ]
    text = "The upstream takes 5 ms. Own time is the median less the upstream's waits and less `direct`'s own time."
    return f"{text}\n\n{table(heads, lines)}"


def workers_table(one: Figures, two: Figures) -> str:
    """One worker against two."""
    ratio = two.rate / one.rate if one.rate and two.rate else 0.0
    verdict = "reached" if ratio >= 1.6 else "**missed**"
    lines = [[each.name, _number(each.rate, "/s"), str(each.failed)] for each in (one, two)]
    found = f"Two do {ratio:.2f} times what one does (at least 1.6: {verdict})."
    return f"## Workers over PostgreSQL\n\n{table(['serve', 'requests/s', 'failed'], lines)}\n\n{found}"


def _beside(ours: Figures, other: Figures) -> str:
    rates = f"{ours.rate / other.rate:.2f} times its requests/s" if ours.rate and other.rate else "no requests/s"
    streams = (
        f"{ours.streams / other.streams:.2f} times its streams/s" if ours.streams and other.streams else "no streams/s"
    )
    return f"Beside {other.name}, Pointsman pinned does {rates} and {streams} (to compare)."


def _soak(grown: Soak) -> str:
    return (
        f"{grown.requests} requests in {grown.seconds:.0f} s, 16 at once, half pinned and half `auto`, a third of them "
        f"streamed, every tenth left in the middle; {grown.failed} failed. As many came before, to fill caches. "
        f"Resident {grown.early:.0f} MB after the first tenth of those, {grown.before:.0f} MB before and "
        f"{grown.after:.0f} MB after ({100 * grown.growth:+.1f} %); open files {grown.files_before} and "
        f"{grown.files_after}; {grown.open_upstream} calls still open at the upstream."
    )


def _less(figure: float | None, base: float | None) -> float | None:
    return None if figure is None or base is None else figure - base


def _number(figure: float | None, unit: str) -> str:
    if figure is None:
        return "-"
    digits = 2 if unit == "ms" and figure < 10 else 0 if unit == "MB" or figure >= 100 else 1
    return f"{figure:.{digits}f}{'' if unit == '/s' else ' ' + unit}"
