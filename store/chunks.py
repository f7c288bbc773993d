"""Cutting a text into passages by its structure: whole blocks where they fit, and each says under which headings."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from store.blocks import RULE, Block, blocks_of, items_of
from store.unspaced import WORD

SENTENCE = re.compile(r"([.!?][\"')\]]*)\s+(?=\S)|([。！？｡][”’」』）]*)\s*(?=[^\s”’」』）])")
UNSPACED_END = re.compile(r"[。！？｡][”’」』）]*$")


@dataclass(frozen=True, slots=True)
class Chunking:
    """How long a passage may be, in words; shorter blocks than `least` join the next one under the same heading.

    Of Chinese and Japanese two characters count as a word, and what is longer than 40 characters as several.
    """

    least: int = 8
    most: int = 100


def passages_of(text: str, chunking: Chunking = Chunking()) -> list[str]:  # frozen
    """The passages of a text in order; each has at most `most` words.

    A passage begins with the headings that stand above it, but for the first one of a text, which names the document.
    A list, a table or code that is too long is cut between items, rows (each piece with the table's head) and lines; a
    paragraph between sentences; what is still too long between words.
    """
    passages: list[str] = []
    said: set[str] = set()
    for headings, blocks in groupby(blocks_of(text), key=lambda block: block.headings):
        head = _head(headings, chunking.most)
        parts = list(_joined(list(blocks), chunking.least, chunking.most - _length(head)))
        unsaid = [one for one in headings if one not in said and not (parts and one in head.split("\n"))]
        passages += _packed(unsaid, chunking.most, "\n")
        passages += [f"{head}\n{part}" if head else part for part in parts]
        said |= set(headings)
    return passages or [piece for piece in _cut(text.strip(), chunking.most) if piece]


def _head(headings: Sequence[str], most: int) -> str:
    """As many of the nearest headings as leave half of the passage to what stands below."""
    while headings and _length(" ".join(headings)) > most // 2:
        headings = headings[1:]
    return "\n".join(headings)


def _joined(blocks: Sequence[Block], least: int, most: int) -> Iterator[str]:
    """The blocks of one heading, cut where they are too long and joined where they are too short."""
    carried = ""
    for i, block in enumerate(blocks):
        for piece in _pieces(block, most):
            whole = f"{carried}\n{piece}" if carried else piece
            if carried and _length(whole) > most:
                yield carried
                whole = piece
            leads = piece.endswith(":") and i + 1 < len(blocks) and blocks[i + 1].kind != "paragraph"
            carried = whole if leads or _length(whole) < least else ""
            if not carried:
                yield whole
    if carried:
        yield carried


def _pieces(block: Block, most: int) -> Iterator[str]:
    lines = block.lines
    if block.kind == "paragraph":
        yield from _packed(_sentences(" ".join(" ".join(lines).split())), most, " ")
    elif block.kind == "list":
        yield from _packed(list(items_of(lines)), most, "\n")
    elif block.kind == "table":
        head = lines[: 2 if len(lines) > 1 and RULE.fullmatch(lines[1]) else 1]
        yield from _framed(lines, len(head), "\n".join(head), "", most)
    elif block.kind == "code":
        closed = len(lines) > 1 and lines[-1].strip() == lines[0].strip()[:3]
        yield from _framed(lines[: -1 if closed else None], 1, lines[0], lines[0].strip()[:3], most)


def _framed(lines: Sequence[str], skipped: int, before: str, after: str, most: int) -> Iterator[str]:
    """Lines in as few pieces as they fit in, each between the same two texts; these go where they leave no room."""
    frame = _length(before) + _length(after)
    if frame > most // 2:
        before, after, skipped, frame = "", "", 0, 0
    for piece in list(_packed(lines[skipped:], most - frame, "\n")) or [""]:
        yield "\n".join(part for part in (before, piece, after) if part)


def _packed(parts: Sequence[str], most: int, joint: str) -> Iterator[str]:
    """Parts joined for as long as they fit."""
    piece, length = "", 0
    for part in (one for whole in parts for one in _cut(whole, most)):
        words = _length(part)
        if length and length + words > most:
            yield piece
            piece, length = "", 0
        between = "" if joint == " " and UNSPACED_END.search(piece) else joint
        piece = f"{piece}{between}{part}" if length else part
        length += words
    if length:
        yield piece


def _cut(part: str, most: int) -> Iterator[str]:
    words = [match.start() for match in WORD.finditer(part)]
    if len(words) <= most:
        yield part
        return
    sentences = _sentences(part)
    if len(sentences) > 1:
        yield from _packed(sentences, most, " ")
        return
    for i in range(0, len(words), most):
        end = words[i + most] if i + most < len(words) else None
        yield " ".join(part[words[i] : end].split())


def _sentences(text: str) -> list[str]:
    return SENTENCE.sub("\\1\\2\x00", text).split("\x00")


def _length(text: str) -> int:
    return len(WORD.findall(text))
