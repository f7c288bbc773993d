"""Taking advice: how far to believe each expert, learned from rewards, and in which part of the world.

A leaf holds a linear model of the reward over what the experts advise for each arm (MetaCMAB), optimistic by the width
of its ellipsoid. A tree splits the world where, on the rounds that were logged, two models would have earned more than
one. Abels, Lenaerts, Trianni and Nowé (2023), Expertise trees resolve knowledge limitations in collective
decision-making, ICML. Ours: a model starts from the plain mean of the experts, a split must win by `SURE` standard
errors of the paired difference, and importance weights are clipped.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from router.utility import Numbers

MIDDLE = 0.5
"""The reward that is expected of nothing in particular; what is earned is counted from here."""
SURE, DEEPEST, FEWEST = 2.0, 3, 20
CLIPPED_AT = 20.0

Index = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Rounds:
    """What was logged, in the order of time: `features` [rounds, arms, experts + 1] is what was advised, counted from
    `MIDDLE`, and a one; `world` [rounds, axes] where the question lay; then the arm taken, what it earned, the weight
    of the judgement and the probability with which the arm was taken, all [rounds]."""

    features: Numbers
    world: Numbers
    arm: Index
    reward: Numbers
    weight: Numbers
    propensity: Numbers

    def take(self, which: NDArray[np.bool_]) -> "Rounds":
        """Some of the rounds."""
        return Rounds(
            self.features[which],
            self.world[which],
            self.arm[which],
            self.reward[which],
            self.weight[which],
            self.propensity[which],
        )


class Models:
    """Several linear models side by side, each a ridge regression that leans on the plain mean of the experts."""

    def __init__(self, count: int, width: int, ridge: float, optimism: float) -> None:
        start = np.append(np.full(width - 1, 1.0 / max(1, width - 1)), 0.0)
        self.theta = np.tile(start, (count, 1))
        self._inverse = np.tile(np.eye(width) / ridge, (count, 1, 1))
        self._optimism = optimism

    def values(self, features: Numbers, which: Index) -> Numbers:
        """What some models expect of each arm above `MIDDLE`, [models, arms]; `features` is [arms, width]."""
        return np.asarray(self.theta[which] @ features.T)

    def widths(self, features: Numbers, which: Index) -> Numbers:
        """How far above that each arm may lie, [models, arms]."""
        spread = ((features @ self._inverse[which]) * features).sum(axis=-1)
        return np.asarray(self._optimism * np.sqrt(np.maximum(spread, 0.0)))

    def learn(self, feature: Numbers, reward: float, weight: float, which: Index) -> None:
        """Show some models what an arm with this feature [width] earned."""
        reach = self._inverse[which] @ feature
        scale = weight / (1.0 + weight * (reach @ feature))
        error = reward - MIDDLE - self.theta[which] @ feature
        self._inverse[which] -= scale[:, None, None] * reach[:, :, None] * reach[:, None, :]
        self.theta[which] += (scale * error)[:, None] * reach


@dataclass(frozen=True, slots=True, eq=False)
class Replayed:
    """What each of several ways of choosing would have earned in each round, [rounds, ways], and their models."""

    earned: Numbers
    models: Models


def replay(rounds: Rounds, sides: Index, ridge: float, optimism: float) -> Replayed:
    """Let fresh models choose in logged rounds, in the order of time, and learn from what was logged.

    `sides` [rounds, ways] is 0 or 1: which of its two models each way uses. A round earns (reward - 1/2) * (probability
    of the logged arm under the model) / (its logged probability), so that a way that is the logging policy itself earns
    what was earned.
    """
    ways = sides.shape[1]
    models = Models(2 * ways, rounds.features.shape[2], ridge, optimism)
    earned = np.zeros((len(rounds.arm), ways))
    gains = rounds.weight * (rounds.reward - MIDDLE) * np.minimum(1.0 / rounds.propensity, CLIPPED_AT)
    for t, arm in enumerate(rounds.arm.tolist()):
        which = 2 * np.arange(ways) + sides[t]
        features = rounds.features[t]
        high = models.values(features, which) + models.widths(features, which)
        top = high >= high.max(axis=1, keepdims=True) - 1e-12
        earned[t] = gains[t] * top[:, arm] / top.sum(axis=1)
        models.learn(features[arm], float(rounds.reward[t]), float(rounds.weight[t]), which)
    return Replayed(earned, models)


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """A leaf with its one model, or a split of the world at `threshold` on `axis` with what lies below and above."""

    model: Models
    axis: int = 0
    threshold: float = 0.0
    below: "Tree | None" = None
    above: "Tree | None" = None

    def leaf(self, world: Numbers) -> "Tree":
        """The leaf of a place, [axes]."""
        if self.below is None or self.above is None:
            return self
        return (self.below if world[self.axis] <= self.threshold else self.above).leaf(world)

    def leaves(self) -> int:
        """How many leaves there are."""
        return 1 if self.below is None or self.above is None else self.below.leaves() + self.above.leaves()


def grow(rounds: Rounds, ridge: float, optimism: float, depth: int = 0) -> Tree:
    """The tree that would have earned most, split by split; with nothing to gain, a single leaf."""
    world, whole = rounds.world, np.zeros((len(rounds.arm), 1), dtype=np.intp)
    cuts = _cuts(world) if depth < DEEPEST else []
    sides = np.stack([whole[:, 0], *((world[:, axis] > at).astype(np.intp) for axis, at in cuts)], axis=1)
    tried = replay(rounds, sides, ridge, optimism)
    leaf = Models(1, rounds.features.shape[2], ridge, optimism)
    leaf.theta[0], leaf._inverse[0] = tried.models.theta[0], tried.models._inverse[0]
    ahead = tried.earned[:, 1:] - tried.earned[:, :1]
    gain, error = ahead.sum(axis=0), np.sqrt((ahead**2).sum(axis=0))
    if not len(gain) or (gain - SURE * error).max() <= 0.0:
        return Tree(leaf)
    best = int((gain - SURE * error).argmax())
    axis, at = cuts[best]
    below = world[:, axis] <= at
    parts = (grow(rounds.take(side), ridge, optimism, depth + 1) for side in (below, ~below))
    return Tree(leaf, axis, at, *parts)


def _cuts(world: Numbers) -> list[tuple[int, float]]:
    """One cut for each axis that can be cut: at the median, or where that leaves nothing above, midway."""
    found = []
    for axis, column in enumerate(world.T):
        at = float(np.median(column))
        at = at if (column > at).sum() >= FEWEST else float(column.min() + column.max()) / 2
        if min((column > at).sum(), (column <= at).sum()) >= FEWEST:
            found.append((axis, at))
    return found
