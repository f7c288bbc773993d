"""Whether the log holds what clients have read: for each id its decision, and an outcome that says the same."""

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from benchmarks.faults_judging import Came, Verdict
from tests.faults.standing import Process

FLUSH = 60.0
"""Seconds that the log may take to reach SQL at the end."""
SOON = 2.0
"""Seconds after a client left in which a kill may come before the row of its outcome."""
KEPT = """SELECT q.text, d.id, o.status, o.text FROM decisions d JOIN queries q ON q.id = d.id
LEFT JOIN outcomes o ON o.decision_id = d.id"""
ENDED = ("ok", "degraded", "failed", "cancelled")
STATUS: Mapping[Verdict, tuple[str, ...]] = {
    "answered": ("ok",),
    "instead": ("degraded",),
    "refused": ("failed",),
    "rested": ("failed",),
    "broken off": ("failed",),
    "left": ENDED,
    "cut": ENDED,
}


class Row(NamedTuple):
    """A decision's id and its outcome, None while there is none."""

    id: str
    status: str | None
    text: str | None


@dataclass(slots=True)
class Found:
    """What is amiss in the log, how many ids were read by kind of reply, how many runs a kill left without an end."""

    amiss: list[str] = field(default_factory=list)
    read: dict[str, int] = field(default_factory=dict)
    unended: int = 0


def settled(service: Process, came: Sequence[Came], kills: Sequence[float], patience: float = FLUSH) -> Found:
    """The log beside what was heard, once nothing is amiss or that much time went by."""
    until = time.monotonic() + patience
    while True:
        kept = [(asked, Row(decision, status, text)) for asked, decision, status, text in service.rows(KEPT)]
        found = beside(kept, came, kills)
        if not found.amiss or time.monotonic() > until:
            return found
        time.sleep(1.0)


def beside(kept: Sequence[tuple[str, Row]], came: Sequence[Came], kills: Sequence[float]) -> Found:
    """Rows by question beside what was heard."""
    rows, found = defaultdict[str, list[Row]](list), Found()
    for question, row in kept:
        rows[question].append(row)
    for one in came:
        if one.verdict == "wrong":
            continue
        own = rows[one.drawn.question]
        if one.id:
            how = f"{one.verdict}, {'streamed' if one.drawn.stream else 'plain'}"
            found.read[how] = found.read.get(how, 0) + 1
        if (why := _amiss(one, own, kills)) is not None:
            short = [_short(row) for row in own]
            found.amiss.append(f"{one.drawn}, {one.verdict}, {one.id or 'no id'}: {why}; {short}")
        elif own and own[0].status is None:
            found.unended += 1
    return found


def _amiss(one: Came, own: Sequence[Row], kills: Sequence[float]) -> str | None:
    if one.verdict == "nobody":
        return "a decision for nobody" if own else None
    if not own:
        return None if one.verdict in ("left", "cut") and not one.id else "no decision"
    if len(own) > 1:
        return "more decisions than one"
    row = own[0]
    if one.id not in ("", row.id):
        return "another id"
    if row.status is None:
        near = one.verdict == "left" and any(-SOON <= at - one.at <= SOON for at in kills)
        return None if one.verdict == "cut" or near else "no outcome"
    if row.status not in STATUS[one.verdict]:
        return f"its status is not {' or '.join(STATUS[one.verdict])}"
    text = row.text or ""
    same = text.startswith(one.text) if one.verdict in ("left", "cut") else text == one.text
    return None if same else f"another text than {one.text[:80]!r}"


def _short(row: Row) -> Row:
    return row._replace(text=(row.text or "")[:80])
