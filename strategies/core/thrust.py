"""How familiar a question is: the pull of the clusters of past questions on its embedding, as gravity would add it up.

A low score says that nothing near was seen, so that something should be looked up. Over a sentence embedding it
measures what is familiar to the log, not what a model knows. Scores of different logs or embedders cannot be compared:
what counts is the percentile among the questions seen.
Source: Zhao et al. 2023, Thrust: Adaptively Propels Large Language Models with External Knowledge, arXiv 2307.10442.
Departures: sizes are of standardised dimensions (a few large ones would decide alone), distances are clamped at EPS.
"""

import math
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

from strategies.core.query import Vector

EPS = 1e-6
FEWEST = 3
"""Clusters at least, and questions at least."""

Numbers = NDArray[np.float64]


def thrust(point: Vector | Numbers, centroids: Numbers, sizes: Numbers) -> float:
    """The length of the mean over clusters of size times direction over squared distance.

    `point` [d], `centroids` [k, d], `sizes` [k]. Pulls are added as vectors: half-way between two equal clusters is 0.
    """
    away = np.asarray(centroids, dtype=np.float64) - np.asarray(point, dtype=np.float64)
    distances = np.maximum(np.linalg.norm(away, axis=1), EPS)
    pulls = np.asarray(sizes, dtype=np.float64)[:, None] * away / distances[:, None] ** 3
    return float(np.linalg.norm(pulls.sum(axis=0)) / len(distances))


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """The questions seen: `mean` and `scale` [d] of their embeddings, clusters, the scores [n] of all of them, sorted,
    and the score below which something is looked up."""

    mean: Numbers
    scale: Numbers
    centroids: Numbers
    sizes: Numbers
    scores: Numbers
    threshold: float

    @classmethod
    def fit(cls, embeddings: Vector, budget: float) -> "Seen":
        """Cluster the embeddings [n, d] into max(3, the fourth root of n, rounded up).

        `budget` is the share of questions like these that may look something up, 0..1. Raises ValueError.
        """
        if embeddings.ndim != 2 or len(embeddings) < FEWEST:
            raise ValueError(f"at least {FEWEST} embeddings of seen questions are needed, not {len(embeddings)}")
        if not 0 <= budget <= 1:
            raise ValueError(f"the budget is a share between 0 and 1, not {budget!r}")
        rows = np.asarray(embeddings, dtype=np.float64)
        mean, scale = rows.mean(axis=0), np.maximum(rows.std(axis=0), EPS)
        plain = (rows - mean) / scale
        k = max(FEWEST, math.ceil(len(rows) ** 0.25))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct questions than clusters is no error
            found = KMeans(n_clusters=k, n_init="auto", random_state=42).fit(plain)
        sizes = np.bincount(found.labels_, minlength=k).astype(np.float64)
        scores = np.sort([thrust(row, found.cluster_centers_, sizes) for row in plain])
        return cls(mean, scale, found.cluster_centers_, sizes, scores, float(np.quantile(scores, budget)))

    def score(self, embedding: Vector) -> float:
        """The thrust of a question by its embedding [d]."""
        return thrust((embedding - self.mean) / self.scale, self.centroids, self.sizes)

    def percentile(self, embedding: Vector) -> float:
        """The share 0..1 of the questions seen that score lower."""
        return float(np.searchsorted(self.scores, self.score(embedding)) / len(self.scores))

    def looks_up(self, embedding: Vector) -> bool:
        """Whether the question is so unfamiliar that something should be looked up for it."""
        return self.score(embedding) < self.threshold
