"""The blocks of a text: paragraphs, lists, tables and code, each under the headings that stand above it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["paragraph", "list", "table", "code", "heading"]

FENCE = re.compile(r"\s*(`{3,}|~{3,})")
HEADING = re.compile(r"\s*(#{1,6})\s+(\S.*)")
UNDERLINE = re.compile(r"\s*(={3,}|-{3,})\s*")
ITEM = re.compile(r"\s*([-*+•]|\d{1,3}[.)])\s+\S")
LINE = re.compile(r"([-*_]\s*){3,}")
"""A line across the page."""
RULE = re.compile(r"\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)+\|?\s*")
"""The line below the head of a table."""


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that belong together, and the headings above them, outermost first, as Markdown writes them.

    A block of the kind "heading" has no lines: nothing stands below its last heading.
    """

    kind: Kind
    headings: tuple[str, ...]
    lines: tuple[str, ...] = ()


def blocks_of(text: str) -> list[Block]:
    """The blocks of a text in order. A first line that is a heading of level 1 names the text, and no block has it."""
    reader = _Reader()
    for line in text.splitlines():
        reader.read(line)
    return reader.end()


class _Reader:
    """Reads line by line; what is gathered becomes a block when something else begins."""

    def __init__(self) -> None:
        self._blocks: list[Block] = []
        self._headings: list[tuple[int, str]] = []
        self._unused: tuple[str, ...] = ()
        self._named = False
        self._kind: Kind = "paragraph"
        self._lines: list[str] = []
        self._fence = ""
        self._parted = False

    def read(self, line: str) -> None:
        """Take one line in."""
        if self._fence:
            self._lines.append(line.rstrip())
            closing = line.strip()
            if closing.startswith(self._fence) and not closing.strip(self._fence[0]):
                self._flush()
        elif fence := FENCE.match(line):
            self._flush()
            self._kind, self._fence = "code", fence[1]
            self._lines.append(line.strip())
        elif heading := HEADING.fullmatch(line):
            self._flush()
            self._head(len(heading[1]), heading[2].strip())
        elif self._is_underline(line):
            words, self._lines = self._lines[0], []
            self._head(1 if line.strip()[0] == "=" else 2, words)
        else:
            self._plain(line.strip())

    def end(self) -> list[Block]:
        """The blocks of all that was read."""
        self._flush()
        self._close()
        return self._blocks

    def _plain(self, line: str) -> None:
        if not line or LINE.fullmatch(line):
            self._parted = True
            if self._kind != "list":  # the items of a list may be parted by empty lines
                self._flush()
            return
        if ITEM.match(line):
            kind: Kind = "list"
        elif line.startswith("|") or (self._kind == "table" and "|" in line):
            kind = "table"
        elif RULE.fullmatch(line) and self._lines and "|" in self._lines[-1]:
            kind, head = "table", self._lines.pop()
            self._flush()
            self._kind, self._lines = "table", [head]
        elif self._kind == "list" and not self._parted:
            kind = "list"  # an item goes on
        else:
            kind = "paragraph"
        if kind != self._kind:
            self._flush()
            self._kind = kind
        self._lines.append(line)
        self._parted = False

    def _is_underline(self, line: str) -> bool:
        return bool(UNDERLINE.fullmatch(line)) and self._kind == "paragraph" and len(self._lines) == 1

    def _head(self, level: int, words: str) -> None:
        first = not self._blocks and not self._headings and not self._named
        words = re.sub(r"\s+#+$", "", words)
        self._unused = () if level > self._level() else self._unused  # a heading above others is said with theirs
        self._close()
        if first and level == 1:
            self._named = True
            return
        self._headings = [one for one in self._headings if one[0] < level] + [(level, f"{'#' * level} {words}")]
        self._unused = self._path()

    def _level(self) -> int:
        return self._headings[-1][0] if self._headings else 0

    def _path(self) -> tuple[str, ...]:
        return tuple(words for _, words in self._headings)

    def _close(self) -> None:
        if self._unused:
            self._blocks.append(Block("heading", self._unused))
        self._unused = ()

    def _flush(self) -> None:
        if self._lines:
            self._blocks.append(Block(self._kind, self._path(), tuple(self._lines)))
            self._unused = ()
        self._kind, self._lines, self._fence, self._parted = "paragraph", [], "", False


def items_of(lines: tuple[str, ...]) -> Iterator[str]:
    """The items of a list, each with the lines in which it goes on."""
    item: list[str] = []
    for line in lines:
        if item and ITEM.match(line):
            yield "\n".join(item)
            item = []
        item.append(line)
    yield "\n".join(item)
