"""What the log keeps of texts: all, all but what matches some patterns, or only how long they were.

It stands between events and the spool, so that what is left out never reaches the disk. With `keep_texts` off, a text
is kept as its length and a digest that says within one run of the service whether two texts were the same; its key
dies with the process, so that nobody finds a short text by trying. Vectors of questions are kept: the router learns
from them. Ids, names of arms and models, numbers and errors' names are kept, too.
"""

import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping
from typing import Any  # JSON

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
        return [(table, self._row(row, TEXTS.get(table, ()))) for table, row in rows]

    def row(self, table: str, row: Row) -> Row:
        """One row of the table as it may be kept."""
        return self.rows([(table, row)])[0][1]

    def _row(self, row: Row, columns: tuple[str, ...]) -> Row:
        kept = dict(row)
        for name in columns:
            if kept.get(name) is not None:
                kept[name] = self._cut(kept[name]) if self.keep_texts or name in WHOLE else self._hidden(kept[name])
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


def _stand_in(text: str) -> str:
    digest = hashlib.blake2b(text.encode("utf-8", "replace"), key=SECRET, digest_size=8).hexdigest()
    kind = KIND.match(text)  # an error's name says nothing of what was asked
    told = f"{kind[0]}, " if kind else ""
    return f"{HIDDEN}{told}{len(text)} characters, {digest}]"


def _each(value: Any, change: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: change(one) for key, one in value.items()}
    return [change(one) for one in value] if isinstance(value, list | tuple) else value
