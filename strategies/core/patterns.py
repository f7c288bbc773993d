"""Regular expressions in a caller's JSON schema: those that could compute for ever are refused, the others are timed.

Python's `re` backtracks and holds the interpreter meanwhile: `(a+)+$` takes minutes for thirty letters, and nobody else
is answered. `regex` counts the time of a match.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any  # JSON, and what jsonschema passes on

import regex  # type: ignore[import-untyped]  # it ships no types

from models.errors import BadRequest

LONGEST = 256
FEW = 10
"""A group that is repeated at most so often may hold repetitions itself."""
SECONDS = 0.2
"""For all matches of one check."""
PIECE = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{\d+(?:,\d*)?\}|.", re.DOTALL)
COUNT = re.compile(r"\{(\d+)(?:(,)(\d*))?\}")

Check = Callable[[Any, str, Any, Any], Iterator[Any]]


def check_patterns(schema: object) -> None:
    """Look at every `pattern` and `patternProperties` of the schema. Raises BadRequest."""
    if isinstance(schema, list):
        for one in schema:
            check_patterns(one)
    if not isinstance(schema, Mapping):
        return
    named = schema.get("patternProperties")
    told = [(schema.get("pattern"), True), *((one, False) for one in (named if isinstance(named, Mapping) else ()))]
    for pattern, is_timed in told:
        if isinstance(pattern, str) and (why := _fault(pattern, is_timed)):
            raise BadRequest(f"response_format: the pattern {pattern[:80]!r} {why}", param="response_format")
    for one in schema.values():
        check_patterns(one)


def timed(raised: type[Exception]) -> Check:
    """A check of `pattern` for jsonschema; all matches together get `SECONDS`. Faults are told as `raised`."""
    end = time.monotonic() + SECONDS

    def check(_: Any, pattern: str, instance: Any, __: Any) -> Iterator[Any]:
        if not isinstance(instance, str):
            return
        try:
            left = max(1e-3, end - time.monotonic())
            if not regex.search(pattern, instance, timeout=left):
                yield raised(f"{instance[:80]!r} does not match {pattern!r}")
        except TimeoutError:
            yield raised(f"{instance[:80]!r} takes too long to be matched against {pattern!r}")

    return check


def _fault(pattern: str, is_timed: bool) -> str:
    if len(pattern) > LONGEST:
        return f"has more than {LONGEST} characters"
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        return f"is no regular expression: {error}"
    return "repeats what is repeated already, which can take for ever" if _is_nested(pattern, is_timed) else ""


def _is_nested(pattern: str, is_timed: bool) -> bool:
    """Whether a group that can match in several ways is repeated often; alternatives count where nobody stops it."""
    pieces = PIECE.findall(pattern)
    open_groups: list[bool] = [False]  # of each group that is open: whether it can match in several ways
    for i, piece in enumerate(pieces):
        if piece == "(":
            open_groups.append(False)
            continue
        most = _most(pieces[i + 1]) if i + 1 < len(pieces) else 1
        if piece == ")" and len(open_groups) > 1:
            several = open_groups.pop()
            if several and most > FEW:
                return True
            open_groups[-1] |= several or most > 1 or _is_variable(pieces, i + 1)
        elif piece == "|":
            open_groups[-1] |= not is_timed
        elif piece != "?":
            open_groups[-1] |= _is_variable(pieces, i + 1)
    return False


def _most(piece: str) -> float:
    """How often a quantifier repeats at most; 1 for anything else."""
    if piece in ("*", "+"):
        return float("inf")
    found = COUNT.fullmatch(piece)
    if found is None:
        return 1
    low, comma, high = found.groups()
    return float(high or "inf") if comma else float(low)


def _is_variable(pieces: list[str], i: int) -> bool:
    """Whether a quantifier stands there that can repeat more or less often."""
    if i >= len(pieces):
        return False
    found = COUNT.fullmatch(pieces[i])
    return pieces[i] in ("*", "+", "?") or (found is not None and bool(found[2]))
