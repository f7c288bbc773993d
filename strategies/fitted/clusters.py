"""Cutting a pool of demonstrations into regions: how many there are, where, and what each one shows."""

import random
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

PENALTY = 0.02  # of inertia, per region: the price of another expert

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """Centres [k, size], the cluster of each demonstration, and the penalised inertia of every k that was tried."""

    centres: Vectors
    labels: tuple[int, ...]
    scores: dict[int, float]


@dataclass(frozen=True, slots=True)
class Shares:
    """The indices of the demonstrations that each region shows, equally many, and those that none of them shows."""

    shown: tuple[tuple[int, ...], ...]
    trimmed: tuple[int, ...]


def cluster(vectors: Vectors, max_experts: int, seed: int) -> Clusters:
    """K-means++ for every k in 2..max_experts; the k with the least inertia(k) / inertia(1) + 0.02 k is kept.

    Vectors that are all alike give k = 2, the lower bound. Source: Wang et al. 2024, arXiv 2407.00256 (K-auto).
    """
    whole = float(((vectors - vectors.mean(axis=0)) ** 2).sum())
    tried: dict[int, KMeans] = {}
    scores: dict[int, float] = {}
    for k in range(2, max(2, min(max_experts, len(vectors))) + 1):
        tried[k] = KMeans(n_clusters=k, init="k-means++", n_init="auto", random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct vectors than k is no error here
            tried[k].fit(vectors)
        scores[k] = (float(tried[k].inertia_) / whole if whole > 1e-9 else 0.0) + PENALTY * k
    best = min(scores, key=lambda k: (scores[k], k))
    centres = np.asarray(tried[best].cluster_centers_, dtype=np.float32)
    return Clusters(centres, tuple(int(label) for label in tried[best].labels_), scores)


def share(clusters: Clusters, vectors: Vectors, each: int, seed: int) -> Shares:
    """`each` demonstrations for every region: larger clusters are sampled, smaller ones repeat theirs.

    A cluster without members shows those nearest to its centre.
    """
    chance = random.Random(seed)
    shown: list[tuple[int, ...]] = []
    for i, centre in enumerate(clusters.centres):
        own = [row for row, label in enumerate(clusters.labels) if label == i]
        if not own:
            own = [int(row) for row in np.argsort(np.linalg.norm(vectors - centre, axis=1))[:each]]
        picked = chance.sample(own, each) if len(own) > each else [own[row % len(own)] for row in range(each)]
        shown.append(tuple(picked))
    used = {row for rows in shown for row in rows}
    return Shares(tuple(shown), tuple(row for row in range(len(vectors)) if row not in used))


def complement(shares: Shares, expert: int) -> tuple[int, ...]:
    """What an expert's instruction has to make up for: the demonstrations of all the others, and those of nobody."""
    others = [row for i, rows in enumerate(shares.shown) if i != expert for row in rows]
    return tuple(sorted({*others, *shares.trimmed} - set(shares.shown[expert])))


def route(vectors: Vectors, centres: Vectors) -> tuple[int, ...]:
    """The region with the nearest centre (Euclidean) for each vector."""
    distances = np.linalg.norm(vectors[:, None, :] - centres[None, :, :], axis=2)
    return tuple(int(row) for row in distances.argmin(axis=1))


def routed(vectors: Vectors, centres: Vectors, expert: int, least: int) -> tuple[int, ...]:
    """The items that go to an expert; if they are fewer than `least`, the nearest others by cosine are added."""
    own = [row for row, region in enumerate(route(vectors, centres)) if region == expert]
    norms = np.linalg.norm(vectors, axis=1) * np.linalg.norm(centres[expert])
    cosines = vectors @ centres[expert] / np.maximum(norms, 1e-9)
    others = sorted((row for row in range(len(vectors)) if row not in own), key=lambda row: -float(cosines[row]))
    return tuple(own + others[: max(0, least - len(own))])


def split(n: int, seed: int, pool: int = 100) -> tuple[Sequence[int], Sequence[int]]:
    """The indices, shuffled, of the pool (half of the n, at most `pool`) and of four times as many to judge on."""
    rows = list(range(n))
    random.Random(seed).shuffle(rows)
    cut = min(n // 2, pool)
    return rows[:cut], rows[cut : 5 * cut]
