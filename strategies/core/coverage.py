"""Choosing demonstrations by how well they cover the tokens of the query, singly or as a set.

Gupta, Gardner and Singh 2023, "Coverage-based Example Selection for In-Context Learning", Findings of EMNLP 2023, arXiv
2305.14907: BERTScore-Recall (BSR) for each candidate, and its extension to sets (Set-BSR), chosen greedily.
The paper's token vectors come from DeBERTa; ours are those of the service's embedder, its last layer, which is an
approximation. Where an embedder tells nothing of tokens, words are embedded one by one, out of their context.
"""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.embedding import Embedder, TokenEmbedder

Vectors = NDArray[np.float32]
Weights = NDArray[np.float32]

K = 8
"""Demonstrations, as in the paper's runs."""
WORDS = 256
"""Words of a text that are embedded where the embedder tells nothing of tokens."""
RISE = 1e-6
"""What a score must rise by to have risen: sums of float32 differ in their last digits."""


def recall(query: Vectors, candidates: Sequence[Vectors]) -> Vectors:
    """How well each candidate covers each token of the query: the largest cosine, float32 [n, q].

    `query` [q, size] and `candidates`, each [tokens, size], hold unit rows. A candidate without tokens covers nothing.
    """
    found = np.zeros((len(candidates), len(query)), np.float32)
    for row, tokens in zip(found, candidates, strict=True):
        if len(tokens):
            row[:] = (query @ tokens.T).max(axis=1)
    return found


def by_bsr(
    recalls: Vectors,
    k: int = K,
    weights: Weights | None = None,
    lengths: Sequence[int] | None = None,
    budget: int | None = None,
) -> list[int]:
    """The k candidates of the largest BERTScore-Recall, the best one last, so that it stands next to the query.

    `recalls` [n, q] as of `recall`; `weights` [q] of the tokens, all alike if None; equal candidates in their order. A
    candidate whose length (`lengths`, in tokens) no longer fits the `budget` is passed over.
    """
    scores = recalls @ _shares(recalls.shape[1], weights)
    chosen: list[int] = []
    room = np.inf if budget is None else budget
    for i in np.argsort(-scores, kind="stable"):
        length = 0 if lengths is None else lengths[i]
        if len(chosen) < k and length <= room:
            chosen.append(int(i))
            room -= length
    return chosen[::-1]


def by_set(
    recalls: Vectors,
    k: int = K,
    weights: Weights | None = None,
    lengths: Sequence[int] | None = None,
    budget: int | None = None,
) -> list[int]:
    """Up to k candidates that together cover the query, chosen greedily; the first chosen last, next to the query.

    The score of a set is the weighted sum, over the tokens of the query, of the best recall in the set. Each step takes
    the candidate that raises it most; when none does, the cover is forgotten and a new one is begun. The parameters are
    those of `by_bsr`.
    """
    shares = _shares(recalls.shape[1], weights)
    left = list(range(len(recalls)))
    room = np.inf if budget is None else budget
    chosen: list[int] = []
    cover, score = np.full(recalls.shape[1], -np.inf, np.float32), -np.inf
    while len(chosen) < k:
        left = [i for i in left if lengths is None or lengths[i] <= room]
        if not left:
            break
        covers = np.maximum(cover, recalls[left])
        scores = covers @ shares
        best = int(scores.argmax())
        if scores[best] <= score + RISE:
            cover, score = np.full_like(cover, -np.inf), -np.inf
            continue
        cover, score = covers[best], float(scores[best])
        chosen.append(left.pop(best))
        room -= 0 if lengths is None else lengths[chosen[-1]]
    return chosen[::-1]


async def token_vectors(embedder: Embedder, texts: Sequence[str]) -> list[Vectors]:
    """For each text the unit vectors of its tokens, [tokens, size]; of its words, where that is all that can be had."""
    if isinstance(embedder, TokenEmbedder):
        return await embedder.tokens(texts)
    words = [re.findall(r"\w+|[^\w\s]", text)[:WORDS] for text in texts]
    known = sorted({word for row in words for word in row})
    vectors = dict(zip(known, await embedder.embed(known), strict=True))
    empty = np.zeros((0, embedder.size), np.float32)
    return [np.stack([vectors[word] for word in row]) if row else empty for row in words]


def _shares(n: int, weights: Weights | None) -> Weights:
    """The weights of n tokens, so that they sum to 1."""
    given = np.ones(n, np.float32) if weights is None else np.asarray(weights, np.float32)
    return given / max(float(given.sum()), 1e-9)
