"""Several rankings made one: reciprocal rank fusion."""

from collections import defaultdict
from collections.abc import Sequence

K = 10
"""How little the first places count more than the others. The source has 60; 10 is ahead of it on our questions
(docs/benchmarks/retrieval.md)."""


def fused(rankings: Sequence[Sequence[str]], k: float = K) -> list[str]:
    """All ids of the rankings, best first: each ranking gives its r-th id, counted from 1, a vote of 1 / (k + r).

    Equal votes go by the first ranking. Source: Cormack, Clarke, Büttcher 2009, Reciprocal Rank Fusion Outperforms
    Condorcet and Individual Rank Learning Methods.
    """
    votes: defaultdict[str, float] = defaultdict(float)
    for ranking in rankings:
        for rank, one in enumerate(ranking, start=1):
            votes[one] += 1 / (k + rank)
    return sorted(votes, key=lambda one: -votes[one])  # sorting keeps the order of equals
