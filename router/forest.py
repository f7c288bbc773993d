"""A forest shared by all arms: where in the space of questions each arm does better or worse than it usually does.

Extremely randomised trees split the questions, and so do a few coarse partitions (router.mosaic); every leaf, and every
cell of a partition, keeps, per arm, what was judged of it there. A leaf speaks
for an arm only as far as it has seen it: its value leans on what the leaf shows of all arms (how hard such questions
are), and that on nothing at all. So questions of which a single arm was tried serve all arms, and none counts as zero.
Geurts, Ernst and Wehenkel (2006), Extremely randomized trees, Machine Learning 63; leaves for partial labels are ours.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor

from router.mosaic import Floats, Mosaic, Rows
from router.utility import Numbers


@dataclass(frozen=True, slots=True)
class Reach:
    """How far what the leaves say is to be believed: of all arms (how hard a question is), and of each arm's own."""

    hard: float
    own: float


REACH_LEAN = 0.5
"""What the leaves say is believed by half when the squares of all they say add up to this."""
MOST_REACH = Reach(2.0, 1.2)
"""More is not believed: of the arm that looks best, what is said is too good already."""


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Judgements as arrays of one length: the row of the question, the column of the arm, the reward, the weight."""

    row: Rows
    column: Rows
    reward: Numbers
    weight: Numbers


@dataclass(frozen=True, slots=True)
class Shape:
    """How a forest grows; `lean` is how many judgements a leaf's parent belief is worth, `cells` what the partitions

    weigh beside the trees.
    """

    trees: int = 80
    share: float = 0.4
    lean: float = 1.0
    cells: float = 0.35
    leaf_alone: int = 32
    leaf_many: int = 8

    def leaf(self, labels: float) -> int:
        """The fewest questions of a leaf: fewer where each was asked of several arms (`labels` per question)."""
        return self.leaf_many if labels >= 2.0 else self.leaf_alone


class Trees:
    """The splits of a fitted forest as flat arrays: where each question falls, for one or many at once."""

    def __init__(self, fitted: ExtraTreesRegressor) -> None:
        grown = [one.tree_ for one in fitted.estimators_]
        starts = np.concatenate([[0], np.cumsum([tree.node_count for tree in grown])])
        self.nodes, self._roots = int(starts[-1]), starts[:-1].astype(np.intp)
        self._feature = np.concatenate([np.maximum(tree.feature, 0) for tree in grown]).astype(np.intp)
        self._threshold = np.concatenate([tree.threshold for tree in grown]).astype(np.float32)
        leaf = np.concatenate([tree.children_left < 0 for tree in grown])
        own = np.arange(self.nodes)
        left, right = (
            np.concatenate([getattr(t, side) + s for t, s in zip(grown, starts, strict=False)])
            for side in ("children_left", "children_right")
        )
        # A leaf leads to itself, so that all trees can be walked in step.
        self._next = np.stack([np.where(leaf, own, left), np.where(leaf, own, right)], axis=1).ravel().astype(np.intp)
        # The same, a node in sixteen bytes that lie together: walking one question waits for memory and little else.
        self._packed = np.empty((self.nodes, 4), dtype=np.int32)
        self._packed[:, 0], self._packed[:, 1:3] = self._feature, self._next.reshape(-1, 2)
        self._packed[:, 3] = self._threshold.view(np.int32)
        self._depth = max(int(tree.max_depth) for tree in grown)

    def leaves(self, features: Floats) -> Rows:
        """The node of every tree that a question falls into, [n, trees]; `features` is [n, width]."""
        nodes = np.broadcast_to(self._roots, (len(features), len(self._roots)))
        rows = np.arange(len(features))[:, None]
        for _ in range(self._depth):
            right = features[rows, self._feature[nodes]] > self._threshold[nodes]
            nodes = self._next[2 * nodes + right]
        return nodes

    def leaves_of_one(self, features: Floats) -> Rows:
        """The same for one question, [trees]; `features` is [width]."""
        nodes = self._roots
        for _ in range(self._depth):
            node = self._packed.take(nodes, axis=0, mode="clip")
            right = features.take(node[:, 0]) > node.view(np.float32)[:, 3]
            nodes = np.where(right, node[:, 2], node[:, 1])
        return nodes.astype(np.intp)


@dataclass(frozen=True, slots=True, eq=False)
class Spot:
    """Where one question falls: its leaves and cells, [leaves], and how far off the known questions it lies."""

    leaves: Rows
    distance: float


class Forest:
    """The trees, the partitions, and what their leaves know. `usual` is what each arm does over all questions."""

    def __init__(self, trees: Trees, mosaic: Mosaic, features: Floats, judged: Judged, usual: Numbers, shape: Shape):
        """`features` are those of the rows that `judged` is about, [rows, width]; `usual` is [arms]."""
        self.usual, self._trees, self._mosaic, self._lean = usual, trees, mosaic, shape.lean
        leaves = self.leaves(features)
        trees_at, cells_at = shape.trees, leaves.shape[1] - shape.trees
        self._share = np.repeat([(1 - shape.cells) / trees_at, shape.cells / cells_at], [trees_at, cells_at])
        self._share = self._share.astype(np.float32)
        nodes, arms = trees.nodes + mosaic.nodes, len(usual)
        excess = judged.weight * (judged.reward - usual[judged.column])
        flat = (leaves[judged.row] * arms + judged.column[:, None]).ravel()
        repeated = leaves.shape[1]
        sums = np.bincount(flat, np.repeat(excess, repeated), minlength=nodes * arms).reshape(nodes, arms)
        counts = np.bincount(flat, np.repeat(judged.weight, repeated), minlength=nodes * arms).reshape(nodes, arms)
        self._counts, self._sums = counts.astype(np.float32), sums.astype(np.float32)
        self._totals, self._total_sums = counts.sum(axis=1), sums.sum(axis=1)
        hard = (self._total_sums / (self._totals + self._lean))[:, None]
        self.reach = self._reach(leaves, judged, excess)
        own = (sums - counts * hard) / (counts + self._lean)
        values = self.reach.hard * hard + self.reach.own * own
        self._values = np.hstack([values, self.reach.hard * hard]).astype(np.float32)

    def leaves(self, features: Floats) -> Rows:
        """The leaf of every tree, and the cell of every partition, that questions fall into, [n, leaves]."""
        cells = self._mosaic.cells_of(self._mosaic.placed(features))
        return np.hstack([self._trees.leaves(features), cells + self._trees.nodes])

    def spot(self, features: Floats) -> Spot:
        """Where one question falls; `features` is [width]."""
        placed = self._mosaic.placed(features[None])
        cells = self._mosaic.cells_of(placed)[0] + self._trees.nodes
        leaves = np.concatenate([self._trees.leaves_of_one(features), cells])
        return Spot(leaves, float(self._mosaic.distance(placed)[0]))

    def distance(self, features: Floats) -> Numbers:
        """How far questions lie from those that were fitted, [n]."""
        return self._mosaic.distance(self._mosaic.placed(features))

    def spread(self, features: Floats, shares: tuple[float, float]) -> list[float]:
        """How far off, of the questions that were fitted, these shares lie at least."""
        return self._mosaic.spread(features, shares)

    def excess(self, leaves: Rows) -> Numbers:
        """By how much each arm does better than its level, [n, arms + 1], on questions of these leaves, [n, trees].

        The last column stands for an arm that was never judged: it is taken to do as all do there.
        """
        found = np.empty((len(leaves), len(self.usual) + 1))
        for start in range(0, len(leaves), 512):
            found[start : start + 512] = np.einsum("nla,l->na", self._values[leaves[start : start + 512]], self._share)
        return found

    def excess_of_one(self, leaves: Rows) -> Numbers:
        """The same of one question, [arms + 1]."""
        return np.asarray(self._share @ self._values[leaves], dtype=np.float64)

    def seen(self, leaves: Rows) -> Numbers:
        """How many judgements of each arm a leaf around one question holds, on average, [arms + 1]."""
        return np.append(self._share @ self._counts[leaves], 0.0).astype(np.float64)

    def left_out(self, features: Floats, judged: Judged) -> Numbers:
        """What would be expected of each judgement if it had not been counted itself, [judgements]."""
        excess = judged.weight * (judged.reward - self.usual[judged.column])
        hard, own = self._parts(self.leaves(features), judged, excess)
        return np.asarray(self.usual[judged.column] + self.reach.hard * hard + self.reach.own * own)

    def ease(self, features: Floats, judged: Judged) -> Numbers:
        """By how much the question of each judgement is easier than usual for all arms, told without that judgement."""
        excess = judged.weight * (judged.reward - self.usual[judged.column])
        return np.asarray(self.reach.hard * self._parts(self.leaves(features), judged, excess)[0])

    def own(self, features: Floats) -> Numbers:
        """By how much each arm does better than its level over these questions, beyond what all arms do, [arms]."""
        leaves = self.leaves(features)
        hard = (self._total_sums / (self._totals + self._lean))[leaves] @ self._share
        return np.asarray(self.excess(leaves)[:, :-1].mean(axis=0) - self.reach.hard * hard.mean())

    def relevelled(self, features: Floats, judged: Judged, usual: Numbers, shape: Shape) -> "Forest":
        """The same splits with what is judged in their leaves told against other levels of the arms."""
        return Forest(self._trees, self._mosaic, features, judged, usual, shape)

    def _reach(self, leaves: Rows, judged: Judged, excess: Numbers) -> Reach:
        """Least squares on what each judgement's leaves say without it, leaning on no reach at all."""
        parts = np.stack(self._parts(leaves, judged, excess))
        square = (parts * judged.weight) @ parts.T + np.eye(2) * REACH_LEAN
        hard, own = np.linalg.solve(square, parts @ excess).tolist()
        return Reach(min(max(hard, 0.0), MOST_REACH.hard), min(max(own, 0.0), MOST_REACH.own))

    def _parts(self, leaves: Rows, judged: Judged, excess: Numbers) -> tuple[Numbers, Numbers]:
        """What its leaves, without itself, say of all arms and of the judged arm beyond that; each [judgements]."""
        every, alone = np.empty(len(judged.row)), np.empty(len(judged.row))
        for start in range(0, len(every), 4096):
            part = slice(start, start + 4096)
            nodes, column = leaves[judged.row[part]], judged.column[part][:, None]
            weight, own = judged.weight[part][:, None], excess[part][:, None]
            total = self._totals[nodes] - weight
            hard = (self._total_sums[nodes] - own) / (total + self._lean)
            count, reward = self._counts[nodes, column] - weight, self._sums[nodes, column] - own
            every[part] = hard @ self._share
            alone[part] = ((reward - count * hard) / (count + self._lean)) @ self._share
        return every, alone


def grow(features: Floats, components: int, judged: Judged, usual: Numbers, shape: Shape) -> Forest:
    """Fit a forest; `features` is [rows, width], of which the first `components` are of the embedding.

    The same judgements give the same forest.

    The trees split where arms part: the target of a question is, per arm, by how much it did better than usual there
    (nothing where it was not tried), less the mean over arms where most of them, and more than one, were tried.
    """
    rows, arms = len(features), len(usual)
    flat = judged.row * arms + judged.column
    weight = np.bincount(flat, judged.weight, minlength=rows * arms).reshape(rows, arms)
    excess = judged.weight * (judged.reward - usual[judged.column])
    target = np.bincount(flat, excess, minlength=rows * arms).reshape(rows, arms) / np.maximum(weight, 1e-9)
    tried = weight > 0
    labels = tried.sum(axis=1)
    mean = np.where(labels > max(1.0, arms / 2), target.sum(axis=1) / np.maximum(labels, 1), 0.0)
    target = np.where(tried, target - mean[:, None], 0.0)
    leaf = shape.leaf(float(labels.mean()))
    fitted = ExtraTreesRegressor(shape.trees, min_samples_leaf=leaf, max_features=shape.share, random_state=0)
    trees = Trees(fitted.fit(features, target if arms > 1 else target[:, 0]))
    return Forest(trees, Mosaic(features, components, int(tried.sum())), features, judged, usual, shape)
