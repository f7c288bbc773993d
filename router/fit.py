"""What is fitted from the past: principal components, the forest, regions, and how near questions usually are."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from sklearn.cluster import MiniBatchKMeans
from sklearn.decomposition import PCA
from threadpoolctl import threadpool_limits

from router.forest import Forest, Judged, Shape, Spot, grow
from router.mosaic import Floats, Rows
from router.past import Snapshot
from router.posterior import Columns, overall
from router.shifts import Base, lifts
from router.sums import sums
from router.utility import Numbers
from strategies.core.query import Vector

COMPONENTS = 24
PER_REGION = 50
REGIONS = 64
LEVELLINGS, WIDE = 2, 0.4
"""How often the levels of the arms and what is hard about the questions are told apart anew."""


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """The fitted half of a policy; `judgements` is how many it was fitted from, `columns` the arms that were judged, by
    name; of them, `reward` is what they got, `level` what they would have got on equally hard questions, `bases` what
    each did in the regions.

    `mean` [size] and `components` [size, 24] are the projection, `centres` [regions, size] unit vectors; a question
    farther than `far` from the known ones counts as unlike them all, one nearer by `margin` as one of them.
    """

    judgements: int
    columns: Columns
    mean: Floats
    components: Floats
    forest: Forest
    centres: Vector
    far: float
    margin: float
    weight: Numbers
    reward: Numbers
    level: Numbers
    bases: Mapping[int, Base]

    def features(self, embeddings: Vector, surfaces: Floats) -> Floats:
        """What the trees look at, float32 [n, 24 + surface]."""
        return np.hstack([(embeddings - self.mean) @ self.components, surfaces])

    def trust(self, features: Floats) -> Numbers:
        """How far the forest is to be believed of each question, 0..1: the less, the farther it lies from the known."""
        return np.asarray(np.clip((self.far - self.forest.distance(features)) / self.margin, 0.0, 1.0))

    def trust_at(self, spot: Spot) -> float:
        """The same of one question."""
        return min(1.0, max(0.0, (self.far - spot.distance) / self.margin))

    def region(self, embeddings: Vector) -> Rows:
        """The region of each question, [n]."""
        return np.asarray((embeddings @ self.centres.T).argmax(axis=-1))


def fit(past: Snapshot, columns: Columns, strength: float, shape: Shape, far: float, usual: float) -> Fit:
    """Fit everything from a snapshot; the same judgements give the same fit, bit by bit. Takes up to a minute.

    Which arms may be chosen beside those that were judged, and in which order they were met, changes nothing: arms are
    taken by name, since sums of floats hang on their order, and a split of a tree may hang on the last bit of a sum.
    `far` and `usual` are shares of the questions: those that lie farther off than these bound the trust in the forest.
    """
    # k-means adds up in no order with several threads, and these wait for each other where others use the cores too.
    with threadpool_limits(1, "openmp"):
        return _fit(past, columns, strength, shape, (far, usual))


def _fit(past: Snapshot, columns: Columns, strength: float, shape: Shape, shares: tuple[float, float]) -> Fit:
    count = min(COMPONENTS, *past.embeddings.shape)
    pca = PCA(count, svd_solver="covariance_eigh").fit(past.embeddings.astype(np.float64))
    mean, components = pca.mean_.astype(np.float32), pca.components_.T.astype(np.float32)
    features = np.hstack([(past.embeddings - mean) @ components, past.surfaces])
    judged, columns = _by_name(past.judged, columns)
    width = len(columns)
    forest, wide = _grown(features, count, judged, columns, strength, shape)
    expected = forest.left_out(features, judged)
    centres = _centres(past.embeddings)
    region = (past.embeddings @ centres.T).argmax(axis=1)[judged.row]
    lifted = lifts(judged.column, region, judged.reward, expected, judged.weight, len(centres))
    if lifted.by.any():
        judged = Judged(judged.row, judged.column, judged.reward + lifted.by, judged.weight)
        forest, wide = _grown(features, count, judged, columns, strength, shape)
    weight, reward = _sums(judged, width)
    level = np.clip(_sums(_eased(forest, features, judged), width)[1] + weight * wide, 0.0, weight)
    outer, inner = forest.spread(features, shares)
    return Fit(
        past.judgements,
        columns,
        mean,
        components,
        forest,
        centres,
        outer,
        max(1e-6, outer - inner),
        weight,
        reward,
        level,
        lifted.bases,
    )


def _by_name(judged: Judged, columns: Columns) -> tuple[Judged, Columns]:
    """The judgements over columns of their own: of the arms that were judged alone, by name."""
    arms, own = columns.arms(), Columns()
    for arm in sorted(arms[column] for column in np.unique(judged.column).tolist()):
        own.of(arm)
    return replace(judged, column=own.places(columns)[judged.column]), own


def _grown(
    features: Floats, count: int, judged: Judged, columns: Columns, strength: float, shape: Shape
) -> tuple[Forest, Numbers]:
    """A forest over levels of the arms that do not depend on how easy the questions were that each was asked."""
    weight, reward = _sums(judged, len(columns))
    forest = grow(features, count, judged, overall(weight, reward, columns, strength).mean, shape)
    wide = np.zeros(len(columns))
    for _ in range(LEVELLINGS):
        wide += WIDE * forest.own(features)
        weight, level = _sums(_eased(forest, features, judged), len(columns))
        level = np.clip(level + weight * wide, 0.0, weight)
        forest = forest.relevelled(features, judged, overall(weight, level, columns, strength).mean, shape)
    return forest, wide


def _eased(forest: Forest, features: Floats, judged: Judged) -> Judged:
    """The judgements as if all questions were as hard."""
    return Judged(judged.row, judged.column, judged.reward - forest.ease(features, judged), judged.weight)


def _centres(embeddings: Vector) -> Vector:
    """The middles of regions of about fifty questions, 64 at most; unit rows, [regions, size]."""
    count = max(1, min(REGIONS, len(embeddings) // PER_REGION))
    means = MiniBatchKMeans(count, n_init=1, random_state=0, batch_size=1024).fit(embeddings).cluster_centers_
    return np.asarray(means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9), dtype=np.float32)


def _sums(judged: Judged, width: int) -> tuple[Numbers, Numbers]:
    """Per arm the weight of its judgements and the sum of their rewards, both [arms]."""
    weight = sums(judged.column, judged.weight, width)
    return weight, np.clip(sums(judged.column, judged.weight * judged.reward, width), 0.0, weight)
