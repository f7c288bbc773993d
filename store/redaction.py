"""What the log keeps of texts: all, all but what matches some patterns, or only how long they were.

It stands between events and the spool, so that what is left out never reaches the disk. With `keep_texts` off, a text
is kept as its length and a digest that says within one run of the service whether two texts were the same; its key
dies with the process, so that nobody finds a short text by trying. Vectors of questions are kept: the router learns
from them. Ids, names of arms and models, numbers and errors' names are kept, too; a client's own id in which a pattern
matches is kept as its digest.
"""

import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping
from typing import Any  # JSON

from router.signals import RATER
from store.lines import Row, Rows

MARK = "[redacted"
HIDDEN = f"{MARK}: "
"""How what stands in the place of a whole text begins."""
SECRET = secrets.token_bytes(32)
TEXTS: Mapping[str, tuple[str, ...]] = {
    "queries": ("text", "request", "origin"),
    "decisions": ("why",),
    "calls": ("messages", "request", "reply", "rest", "error"),
    "notes": ("text", "facts"),
    "outcomes": ("text", "error"),
    "feedback": ("comment", "correction"),
}
"""The columns that hold words of users and models, by table."""
WHOLE = frozenset({"origin", "why"})
"""Of these columns, only what matches a pattern goes: they say who asked, and what the router thought."""
NAMES = frozenset({"role", "type", "id", "tool_call_id", "finish_reason", "failed", "why", "kept", "to", "source"})
"""Keys whose values are names, which learning needs, as long as they look like one."""
IDS: Mapping[str, tuple[str, ...]] = {
    "queries": ("conversation", "message"),
    "feedback": ("rater", "idempotency_key"),
}
"""The columns that hold names which clients give, and by which a row is found again, by table."""
OURS = frozenset({"engine", RATER, "known_answers"})
"""Raters of our own, whose names are kept."""
NAME = re.compile(r"[\w.@:/+-]{1,80}")
KIND = re.compile(r"[A-Z]\w+(?=: )")


class Redaction:
    """`keep_texts` is whether texts are kept, `patterns` are regular expressions for what is cut out of them."""

    def __init__(self, keep_texts: bool = True, patterns: Iterable[str] = ()) -> None:
        self.keep_texts = keep_texts
        self._patterns = [re.compile(one) for one in patterns]

    def rows(self, rows: Rows) -> Rows:
        """The rows as they may be kept."""
        if self.keep_texts and not self._patterns:
            return rows
        return [(table, self._row(table, row)) for table, row in rows]

    def row(self, table: str, row: Row) -> Row:
        """One row of the table as it may be kept."""
        return self.rows([(table, row)])[0][1]

    def name(self, given: str) -> str:
        """A client's own name for something, as it is kept: whole, or as a digest if a pattern matches in it.

        The same name has the same digest for ever, so that a row is found by it again.
        """
        if given in OURS or not any(pattern.search(given) for pattern in self._patterns):
            return given
        return f"redacted-{hashlib.sha256(given.encode('utf-8', 'replace')).hexdigest()[:16]}"

    def _row(self, table: str, row: Row) -> Row:
        kept = dict(row)
        for name in TEXTS.get(table, ()):
            if (value := kept.get(name)) is None:
                continue
            if self.keep_texts or name in WHOLE:
                kept[name] = self._cut(value)
            elif kind := _kind(name, value, row):
                kept[name] = _stand_in(value, kind)
            else:
                kept[name] = self._hidden(value)
        for name in IDS.get(table, ()):
            if kept.get(name) is not None:
                kept[name] = self.name(kept[name])
        return kept

    def _cut(self, value: Any) -> Any:
        """Without what matches a pattern."""
        if isinstance(value, str):
            for pattern in self._patterns:
                value = pattern.sub(f"{MARK}]", value)
            return value
        return _each(value, self._cut)

    def _hidden(self, value: Any, name: str = "") -> Any:
        """Lengths and digests in the place of texts."""
        if isinstance(value, str):
            return value if not value or (name in NAMES and NAME.fullmatch(value)) else _stand_in(value)
        if isinstance(value, Mapping):
            return {key: self._hidden(one, key) for key, one in value.items()}
        return _each(value, self._hidden)


def is_redacted(text: str) -> bool:
    """Whether this stands in the place of a text that was not kept."""
    return text.startswith(HIDDEN)


def checked(pattern: str) -> str:
    """The pattern, if it is one. Raises ValueError."""
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"is no regular expression ({error})") from error
    return pattern


def _kind(column: str, value: Any, row: Row) -> str:
    """The name of the error that a column tells, which says nothing of what was asked; empty where it tells none."""
    found = KIND.match(value) if column in ("error", "text") and isinstance(value, str) else None
    if found is None or (column == "text" and (row.get("facts") or {}).get("failed") != found[0]):
        return ""
    return found[0]


def _stand_in(text: str, kind: str = "") -> str:
    digest = hashlib.blake2b(text.encode("utf-8", "replace"), key=SECRET, digest_size=8).hexdigest()
    told = f"{kind}, " if kind else ""
    return f"{HIDDEN}{told}{len(text)} characters, {digest}]"


def _each(value: Any, change: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: change(one) for key, one in value.items()}
    return [change(one) for one in value] if isinstance(value, list | tuple) else value
