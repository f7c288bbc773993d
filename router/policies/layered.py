"""The default policy: a forest fitted from the log, and online statistics of what it got wrong.

Slowly: a forest over all arms (router.forest), fitted again in the background each time the judgements have grown by a
third. At once: per arm, over all questions, in a region and among the nearest questions, what the forest got wrong
(router.layers), each level shrunk to the one above, so that a few judgements mean the best arm over all questions. That
one, or the default arm of the settings, is left only for one that is better by more than a share of what is not known
of the two; the forest is believed the less, the farther off a question lies. Exploring draws from what is believed
(Thompson 1933, Biometrika 25); the probabilities are logged.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from models.errors import BadSettings
from router.asides import Aside, Asides, Revisions
from router.believed import NINETY, by_region, rows
from router.fit import Fit, fit
from router.forest import Shape
from router.hints import faded, reason
from router.knobs import REACH, SOON, Knobs
from router.layers import Layers, Lean
from router.looks import Look, expected, look, nowhere, told, within
from router.past import Past, sound
from router.posterior import Columns
from router.reasons import Tried, explain
from router.recent import About, Recent
from router.refitting import Background, Schedule
from router.types import Arm, Candidate, Choice, Feedback, RouterSettings
from router.utility import Numbers, Worth, prices
from router.views import estimates
from router.walk import follow, heed, walk
from strategies.core import Query
from strategies.core.query import Vector

QUESTIONS = 16
"""Different questions without which nothing is fitted."""
VARIANTS = ({"caution": 0.0}, {"caution": 1.0}, {"strength": 8.0})
"""What `tune` tries beside the parameters in use; none changes how much is explored, whose worth no log shows."""


def open_policy(settings: RouterSettings) -> "Layered":
    """The policy, knowing nothing yet. Raises BadSettings for parameters that cannot be meant."""
    try:
        default = None if settings.default_arm is None else Arm.parse(settings.default_arm)
    except ValueError as wrong:
        raise BadSettings(f"router.default_arm: {wrong}") from wrong
    return Layered(settings, Knobs.of(settings.params), default)


class Layered:
    """A fold of `learn`: once its fits are through, the same feedback in the same order gives the same beliefs."""

    name = "layered"

    def __init__(self, settings: RouterSettings, tuning: Knobs, default: Arm | None) -> None:
        self._settings, self._tuning, self._default = settings, tuning, default
        self._worth, self._draw = Worth.of(settings.params), np.random.default_rng(settings.seed)
        self._shape, self._lean = Shape(trees=int(tuning.trees)), Lean()
        self._columns, self._past, self._recent = Columns(), Past(0), Recent(0)
        self._fit: Fit | None = None
        self._layers = Layers(None, self._columns, tuning.strength)
        self._schedule, self._judged = Schedule(), 0.0
        self._background: Background[Callable[[], Fit], Fit] = Background(lambda task: task())
        self._revisions, self._asides = Revisions(), Asides()

    # ---- choosing

    def choose(self, query: Query, candidates: Sequence[Candidate]) -> Choice:
        """Draw an arm as often as it is likely to be worth most; without exploring, take the best by the evidence."""
        self._take_over()
        asked = query.constraints
        taken = prices(candidates, self._settings.quality if asked.quality is None else asked.quality, self._worth)
        columns = np.array([self._columns.of(candidate.arm) for candidate in candidates], dtype=np.intp)
        for candidate, column in zip(candidates, columns.tolist(), strict=True):
            if self._revisions.offered(column, candidate.revision):
                self._renew(column)
        heed(self._layers, self._asides, len(self._past))
        seen = self._look(query.embedding, query.text)
        everywhere = self._everywhere()
        quality = within(seen.quality[columns] + (hints := faded(candidates, everywhere.weight[columns])))
        spread = self._spread(seen, everywhere)[columns]
        worth, n = quality - taken, len(candidates)
        best = self._best(worth, spread, everywhere, columns, taken, candidates)
        if self._settings.explore if asked.explore is None else asked.explore:
            odds = self._odds(worth, spread, best, everywhere.weight[columns])
            chosen = int(self._draw.choice(n, p=odds))
        else:
            best = self._kept(best, worth, query, candidates)
            odds, chosen = np.eye(n)[best], best
        low, high = np.maximum(quality - NINETY * spread, 0.0), np.minimum(quality + NINETY * spread, 1.0)
        shown = worth.copy()
        shown[best] = max(shown[best], float(worth.max()) + 1e-9)  # what is preferred counts as the best in the telling
        return Choice(
            arm=candidates[chosen].arm,
            propensities={one.arm: p for one, p in zip(candidates, odds.tolist(), strict=True)},
            estimates=estimates(candidates, quality, low, high, seen.seen[columns], taken),
            why=explain(candidates, shown, odds, chosen, [seen.near.take(columns), everywhere.take(columns)])
            + reason(candidates[chosen], float(hints[chosen])),
            neighbours=told(seen, self._past, self._columns),
        )

    def predict(self, embeddings: Vector, texts: Sequence[str], arms: Sequence[Arm]) -> NDArray[np.float64]:
        """The expected quality 0..1, float64 [n, arms]; at once where a fit holds all that was learned."""
        self._take_over()
        columns = np.array([self._columns.of(arm) for arm in arms], dtype=np.intp)
        sound = np.isfinite(embeddings).all(axis=1) & embeddings.any(axis=1)
        if self._fit is not None and self._fit.judgements == len(self._past) and sound.all():
            found = expected(embeddings, list(texts), self._fit, self._layers)
        else:
            found = np.stack([self._look(e, t).quality for e, t in zip(embeddings, texts, strict=True)])
        return within(found[:, columns])

    # ---- learning

    def learn(self, feedback: Feedback) -> None:
        """Count one judgement; at most a millisecond, whatever is fitted goes on beside it.

        A reward or weight that is no number says nothing and is left out.
        """
        self._take_over()
        if self._take(feedback) and self._schedule.reached(len(self._past)) and self._enough(len(self._past)):
            task = self._task(len(self._past))
            if self._tuning.background:
                self._background.begin(task)
            else:
                self._use(task())

    def recall(self, feedback: Iterable[Feedback]) -> None:
        """Learn much at once, as at a start: the same beliefs as learning one by one, with the last fit alone."""
        self._finish()
        before = len(self._past)
        for one in feedback:
            self._take(one, online=False)
        last = self._schedule.reached(len(self._past))
        if last and self._enough(last):
            self._use(self._task(last)())
        else:
            self._online(before)

    def settle(self) -> None:
        """Fit all that has been learned, now."""
        self._finish()
        known = 0 if self._fit is None else self._fit.judgements
        if known < len(self._past) and self._enough(len(self._past)):
            self._use(self._task(len(self._past))())
            self._schedule.reached(len(self._past))

    def beliefs(self) -> Mapping[str, object]:
        """Per arm, over all questions and in each region of the last fit: quality, its 90 % interval, what was rated.

        Regions count the latest judgements, those that a fit would look at; without a fit there are none.
        """
        self._take_over()
        layers, width, fitted = self._layers, len(self._columns), self._fit
        usual, window, known, regions = layers.usual[:width], int(self._tuning.window), None, None
        if fitted is not None:
            regions = by_region(self._columns, usual, self._past, fitted, window)
            known = {"judgements": fitted.judgements, "regions": len(fitted.centres)}
        arms = rows(self._columns, usual, layers.weight[:width], layers.reward[:width])
        judged = round(self._judged, 6)
        return {"policy": self.name, "judged": judged, "arms": arms, "regions": regions or {}, "fitted": known}

    # ---- the inside

    def _take(self, feedback: Feedback, online: bool = True) -> bool:
        """Whether the judgement has a place among the questions; one that has not counts for its arm alone."""
        reward, weight = min(1.0, max(0.0, feedback.reward)), feedback.weight
        if not (np.isfinite(feedback.reward) and np.isfinite(weight)) or weight <= 0:
            return False
        column = self._columns.of(feedback.arm)
        if self._revisions.judged(column, feedback.revision):
            self._renew(column)
        self._judged += weight
        if self._past.size == 0 and sound(feedback.embedding):
            self._past, self._recent = Past(len(feedback.embedding)), Recent(len(feedback.embedding))
        if not sound(feedback.embedding) or len(feedback.embedding) != self._past.size:
            self._asides.add(Aside(len(self._past), column, reward, weight))
            if online:
                heed(self._layers, self._asides, len(self._past))
            return False
        row = self._past.question(feedback.embedding, feedback.text)
        self._past.judge(row, column, reward, weight, feedback.decision_id)
        self._recent.forget(feedback.embedding)
        if online:
            self._online(len(self._past) - 1)
        return True

    def _online(self, since: int) -> None:
        """Let the online levels take the judgements from this place on."""
        changes = self._layers.changes
        walk(self._layers, self._past, self._asides, self._fit, since)
        if self._layers.changes > changes:
            self._recent = Recent(self._past.size)

    def _look(self, embedding: Vector, text: str) -> Look:
        width = len(self._columns)
        if not len(self._past) or not sound(embedding) or len(embedding) != self._past.size:
            return nowhere(self._layers, width)
        return look(embedding, text, self._past, self._fit, self._layers, self._lean, width)

    def _everywhere(self) -> Tried:
        layers, width = self._layers, len(self._columns)
        weight, reward = (
            np.append(t, np.zeros(max(0, width - len(t))))[:width] for t in (layers.weight, layers.reward)
        )
        unplain = (np.abs(reward - reward.round()) + np.abs(weight - weight.round()) > 1e-6).astype(np.float64)
        return Tried("", weight, reward, unplain)

    def _spread(self, seen: Look, everywhere: Tried) -> Numbers:
        """The standard deviation of what is believed of each arm's quality, [arms]."""
        met = everywhere.weight
        quality = (within(seen.quality) * met + 2.0) / (met + 4.0)  # two bad answers do not make it surely bad
        known = seen.seen + 0.1 * np.minimum(met, 100.0)
        return np.asarray(np.sqrt((quality * (1.0 - quality) + 0.02) / (known + 1.0)))

    def _best(
        self,
        worth: Numbers,
        spread: Numbers,
        everywhere: Tried,
        columns: NDArray[np.intp],
        taken: Numbers,
        candidates: Sequence[Candidate],
    ) -> int:
        """The candidate that the evidence prefers: the best single arm, unless another is better beyond doubt.

        The best single one is that with the highest lower bound, so that nobody is it by hearsay.
        """
        usual = self._layers.usual[columns]
        least = usual - np.sqrt((usual * (1.0 - usual) + 0.02) / (everywhere.weight[columns] + 1.0)) - taken
        home = next((i for i, one in enumerate(candidates) if one.arm == self._default), int(np.argmax(least)))
        rival = int(np.argmax(worth))
        doubt = self._tuning.caution * float(np.hypot(spread[rival], spread[home]))
        return rival if worth[rival] - worth[home] > doubt else home

    def _kept(self, best: int, worth: Numbers, query: Query, candidates: Sequence[Candidate]) -> int:
        """The arm of a question that is nearly the same, if it was asked not long ago; the best one otherwise.

        Not under a budget: there the same question may well be answered by another arm as prices move.
        """
        arms = [one.arm for one in candidates]
        if any(one.surcharge for one in candidates):
            return best
        frame = hash((query.constraints.quality, frozenset(arms)))
        about = About.of(query.text)
        kept = self._recent.near(query.embedding, about, frame)
        if kept is not None and worth[arms.index(kept.arm)] >= worth[best] - kept.allowed:
            best = arms.index(kept.arm)
        self._recent.remember(query.embedding, about, arms[best], frame)
        return best

    def _odds(self, worth: Numbers, spread: Numbers, best: int, met: Numbers) -> Numbers:
        """How often each candidate is worth most in joint draws, with the floor mixed in; sums to 1."""
        n, draws = len(worth), int(self._tuning.draws)
        if n == 1 or (not self._judged and np.ptp(worth) == 0.0 and self._default is None):
            return np.full(n, 1.0 / n)
        if not self._judged and self._default is not None:  # what answers while nothing is known
            return np.where(np.arange(n) == best, 1.0 - self._tuning.floor, 0.0) + self._tuning.floor / n
        sharp = spread / np.sqrt(1.0 + (self._tuning.sharpness - 1.0) * met / (met + SOON))
        samples = worth + sharp * self._draw.standard_normal((draws, n), dtype=np.float32)
        odds = np.bincount(samples.argmax(axis=1), minlength=n) / draws
        may = worth + REACH * spread >= worth[best]
        odds = (1.0 - self._tuning.floor) * odds + self._tuning.floor * may / may.sum()
        return np.asarray(odds / odds.sum())

    def _renew(self, column: int) -> None:
        """The arm has another revision from here on: what is known of it counts for little, in later fits as well."""
        self._asides.add(Aside(len(self._past), column))
        self._past.renew(column)
        self._recent = Recent(self._past.size)

    # ---- fitting beside the traffic

    def _take_over(self) -> None:
        """Use a fit that has come to its end."""
        fitted = self._background.taken()
        if fitted is not None:
            self._use(fitted)

    def _finish(self) -> None:
        fitted = self._background.last()
        if fitted is not None:
            self._use(fitted)

    def _enough(self, judgements: int) -> bool:
        """Whether the first judgements are about enough different questions; rows are numbered as they are met."""
        return int(self._past.row.rows[:judgements].max()) + 1 >= QUESTIONS

    def _task(self, judgements: int) -> Callable[[], Fit]:
        """The fit of the first judgements, which may run in another thread: what it looks at does not change."""
        tuning, snapshot = self._tuning, self._past.snapshot(judgements, int(self._tuning.window))
        return partial(fit, snapshot, self._columns.copy(), tuning.strength, self._shape, tuning.far, tuning.usual)

    def _use(self, fitted: Fit) -> None:
        self._fit, self._recent = fitted, Recent(self._past.size)
        self._layers = Layers(fitted, self._columns, self._tuning.strength)
        follow(fitted, self._layers, self._past, self._asides)
