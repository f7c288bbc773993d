"""Cutting a text into passages: whole paragraphs where they fit, whole sentences where not, words at the last."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

SENTENCE = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=\S)")
TITLE = re.compile(r"\A\s*#\s+[^\n]*(\n|\Z)")
HEADING = re.compile(r"#{1,6}\s")


@dataclass(frozen=True, slots=True)
class Chunking:
    """How long a passage may be, in words; shorter paragraphs than `least` join the next one."""

    least: int = 8
    most: int = 100


def passages_of(text: str, chunking: Chunking = Chunking()) -> list[str]:  # frozen
    """The passages of a text in order; each has at most `most` words.

    A heading goes with what follows it, but for the first one of Markdown, which names the document and no passage.
    """
    passages: list[str] = []
    carried = ""
    titled = TITLE.sub("", text, count=1)
    for paragraph in re.split(r"\n\s*\n", titled if titled.strip() else text):
        words = " ".join(paragraph.split())
        if not words:
            continue
        whole = f"{carried}\n{words}" if carried else words
        carried = ""
        if HEADING.match(words) or _length(whole) < chunking.least:
            carried = whole if _length(whole) <= chunking.most else ""
            passages += [] if carried else list(_pieces(whole, chunking.most))
        elif _length(whole) <= chunking.most:
            passages.append(whole)
        else:
            passages += _pieces(whole, chunking.most)
    return [*passages, carried] if carried else passages


def _pieces(text: str, most: int) -> Iterator[str]:
    """Sentences joined for as long as they fit."""
    piece = ""
    for sentence in (part for whole in SENTENCE.split(text) for part in _parts(whole, most)):
        if piece and _length(piece) + _length(sentence) > most:
            yield piece
            piece = ""
        piece = f"{piece} {sentence}" if piece else sentence
    if piece:
        yield piece


def _parts(sentence: str, most: int) -> Iterator[str]:
    words = sentence.split()
    if len(words) <= most:
        yield sentence
        return
    for i in range(0, len(words), most):
        yield " ".join(words[i : i + most])


def _length(text: str) -> int:
    return len(text.split())
