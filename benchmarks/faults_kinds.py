"""The kinds of fault of a model server that are injected, and what docs/reliability.md promises for each."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.upstream import Behaviour
from tests.upstream.behaviour import LONG
from tests.upstream.replies import NOT_ASCII

PROMISES = Path(__file__).resolve().parents[1] / "docs" / "reliability.md"
HEADING = "## What a fault of a model server becomes"
RETRIES = 1
LONGEST_WAIT = 20.0
"""Seconds of a `Retry-After` that are waited for, as the text below the table says."""
FINE = "fine"
"""The model that has no fault, and may answer for another."""
SHARE = 0.6
"""Of a faulty model's replies, the share that the fault strikes: a retry may succeed."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A fault: what the stub does, words of the table's row on it, whether it strikes a stream after its first words,
    and the reason of an answer that is odd and passed on. Without a row: a model that is well."""

    behaviour: Behaviour
    row: str = ""
    begun: bool = False
    odd: str = ""


@dataclass(frozen=True, slots=True)
class Promise:
    """What comes of a fault of the only model: the status and code of the error, how often the server is asked, the
    `Retry-After` that is passed on, and whether a model that keeps failing so is left alone for a while."""

    status: int
    code: str
    tries: int
    after: str | None
    rests: bool


def _kinds() -> Mapping[str, Kind]:
    rows = {"close": "closes the connection", "hang": "silence", "empty_choices": "no choice"}
    begun = {"hang_midstream": "silence", "truncate": "breaks off", "no_done": "breaks off"}
    begun |= {"invalid_json": "no JSON", "error_frame": "500, 502, 503"}
    odd = {"length": "cut off at its length", "long_line": "a very long line"}
    odd |= {"null_content": "an answer without words", "split_character": "a character in two packets"}
    statuses = {400: "400, 415", 401: "401, 403", 404: "401, 403", 413: "413", 429: "429"}
    statuses |= dict.fromkeys((500, 502, 503), "500, 502, 503")
    return {
        FINE: Kind(Behaviour()),
        "slow": Kind(Behaviour(delay=0.2, pace=0.03)),
        **{name: Kind(Behaviour(fault=name), row) for name, row in rows.items()},  # type: ignore[arg-type]  # a Fault
        **{name: Kind(Behaviour(fault=name), row, begun=True) for name, row in begun.items()},  # type: ignore[arg-type]
        **{
            name: Kind(Behaviour(fault=name), row, odd="length" if name == "length" else "stop")  # type: ignore[arg-type]
            for name, row in odd.items()
        },
        **{f"status_{status}": Kind(Behaviour(status=status), row) for status, row in statuses.items()},
        "wait": Kind(Behaviour(status=429, retry_after="1"), "429"),
        "wait_long": Kind(Behaviour(status=503, retry_after="90"), "500, 502, 503"),
    }


KINDS = _kinds()


@cache
def promised(name: str) -> Promise | None:
    """The promise for a kind of fault, as the table has it; None where it strikes nothing or leaves an answer.

    Raises LookupError where the table has not exactly one row for it.
    """
    kind = KINDS[name]
    if not kind.row:
        return None
    rows = [row for row in _table() if kind.row in row[0]]
    if len(rows) != 1:
        raise LookupError(f"{len(rows)} rows of {PROMISES.name} speak of {kind.row!r}")
    _, becomes, tries, code = rows[0]
    status, after = int(becomes[:3]), kind.behaviour.retry_after
    if status == 200:
        return None
    patient = tries == "all" and (after is None or float(after) <= LONGEST_WAIT)
    told = after if "`Retry-After`" in becomes else None
    return Promise(status, code.strip("`"), 1 + RETRIES * patient, told, tries == "all" and status >= 500)


def answer(number: int) -> str:
    """What the stub says to a question."""
    return " ".join([f"Answer {number}:", *(f"word{i}" for i in range(10))])


def odd_answer(name: str, number: int) -> str:
    """What it says where the fault of this kind strikes and leaves an answer."""
    plain = answer(number)
    return {"long_line": plain + "x" * LONG, "null_content": "", "split_character": NOT_ASCII + plain}.get(name, plain)


@cache
def _table() -> list[list[str]]:
    text = PROMISES.read_text().partition(HEADING)[2].partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
