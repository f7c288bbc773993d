"""What a policy would have earned on the log: IPS, SNIPS, doubly robust and the model alone, each with its interval.

All four judge a policy by decisions that another one took. IPS weighs each reward by how much likelier the policy would
have been to take that arm; SNIPS divides by the weights' own sum; the direct method asks a model of the rewards; the
doubly robust estimate corrects the model by the weighted rest, and is right where either the propensities or the model
are. Horvitz and Thompson (1952), A generalization of sampling without replacement; Swaminathan and Joachims (2015), The
self-normalized estimator for counterfactual learning; Dudik, Langford and Li (2011), Doubly robust policy evaluation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri  # type: ignore[import-untyped]  # scipy ships no types

from router.types import Arm
from router.utility import Numbers

CLIP = 20.0
"""No decision counts more than this often: the usual bound of 10 to 20 trades a little bias for a lot of variance."""
ESTIMATORS = ("dr", "snips", "ips", "dm")


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Judged decisions as arrays over the same arms.

    `chosen` int64 [n] is the column of the arm that answered; `odds` [n, arms] the probabilities it was drawn with, 0
    for an arm that might not answer, NaN throughout a row whose decision was logged without them; `reward` [n] 0..1;
    `weight` [n] how much the judgement counts; `price` [n, arms] what an arm's expected costs take off, in reward.
    """

    arms: Sequence[Arm]
    chosen: NDArray[np.int64]
    odds: Numbers
    reward: Numbers
    weight: Numbers
    price: Numbers

    def __len__(self) -> int:
        return len(self.chosen)


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate in utility (quality less the price of what it takes), with its interval; `se` its standard error.

    The interval holds the sampling error and, beyond it, what the log cannot say (`Estimate.lost`).
    """

    value: float
    low: float
    high: float
    se: float


@dataclass(frozen=True, slots=True)
class Overlap:
    """How far the log can speak for a policy.

    `ess` is the effective number of decisions, (sum of weights)^2 / sum of squares (Kish 1965); `matched` how many
    decisions took an arm that the policy might take; `lost` the share of the policy's choices that lies on arms the log
    took too rarely for clipped weights to make good (0: none); `clipped` the share of decisions whose weight was cut.
    """

    ess: float
    matched: int
    lost: float
    clipped: float


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A ratio of sums over the decisions, [n] each: an estimate is the sum of a few of them."""

    top: Numbers
    bottom: Numbers

    @property
    def value(self) -> float:
        """The ratio; NaN where nothing counts."""
        below = float(self.bottom.sum())
        return float(self.top.sum()) / below if below else float("nan")

    @property
    def influence(self) -> Numbers:
        """What each decision contributes to the estimate's error, by linearisation; its mean is 0."""
        below = float(self.bottom.mean())
        return (self.top - self.value * self.bottom) / below if below else np.full(len(self.top), np.nan)

    def less(self) -> "Part":
        """The same, taken off."""
        return Part(-self.top, self.bottom)


@dataclass(frozen=True, slots=True, eq=False)
class Estimated:
    """An estimator on one policy: its parts, and what it had to make up.

    `lost` [n, arms] is the probability of a choice that clipping took away, `filled` [n, arms] the reward it was taken
    for; the truth lies anywhere between 0 and 1 (Manski 1990, Nonparametric bounds on treatment effects). `share` [n]
    is each decision's part in the whole.
    """

    parts: tuple[Part, ...]
    lost: Numbers
    filled: Numbers
    share: Numbers

    def less(self, other: "Estimated") -> "Estimated":
        """How much more this one is worth, on the same decisions; what both have lost alike cancels."""
        lost = self.lost - other.lost
        filled = np.where(lost > 0, self.filled, other.filled)
        return Estimated((*self.parts, *(part.less() for part in other.parts)), lost, filled, self.share)

    @property
    def under(self) -> float:
        """How much lower the truth may be because of what was lost."""
        return float(self.share @ (_more(self.lost) * self.filled + _more(-self.lost) * (1 - self.filled)).sum(axis=1))

    @property
    def over(self) -> float:
        """How much higher the truth may be because of what was lost."""
        return float(self.share @ (_more(self.lost) * (1 - self.filled) + _more(-self.lost) * self.filled).sum(axis=1))


def estimated(sample: Sample, target: Numbers, model: Numbers, clip: float = CLIP) -> Mapping[str, Estimated]:
    """Each estimator of a policy's utility, for `interval`; only the model's where a row has no propensities.

    `target` [n, arms] are the probabilities that the policy would have had, `model` [n, arms] the reward that a model
    which never saw the decision expects of each arm. The model's own ("dm") makes up everything and counts nothing of
    it as lost: its interval knows only the sampling of the questions.
    """
    rows, count = np.arange(len(sample)), sample.weight
    share, nothing = count / max(float(count.sum()), 1e-12), np.zeros_like(target)
    spent = Part(-(target * sample.price).sum(axis=1) * count, count)
    direct = (target * model).sum(axis=1)
    found: dict[str, Estimated] = {}
    if not np.isnan(sample.odds).any():
        times, lost = weights(sample, target, clip), _more(target - clip * sample.odds)
        rest = times * (sample.reward - model[rows, sample.chosen])
        rate = Part(count * times * sample.reward, count * times)
        found["dr"] = Estimated((Part(count * (direct + rest), count), spent), lost, model, share)
        found["snips"] = Estimated((rate, spent), lost, nothing + rate.value, share)
        found["ips"] = Estimated((Part(count * times * sample.reward, count), spent), lost, nothing, share)
    found["dm"] = Estimated((Part(count * direct, count), spent), nothing, model, share)
    return found


def weights(sample: Sample, target: Numbers, clip: float = CLIP) -> Numbers:
    """How much likelier the policy would have been to take each decision's arm than the log, at most `clip`; [n]."""
    rows = np.arange(len(sample))
    wanted, had = target[rows, sample.chosen], sample.odds[rows, sample.chosen]
    return np.minimum(wanted / np.maximum(had, 1e-12), clip)


def overlap(sample: Sample, target: Numbers, clip: float = CLIP) -> Overlap:
    """How far the log can speak for the policy; not at all where it holds no propensities."""
    if np.isnan(sample.odds).any():
        return Overlap(0.0, 0, 1.0, 0.0)
    times, total = weights(sample, target, clip), float(sample.weight.sum())
    counted = times * sample.weight
    squares = float((counted**2).sum())
    lost = _more(target - clip * sample.odds).sum(axis=1)
    return Overlap(
        ess=float(counted.sum()) ** 2 / squares if squares else 0.0,
        matched=int((times > 0).sum()),
        lost=float(lost @ sample.weight) / total if total else 1.0,
        clipped=float((times >= clip).mean()) if len(sample) else 0.0,
    )


def interval(one: Estimated, level: float = 0.95, resamples: int = 0, seed: int = 0) -> Interval:
    """The estimate with its central interval at that level.

    By default the normal interval of the influence values: the terms are bounded by the clip and, on a log whose policy
    learned meanwhile, still a martingale, which is what the normal limit needs. `resamples` above 0 takes percentiles
    of as many bootstrap samples of the decisions instead (Efron 1979), for logs too short to trust the limit.
    """
    n = len(one.share)
    value = sum(part.value for part in one.parts)
    influence = sum((part.influence for part in one.parts), np.zeros(n))
    se = float(np.sqrt((influence**2).sum() / max(1, n - 1) / max(1, n)))
    reach = float(ndtri((1 + level) / 2)) * se
    low, high = value - reach, value + reach
    if resamples and n:
        low, high = np.quantile(_resampled(one.parts, resamples, seed), [(1 - level) / 2, (1 + level) / 2]).tolist()
    return Interval(value, low - one.under, high + one.over, se)


def _more(difference: Numbers) -> Numbers:
    return np.maximum(difference, 0.0)


def _resampled(parts: Sequence[Part], resamples: int, seed: int) -> Numbers:
    draw, n = np.random.default_rng(seed), len(parts[0].top)
    found = np.empty(resamples)
    for i in range(resamples):
        times = np.bincount(draw.integers(n, size=n), minlength=n)
        found[i] = sum(float(times @ part.top) / max(float(times @ part.bottom), 1e-12) for part in parts)
    return found
