"""On which line of a TOML file a key stands, so that an error about a setting can point at it."""

import re
import tomllib
from collections.abc import Mapping, Sequence

HEADER = re.compile(r"^\s*\[\[?([^\[\]]+)\]\]?\s*(?:#.*)?$")
KEY = r"""(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')"""
ASSIGNMENT = re.compile(rf"^\s*({KEY}(?:\s*\.\s*{KEY})*)\s*=")

Path = tuple[str, ...]


def line_of(text: str, path: Sequence[str]) -> int | None:
    """The line (from 1) of the key at `path`, or of the nearest table above it; None where nothing of it stands."""
    lines = _lines(text)
    for length in range(len(path), 0, -1):
        found = lines.get(tuple(path[:length]))
        if found is not None:
            return found
    return None


def _lines(text: str) -> Mapping[Path, int]:
    found: dict[Path, int] = {}
    table: Path = ()
    open_quote = ""  # inside a string of several lines nothing is a key
    for number, line in enumerate(text.splitlines(), start=1):
        if not open_quote:
            if header := HEADER.match(line):
                table = _keys(header[1])
                _note(found, table, number)
            elif assignment := ASSIGNMENT.match(line):
                _note(found, (*table, *_keys(assignment[1])), number)
        for quote in ('"""', "'''"):
            if line.count(quote) % 2 and open_quote in ("", quote):
                open_quote = "" if open_quote else quote
    return found


def _note(found: dict[Path, int], path: Path, number: int) -> None:
    for length in range(1, len(path) + 1):
        found.setdefault(path[:length], number)


def _keys(written: str) -> Path:
    """The parts of a dotted key, unquoted; TOML itself reads them."""
    keys: list[str] = []
    inside: object = tomllib.loads(f"{written} = 0")
    while isinstance(inside, dict):
        key, inside = next(iter(inside.items()))
        keys.append(key)
    return tuple(keys)
