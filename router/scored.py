"""A policy made of a predictor: it learns, scores every arm, explores with odds that it writes down, and explains.

A challenger brings only its idea (router.predictor); what all of them owe is here. Everything is a fold of `learn`: the
same feedback in the same order gives the same predictions. A predictor takes each judgement in at once as far as its
method allows, and is fitted anew, within `learn`, whenever the judgements have grown by 30 %. A call in which that
happens takes as long as the fit; there are ever fewer of them, and the fits are bounded (router.predictor.FITTED_ON),
so that learning takes less than a millisecond on average.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from router.exploring import Exploring
from router.judged import Judged, sound, summed
from router.posterior import Beliefs, Columns, Record, overall
from router.predictor import Judgement, Optimistic, Predictor, Priced
from router.reasons import Tried, explain
from router.types import Arm, Candidate, Choice, Feedback, Neighbour, RouterSettings
from router.utility import Numbers, Worth, prices
from router.views import estimates
from strategies.core import Query
from strategies.core.query import Vector

STRENGTH = 2.0
"""How many judgements the prior of an arm is worth, over all questions and in an interval."""
FIRST_FIT, GROWTH = 16, 1.3
SHOWN = 5
"""Neighbours that a choice names."""


@dataclass(frozen=True, slots=True, eq=False)
class Nearby(Tried):
    """What was rated of the questions nearest to one; `where` is the cosine of the furthest of them."""

    @property
    def questions(self) -> str:
        """What the counted questions have in common, in words."""
        return f"similar questions (cosine at least {self.where})"


class Space:
    """What was judged under embeddings of one size, and the predictor that is fitted to it."""

    def __init__(self, size: int, predictor: Predictor) -> None:
        self.judged, self.predictor = Judged(size), predictor
        self.learned, self.fitted, self.due = 0, 0, FIRST_FIT

    def learn(self, feedback: Feedback, column: int, reward: float, prior: Numbers) -> None:
        """Show one judgement to the predictor, then book it."""
        row = self.judged.place(feedback.embedding, feedback.text)
        new = Judgement(row, column, reward, feedback.weight, feedback.propensity)
        self.predictor.learn(self.judged, new, prior)
        self.judged.book(row, column, reward, feedback.weight, feedback.decision_id)
        self.learned += 1

    def fit(self, prior: Numbers) -> None:
        """Fit the predictor to all that was judged, if anything is new."""
        if self.fitted < self.learned:
            self.predictor.fit(self.judged, prior)
            self.fitted, self.due = self.learned, int(self.learned * GROWTH) + FIRST_FIT


class Scored:
    """The policy; `open_predictor` opens an empty predictor, one for each size of embedding that is met."""

    def __init__(self, name: str, settings: RouterSettings, open_predictor: Callable[[], Predictor]) -> None:
        self.name, self._settings, self._worth = name, settings, Worth.of(settings.params)
        self._exploring, self._open = Exploring.of(settings.params), open_predictor
        self._draw = np.random.default_rng(settings.seed)
        self._columns, self._all = Columns(), Record(1)
        self._spaces: dict[int, Space] = {}  # a change of embedder starts anew and keeps the arms' means
        open_predictor()  # what cannot be meant in the settings is refused now, not at the first question

    def learn(self, feedback: Feedback) -> None:
        """Count one judgement; a reward or weight that is no number says nothing and is left out."""
        reward = min(1.0, max(0.0, feedback.reward))
        if not (np.isfinite(feedback.reward) and np.isfinite(feedback.weight)) or feedback.weight <= 0:
            return
        column, space = self._columns.of(feedback.arm), self._space(feedback.embedding, found=True)
        if space is not None:
            space.learn(feedback, column, reward, self._beliefs().mean)
        self._all.add(0, column, reward, feedback.weight)
        if space is not None and space.learned >= space.due:
            space.fit(self._beliefs().mean)

    def settle(self) -> None:
        """Fit to all that has been learned, now."""
        for space in self._spaces.values():
            space.fit(self._beliefs().mean)

    def predict(self, embeddings: Vector, texts: Sequence[str], arms: Sequence[Arm]) -> NDArray[np.float64]:
        """The expected quality 0..1, float64 [n, arms]: what `choose` shows as estimates."""
        columns, prior = self._of(arms), self._beliefs().mean
        quality = np.tile(prior, (len(embeddings), 1))
        fine = np.array([sound(row) for row in embeddings], dtype=bool)
        space = self._spaces.get(embeddings.shape[1])
        if space is not None and fine.any():
            known = [text for text, ok in zip(texts, fine, strict=True) if ok]
            quality[fine] = space.predictor.predict(space.judged, embeddings[fine], known, prior)
        return np.asarray(np.clip(quality[:, columns], 0.0, 1.0))

    def choose(self, query: Query, candidates: Sequence[Candidate]) -> Choice:
        """Draw an arm by what it is expected to be worth; without exploring, take the best."""
        asked, text = query.constraints, query.text
        dial = self._settings.quality if asked.quality is None else asked.quality
        taken, arms = prices(candidates, dial, self._worth), [candidate.arm for candidate in candidates]
        quality = self.predict(query.embedding[None], [text], arms)[0]
        columns, space = self._of(arms), self._space(query.embedding)
        predictor = None if space is None else space.predictor
        rules: object = predictor  # it may have some of its own
        worth = quality - taken
        if isinstance(rules, Priced):
            worth = rules.worth(quality, candidates, taken, dial)
        odds = np.eye(len(arms))[int(np.argmax(worth))]
        if self._settings.explore if asked.explore is None else asked.explore:
            odds = self._exploring.by_gap(worth, float(self._all.weight.sum()))
            if space is not None and isinstance(rules, Optimistic):
                bonus = rules.bonus(space.judged, query.embedding[None], [text], self._beliefs().mean)
                odds = self._exploring.by_bound(worth + bonus[0, columns])
        chosen = int(self._draw.choice(len(arms), p=odds))
        levels, neighbours = self._evidence(space, query.embedding, columns)
        why = explain(candidates, worth, odds, chosen, levels)
        if predictor is not None and len(arms) > 1 and levels[-1].weight.any():
            why = f"{_expected(predictor.method, arms, quality, worth)}; {why.replace('Exploring', 'exploring', 1)}"
        n = levels[0].weight
        leaning = Beliefs((n + STRENGTH) * quality + 1e-6, (n + STRENGTH) * (1.0 - quality) + 1e-6)
        low, high = np.minimum(leaning.quantile(0.05), quality), np.maximum(leaning.quantile(0.95), quality)
        return Choice(
            arm=arms[chosen],
            propensities=dict(zip(arms, odds.tolist(), strict=True)),
            estimates=estimates(candidates, quality, low, high, n, taken),
            why=why,
            neighbours=neighbours,
        )

    def beliefs(self) -> Mapping[str, object]:
        """Per arm over all questions the quality, its 90 % interval and the weight rated; and what was fitted."""
        beliefs, (weight, reward) = self._beliefs(), self._totals()
        columns = (beliefs.mean, beliefs.quantile(0.05), beliefs.quantile(0.95), weight, reward)
        rows = zip(self._columns.arms(), *(column.round(6).tolist() for column in columns), strict=True)
        names = ("quality", "low", "high", "n", "reward")
        arms = {str(arm): dict(zip(names, row, strict=True)) for arm, *row in sorted(rows) if row[3] > 0}
        fitted = {f"size {size}": space.predictor.facts() for size, space in self._spaces.items()}
        return {"policy": self.name, "judged": round(float(weight.sum()), 6), "arms": arms, "fitted": fitted}

    def _of(self, arms: Sequence[Arm]) -> NDArray[np.intp]:
        return np.array([self._columns.of(arm) for arm in arms], dtype=np.intp)

    def _space(self, embedding: Vector, found: bool = False) -> Space | None:
        """Where an embedding lies, if it can be placed; `found` opens a space for a size that was never met."""
        if not sound(embedding):
            return None
        if found and len(embedding) not in self._spaces:
            self._spaces[len(embedding)] = Space(len(embedding), self._open())
        return self._spaces.get(len(embedding))

    def _totals(self) -> tuple[Numbers, Numbers]:
        width = len(self._columns)
        return self._all.row(self._all.weight, 0, width), self._all.row(self._all.reward, 0, width)

    def _beliefs(self) -> Beliefs:
        return overall(*self._totals(), self._columns, STRENGTH)

    def _evidence(
        self, space: Space | None, embedding: Vector, columns: NDArray[np.intp]
    ) -> tuple[list[Tried], tuple[Neighbour, ...]]:
        """What was rated of the candidates near this question and over all, and the nearest questions themselves."""
        width = len(self._columns)
        tables = (self._all.weight, self._all.reward, self._all.unplain)
        everywhere = Tried("", *(self._all.row(table, 0, width) for table in tables)).take(columns)
        if space is None or not space.judged.count:
            return [everywhere], ()
        judged = space.judged
        near = judged.near(embedding, space.predictor.reach)
        sums = (summed(table, near.rows, width) for table in (judged.weight, judged.reward, judged.unplain))
        nearby = Nearby(f"{near.cosines[-1]:.2f}", *(total[columns] for total in sums))
        pairs = zip(near.rows[:SHOWN].tolist(), near.cosines[:SHOWN].tolist(), strict=True)
        arms, shown = self._columns.arms(), []
        for row, cosine in pairs:
            last = judged.latest(row)
            shown.append(Neighbour(last.decision_id, cosine, str(arms[last.column]), last.reward))
        return [nearby, everywhere], tuple(shown)


def _expected(method: str, arms: Sequence[Arm], quality: Numbers, worth: Numbers) -> str:
    """What the method expects of the two arms that are worth most."""
    best, second = np.argsort(-worth, kind="stable")[:2]
    return f"{method} expects {quality[best]:.2f} of {arms[best]}, {quality[second]:.2f} of {arms[second]}"
