"""An expertise tree takes the advice of cheaper predictors, and learns whom to believe where.

The experts are `nearest`, `clusters`, `logistic` and the arm's mean over all questions; the world that the tree splits
is spanned by a few principal components of the embedding and the plainest looks of the text. What an expert advised is
kept from the moment before a question was first judged: an expert that has seen the answer would always be believed.
How trees and their leaves learn: router.advice.
"""

from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from router.advice import MIDDLE, Models, Rounds, Tree, grow
from router.axes import Axes
from router.judged import Judged
from router.policies.clusters import Clusters
from router.policies.logistic import Logistic
from router.policies.nearest import Nearest
from router.predictor import Judgement, Predictor, setting
from router.scored import Scored
from router.surface import NAMES
from router.types import RouterSettings
from router.utility import Numbers
from strategies.core.query import Vector

EXPERTS = ("nearest", "clusters", "logistic", "mean")
COMPONENTS = 4
LOOKS = ("log_characters", "digits", "code", "line_breaks")
AXES = (*(f"component_{i + 1}" for i in range(COMPONENTS)), *LOOKS)
ONLY = np.zeros(1, dtype=np.intp)
LATEST = 2000
"""Rounds that a tree is grown from, the latest."""


def open_policy(settings: RouterSettings) -> Scored:
    """The policy; `[router.params]`: `ridge` (100) of a leaf's model, `optimism` (1) in widths of its ellipsoid.

    Raises BadSettings for values that cannot be meant.
    """
    ridge = setting(settings.params, "ridge", 100.0, 1e-6, 1e9)
    optimism = setting(settings.params, "optimism", 1.0, 0.0, 1e3)
    return Scored("expertise_tree", settings, lambda: ExpertiseTree(ridge, optimism))


class ExpertiseTree:
    """The tree is grown anew at every fit; between fits its leaves go on learning.

    Four experts are asked for each decision, so that one takes about as long as theirs together, and learning takes as
    long as a decision. Replay takes every arm that was known for one that might have been chosen, and a judgement
    without a propensity for one that was certain.
    """

    method, reach = "The experts believed here", 50

    def __init__(self, ridge: float = 100.0, optimism: float = 1.0) -> None:
        self._ridge, self._optimism = ridge, optimism
        self._experts: tuple[Predictor, ...] = (Nearest(32), Clusters(), Logistic())
        self._advised: OrderedDict[int, Numbers] = OrderedDict()  # by row: [arms, experts], before it was judged
        self._rounds: deque[Judgement] = deque(maxlen=LATEST)
        self._axes: Axes | None = None
        self._tree = Tree(Models(1, len(EXPERTS) + 1, ridge, optimism))

    def fit(self, judged: Judged, prior: Numbers) -> None:
        """Fit the experts, and grow the tree from what they advised before they knew."""
        for expert in self._experts:
            expert.fit(judged, prior)
        self._axes = Axes.of(judged, COMPONENTS)
        if not self._rounds:
            return
        rows = [one.row for one in self._rounds]
        places = self._world(judged.x[rows], [judged.texts[row] for row in rows])
        arrays = (
            np.array([getattr(one, name) for one in self._rounds], dtype=np.float64)
            for name in ("reward", "weight", "propensity")
        )
        arms = np.array([one.column for one in self._rounds], dtype=np.intp)
        advised = np.stack([_features(_padded(self._advised[row], prior)) for row in rows])
        self._tree = grow(Rounds(advised, places, arms, *arrays), self._ridge, self._optimism)

    def learn(self, judged: Judged, new: Judgement, prior: Numbers) -> None:
        """Ask the experts before they hear of it, then tell the leaf and them."""
        x, text = judged.x[new.row][None], [judged.texts[new.row]]
        if new.row not in self._advised:
            self._advised[new.row] = self._advice(judged, x, text, prior)[0]
        self._advised.move_to_end(new.row)
        if len(self._advised) > LATEST:
            self._advised.popitem(last=False)
        known = np.isfinite(new.propensity) and new.propensity > 0.0
        self._rounds.append(new if known else replace(new, propensity=1.0))
        feature = _features(_padded(self._advised[new.row], prior))[new.column]
        self._leaves(x, text)[0].learn(feature, new.reward, new.weight, ONLY)
        for expert in self._experts:
            expert.learn(judged, new, prior)

    def predict(self, judged: Judged, x: Vector, texts: Sequence[str], prior: Numbers) -> Numbers:
        """What the leaf of each question makes of the advice."""
        features = _features(self._advice(judged, x, texts, prior))
        leaves = self._leaves(x, texts)
        values = [leaf.values(one, ONLY)[0] for leaf, one in zip(leaves, features, strict=True)]
        return np.asarray(MIDDLE + np.stack(values)) if values else np.zeros((0, len(prior)))

    def bonus(self, judged: Judged, x: Vector, texts: Sequence[str], prior: Numbers) -> Numbers:
        """The width of the leaf's ellipsoid, [n, arms]."""
        features = _features(self._advice(judged, x, texts, prior))
        leaves = self._leaves(x, texts)
        return np.stack([leaf.widths(one, ONLY)[0] for leaf, one in zip(leaves, features, strict=True)])

    def facts(self) -> Mapping[str, object]:
        """The leaves: where they lie, and how much each expert is believed there."""
        return {"leaves": self._tree.leaves(), "believed": _believed(self._tree, ())}

    def _advice(self, judged: Judged, x: Vector, texts: Sequence[str], prior: Numbers) -> Numbers:
        """What each expert expects of each arm, [n, arms, experts]."""
        advice = [expert.predict(judged, x, texts, prior) for expert in self._experts]
        return np.stack([*advice, np.tile(prior, (len(x), 1))], axis=2)

    def _leaves(self, x: Vector, texts: Sequence[str]) -> list[Models]:
        """The model of the leaf that each question falls into."""
        return [self._tree.leaf(place).model for place in self._world(x, texts)]

    def _world(self, x: Vector, texts: Sequence[str]) -> Numbers:
        """Where questions lie, [n, axes]; all at one place before the first fit."""
        if self._axes is None:
            return np.zeros((len(x), len(AXES)))
        places = self._axes.place(x, texts)
        components = places.shape[1] - len(NAMES)
        world = np.zeros((len(x), len(AXES)))
        world[:, :components] = places[:, :components]
        world[:, COMPONENTS:] = places[:, [components + NAMES.index(look) for look in LOOKS]]
        return world


def _features(advice: Numbers) -> Numbers:
    """Advice [..., experts] counted from the middle, and a one, [..., experts + 1]."""
    return np.concatenate([advice - MIDDLE, np.ones((*advice.shape[:-1], 1))], axis=-1)


def _padded(advice: Numbers, prior: Numbers) -> Numbers:
    """Advice of a time when fewer arms were known, [arms, experts]: of the others, what is believed over all."""
    later = prior[len(advice) :, None]
    return np.concatenate([advice, np.tile(later, (1, advice.shape[1]))])


def _believed(tree: Tree, path: tuple[str, ...]) -> list[dict[str, object]]:
    if tree.below is None or tree.above is None:
        trust = {name: round(float(part), 3) for name, part in zip(EXPERTS, tree.model.theta[0], strict=False)}
        return [{"where": " and ".join(path) or "everywhere", "experts": trust}]
    axis, at = AXES[tree.axis], tree.threshold
    below = _believed(tree.below, (*path, f"{axis} <= {at:.2f}"))
    return [*below, *_believed(tree.above, (*path, f"{axis} > {at:.2f}"))]
