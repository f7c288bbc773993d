"""Thompson sampling per region of the space of questions: an arm is drawn as often as it is likely to be the best.

Questions fall into regions of several widths (router.regions). What is believed of an arm in a narrow region leans on
the wider one around it, and in the end on the arm's mean over all questions (router.posterior), so that the first
judgements count everywhere and later ones where they belong. Thompson (1933), On the likelihood that one unknown
probability exceeds another in view of the evidence of two samples, Biometrika 25.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from router.parameters import read
from router.posterior import Beliefs, Columns, Record, overall
from router.reasons import Tried, explain
from router.regions import Regions
from router.types import Candidate, Choice, Feedback, RouterSettings
from router.utility import Numbers, Worth, prices
from router.views import estimates
from strategies.core import Query
from strategies.core.query import Vector

COSINES = (0.25, 0.35, 0.45, 0.6)
"""What bounds the regions, widest first. With a sentence embedder, questions of one kind are about 0.45 apart."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """`[router.params]` of this policy; the defaults come from benchmarks on the packaged embedder.

    `regions` is how many there may be of each width, `strength` how many judgements a prior is worth, `sharpness` how
    many times each judgement counts when drawing (more explores less), `floor` the probability that is spread evenly
    over all arms, `draws` the number of joint samples that propensities are counted from.
    """

    regions: float = 96
    strength: float = 2.0
    sharpness: float = 2.5
    floor: float = 0.02
    draws: float = 256

    @classmethod
    def of(cls, params: Mapping[str, float]) -> "Tuning":
        """The settings' values. Raises BadSettings for one that cannot be meant."""
        return read(cls, params, cls._meant)

    def _meant(self) -> Mapping[str, bool]:
        return {
            "regions": self.regions >= 1,
            "strength": self.strength > 0,
            "sharpness": self.sharpness > 0,
            "floor": 0 <= self.floor < 1,
            "draws": self.draws >= 1,
        }


VARIANTS = ({"regions": 32}, {"strength": 1.0}, {"strength": 4.0})
"""What `tune` tries beside the parameters in use. None changes how much is explored: that costs now and pays later,
which no log shows."""


def open_policy(settings: RouterSettings) -> "Thompson":
    """The policy, knowing nothing yet. Raises BadSettings for parameters that cannot be meant."""
    return Thompson(settings, Tuning.of(settings.params))


class Space:
    """The regions of the embeddings of one size, widest first, and what was rated in each."""

    def __init__(self, tuning: Tuning, size: int) -> None:
        limit = int(tuning.regions)
        self.levels = tuple((Regions(cosine, limit, size), Record(limit)) for cosine in COSINES)


class Thompson:
    """A fold of `learn`: the same feedback in the same order gives the same beliefs."""

    name = "thompson"

    def __init__(self, settings: RouterSettings, tuning: Tuning) -> None:
        self._settings, self._tuning, self._worth = settings, tuning, Worth.of(settings.params)
        self._draw = np.random.default_rng(settings.seed)
        self._columns, self._all = Columns(), Record(1)
        self._spaces: dict[int, Space] = {}  # by size: a change of embedder starts new regions and keeps the means

    def learn(self, feedback: Feedback) -> None:
        """Count one judgement for its arm: over all questions and, if the embedding is sound, in its regions.

        A reward or weight that is no number says nothing and is left out.
        """
        reward, weight = min(1.0, max(0.0, feedback.reward)), feedback.weight
        if not (np.isfinite(feedback.reward) and np.isfinite(weight)) or weight <= 0:
            return
        column = self._columns.of(feedback.arm)
        self._all.add(0, column, reward, weight)
        if _sound(feedback.embedding):
            size = len(feedback.embedding)
            if size not in self._spaces:
                self._spaces[size] = Space(self._tuning, size)
            for regions, record in self._spaces[size].levels:
                record.add(regions.place(feedback.embedding), column, reward, weight)

    def choose(self, query: Query, candidates: Sequence[Candidate]) -> Choice:
        """Draw an arm in proportion to how likely it is to be worth most; without exploring, take the best mean."""
        asked = query.constraints
        taken = prices(candidates, self._settings.quality if asked.quality is None else asked.quality, self._worth)
        columns = np.array([self._columns.of(candidate.arm) for candidate in candidates], dtype=np.intp)
        levels = self._levels(query.embedding)
        beliefs = self._beliefs(levels).take(columns)
        worth = beliefs.mean - taken
        best, n = int(np.argmax(worth)), len(candidates)
        if self._settings.explore if asked.explore is None else asked.explore:
            if not levels[0].weight.any() and np.ptp(taken) == 0.0:
                odds = np.full(n, 1.0 / n)
            else:
                odds = self._odds(beliefs, taken)
            chosen = int(self._draw.choice(n, p=odds))
        else:
            odds, chosen = np.eye(n)[best], best
        tried = [level.take(columns) for level in reversed(levels)]
        low, high = beliefs.quantile(0.05), beliefs.quantile(0.95)
        return Choice(
            arm=candidates[chosen].arm,
            propensities={one.arm: p for one, p in zip(candidates, odds.tolist(), strict=True)},
            estimates=estimates(candidates, beliefs.mean, low, high, tried[0].weight, taken),
            why=explain(candidates, worth, odds, chosen, tried),
        )

    def beliefs(self) -> Mapping[str, object]:
        """Per arm, over all questions and in each region: the quality, its 90 % interval and the weight rated."""
        everywhere = self._tried("", self._all, 0)
        wide = self._beliefs([everywhere])
        regions: dict[str, object] = {}
        for size, space in self._spaces.items():
            for found, record in space.levels:
                for i in range(found.count):
                    tried = self._tried(found.name(i), record, i)
                    key = tried.where if len(self._spaces) == 1 else f"{tried.where} of size {size}"
                    regions[key] = self._rows(tried, self._narrowed(wide, tried))
        judged = round(float(everywhere.weight.sum()), 6)
        return {"policy": self.name, "judged": judged, "arms": self._rows(everywhere, wide), "regions": regions}

    def _rows(self, tried: Tried, beliefs: Beliefs) -> dict[str, dict[str, float]]:
        columns = (beliefs.mean, beliefs.quantile(0.05), beliefs.quantile(0.95), tried.weight, tried.reward)
        rows = zip(self._columns.arms(), *(column.round(6).tolist() for column in columns), strict=True)
        names = ("quality", "low", "high", "n", "reward")
        return {str(arm): dict(zip(names, row, strict=True)) for arm, *row in sorted(rows) if row[3] > 0}

    def _levels(self, embedding: Vector) -> list[Tried]:
        """What was rated over all questions, and then in the regions around this one, widest first."""
        levels = [self._tried("", self._all, 0)]
        if _sound(embedding) and len(embedding) in self._spaces:
            for regions, record in self._spaces[len(embedding)].levels:
                i = regions.nearest(embedding)
                levels.append(self._tried(regions.name(i), record, i))
        return levels

    def _tried(self, where: str, record: Record, row: int) -> Tried:
        width = len(self._columns)
        tables = (record.weight, record.reward, record.unplain)
        return Tried(where, *(record.row(table, row, width) for table in tables))

    def _beliefs(self, levels: Sequence[Tried]) -> Beliefs:
        everywhere, *nearer = levels
        beliefs = overall(everywhere.weight, everywhere.reward, self._columns, self._tuning.strength)
        for tried in nearer:
            beliefs = self._narrowed(beliefs, tried)
        return beliefs

    def _narrowed(self, beliefs: Beliefs, tried: Tried) -> Beliefs:
        return beliefs.narrowed(tried.weight, tried.reward, self._columns, self._tuning.strength)

    def _odds(self, beliefs: Beliefs, taken: Numbers) -> Numbers:
        """How often each candidate is worth most in joint draws, with the floor mixed in; sums to 1."""
        sharp, draws, n = self._tuning.sharpness, int(self._tuning.draws), len(taken)
        samples = self._draw.beta(beliefs.alpha * sharp, beliefs.beta * sharp, size=(draws, n)) - taken
        wins = np.bincount(samples.argmax(axis=1), minlength=n) / draws
        odds = (1 - self._tuning.floor) * wins + self._tuning.floor / n
        return np.asarray(odds / odds.sum())


def _sound(embedding: Vector) -> bool:
    """Whether an embedding can be placed; one with a NaN, or of no length, leaves only the means over all questions."""
    return bool(embedding.ndim == 1 and np.isfinite(embedding).all() and embedding.any())
