"""The report on a run of injected faults: what was injected, what came of it, and every one that was wrong."""

from collections import Counter
from dataclasses import dataclass

from benchmarks.faults_asking import DEADLINE, LEAVE, LONGEST_STAY, STREAM, TOGETHER
from benchmarks.faults_judging import VERDICTS, Came
from benchmarks.faults_kinds import KINDS, RETRIES, SHARE
from benchmarks.faults_rows import Found
from benchmarks.faults_struck import Striking
from benchmarks.reports import table
from models.breaker import FAILURES

SHOWN = 10


@dataclass(frozen=True, slots=True)
class Counted:
    """A run: what was wanted, what came, what struck, what the log holds, and how long it took."""

    n: int
    kills_wanted: int
    came: list[Came]
    upstream: Striking
    left: int
    locks: int
    kills: int
    found: Found
    seconds: float

    @property
    def injected(self) -> int:
        """All faults."""
        return self.upstream.struck.total() + self.left + self.locks + self.kills

    @property
    def short(self) -> bool:
        """Whether the time was up before all faults and kills were had."""
        return self.injected < self.n or self.kills < self.kills_wanted

    @property
    def wrong(self) -> list[Came]:
        """The requests that were answered wrongly."""
        return [one for one in self.came if one.verdict == "wrong"]

    @property
    def well(self) -> bool:
        """Whether all promises were kept, under as many faults as were wanted."""
        return not (self.short or self.wrong or self.found.amiss)


def report(counted: Counted) -> str:
    """The tables and what they come to."""
    found, up = counted.found, counted.upstream
    odd = sum(up.struck[name] for name, kind in KINDS.items() if kind.odd)
    injected = [
        ["calls that a model server failed", str(up.struck.total() - odd)],
        ["calls that it answered oddly", str(odd)],
        ["clients that left", str(counted.left)],
        ["times that the database was locked", str(counted.locks)],
        ["times that the service was killed", str(counted.kills)],
        ["**faults**", f"**{counted.injected}**"],
    ]
    ids = sum(found.read.values())
    lines = [table(["injected", "times"], injected), ""]
    if counted.short:
        lines.append(
            f"**It stopped short**: {counted.injected} of {counted.n} faults and {counted.kills} of "
            f"{counted.kills_wanted} kills when the time was up."
        )
    nobody = sum(one.verdict == "nobody" for one in counted.came)
    lines += [
        f"{len(counted.came) - nobody} requests, {up.asked.total()} upstream calls, {counted.seconds:.0f} s: "
        f"**{len(counted.wrong)} answered wrongly**; {ids} ids were read, and **{len(found.amiss)} requests' rows are "
        f"missing or say something else**. {found.unended} decisions have no outcome: a kill ended their runs.",
        "",
        table(["ids that clients read", "times"], [[how, str(times)] for how, times in sorted(found.read.items())]),
        "",
        _by_kind(counted),
        "",
    ]
    amiss = [f"- wrong: {one.drawn}: {one.said}" for one in counted.wrong[:SHOWN]]
    amiss += [f"- row: {one}" for one in found.amiss[:SHOWN]]
    return "\n".join([*lines, *amiss, *[""] * bool(amiss), ABOUT])


def _by_kind(counted: Counted) -> str:
    up = counted.upstream
    rows = []
    for kind in sorted(KINDS):
        verdicts = Counter(one.verdict for one in counted.came if one.drawn.kind == kind)
        cells = [verdicts.total(), up.asked[kind], up.struck[kind], *(verdicts[verdict] for verdict in VERDICTS)]
        rows.append([kind if KINDS[kind].row else f"{kind} (none)", *map(str, cells)])
    total = Counter(one.verdict for one in counted.came)
    cells = [total.total(), up.asked.total(), up.struck.total(), *(total[verdict] for verdict in VERDICTS)]
    rows.append(["**all**", *map(str, cells)])
    return table(["fault of the model", "requests", "its calls", "struck", *VERDICTS], rows)


ABOUT = f"""Each fault is counted where it strikes: in the stub upstream, at the client that closes its connection after
its request was sent, at the connection that holds the lock. Each request is for one model, with that fault in
{SHARE:.0%} of its replies, so that one of its {1 + RETRIES} tries may succeed; {TOGETHER:.0%} also allow `fine`, and
chance chooses which is asked first. {STREAM:.0%} are streamed (all of `no_done`, which is no fault of a plain reply),
{LEAVE:.0%} are left within {LONGEST_STAY} s. Calls of `fine` include those in place of another.

Every reply is compared with the table of [reliability.md](../reliability.md) for the faults that struck this very
question: status, code, `Retry-After`, number of tries, text and end. *Instead*: another model answered, and the answer
says `degraded`. *Refused*: the error of the table. *Rested*: the model had failed {FAILURES} times in a row and was
not asked. *Broken off*: the table's error as the last frame of a stream. *Left*: by its client. *Cut*: by a kill.
*Nobody*: the connection was refused during one. *Wrong*: anything else, no end within {DEADLINE:.0f} s included.
Every request that was answered or refused, and every id that was read, must have its decision, and an outcome with the
right status and the text that was read; a run that a kill ended must have its decision."""
