"""Passages found by their words: BM25 over titles and texts, from bm25s."""

import re
from collections.abc import Sequence

import bm25s
import numpy as np
from bm25s.stopwords import STOPWORDS_EN

from store.entry import Entry
from store.unspaced import RUN, shingles

K1, B = 1.2, 0.5
WORD = re.compile(r"\w+")
ASKING = "who whom whose what which when where why how did do does done many much tell name please"
STOP = frozenset(STOPWORDS_EN) | frozenset(ASKING.split())
"""Words that say nothing of what a passage is about, those of asking included."""


class Lexical:
    """Made once over its passages and never changed, so any thread may ask it; 100,000 take some seconds to make.

    Source: Robertson, Zaragoza 2009, The Probabilistic Relevance Framework: BM25 and Beyond; Lù 2024, BM25S.
    """

    def __init__(self, entries: Sequence[Entry] = ()) -> None:
        self._ids = [entry.id for entry in entries]
        self._index: bm25s.BM25 | None = None
        texts = [terms(f"{entry.title} {entry.text}") for entry in entries]
        if any(texts):
            self._index = bm25s.BM25(method="lucene", k1=K1, b=B)
            self._index.index(texts, show_progress=False)

    def best(self, text: str, k: int) -> list[str]:
        """The ids of the k passages that share the most telling words with the text, best first; others are absent."""
        if self._index is None:
            return []
        known = [term for term in terms(text) if term in self._index.vocab_dict]
        if not known or k < 1:
            return []
        scores = self._index.get_scores(known)
        near = np.argpartition(-scores, k - 1)[:k] if k < len(scores) else np.arange(len(scores))
        ordered = near[np.lexsort((near, -scores[near]))]
        return [self._ids[row] for row in ordered if scores[row] > 0]


def terms(text: str) -> list[str]:
    """The words of a text as they are compared: without case, the commonest ones, and the plural's s.

    Chinese and Japanese go by single characters and pairs of neighbours.
    """
    return [
        term
        for word in WORD.findall(text.lower())
        if word not in STOP
        for term in ([singular(word)] if word.isascii() else _parts(word))
    ]


def _parts(word: str) -> list[str]:
    parts = (part for part in RUN.split(word) if part)
    return [term for part in parts for term in (shingles(part) if RUN.match(part) else [singular(part)])]


def singular(word: str) -> str:
    """An English word without its plural's ending. Source: Harman 1991, How Effective Is Suffixing?"""
    if len(word) < 4 or not word.endswith("s"):
        return word
    if word.endswith("ies") and word[-4] not in "ae":
        return word[:-3] + "y"
    if word.endswith("es") and word[-3] not in "aeo":
        return word[:-1]
    return word if word.endswith(("us", "ss")) else word[:-1]
