"""Finding in a passage the words that a model claims to have copied from it, and giving back the passage's own."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from strategies.core.parse import QUOTES, sentences, squeeze

CLOSE = 0.7  # the likeness (difflib's ratio) from which a text counts as a slip of the pen
SLACK = (0, -10, 10, -20, 20)  # how much longer or shorter, in characters, the true wording may be


@dataclass(frozen=True, slots=True)
class Copy:
    """A piece of a passage, word for word: `passage` is its index, `likeness` 0..1 how well the claim matched it."""

    text: str
    passage: int
    likeness: float


def find_copy(claim: str, passages: Sequence[str]) -> Copy | None:
    """What the passages really say where a model claims to copy them; None if they say nothing like it.

    Tried in turn over all passages (white space squeezed, quotation marks made equal): the exact words; the likeliest
    stretch of about that length, if its likeness is at least 0.7; the sentence around a shared phrase of at least three
    words, if its likeness is. The text of a Copy is always a substring of its squeezed passage.
    """
    wanted = squeeze(claim).translate(QUOTES)
    texts = [squeeze(passage) for passage in passages]
    for i, text in enumerate(texts):
        start = text.translate(QUOTES).find(wanted)
        if wanted and start >= 0:
            return Copy(text[start : start + len(wanted)], i, 1.0)
    for pieces in (_windows, _around_phrase):
        best = Copy("", 0, 0.0)
        matcher = SequenceMatcher(autojunk=False)
        matcher.set_seq2(wanted)
        for i, text in enumerate(texts):
            for start, end in pieces(wanted, text):
                matcher.set_seq1(text[start:end].translate(QUOTES))
                if min(matcher.real_quick_ratio(), matcher.quick_ratio()) <= max(best.likeness, CLOSE - 1e-9):
                    continue
                likeness = matcher.ratio()
                if likeness > best.likeness:
                    best = Copy(text[start:end], i, likeness)
        if best.likeness >= CLOSE:
            return best
    return None


def _windows(wanted: str, text: str) -> Iterator[tuple[int, int]]:
    """Stretches of whole words that are about as long as what is wanted."""
    words = [match.span() for match in re.finditer(r"\S+", text)]
    ends = [end for _, end in words]
    for i, (start, _) in enumerate(words):
        last = {bisect_right(ends, start + len(wanted) + slack, i) - 1 for slack in SLACK}
        yield from ((start, ends[j]) for j in sorted(last) if j >= i)


def _around_phrase(wanted: str, text: str) -> Iterator[tuple[int, int]]:
    """The sentences of the text that share a phrase of three words or more with what is wanted."""
    row = re.findall(r"\w+", wanted.lower())
    phrases = {tuple(row[i : i + 3]) for i in range(len(row) - 2)}
    for start, end in sentences(text):
        said = re.findall(r"\w+", text[start:end].lower())
        if any(tuple(said[i : i + 3]) in phrases for i in range(len(said) - 2)):
            yield start, end
