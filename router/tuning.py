"""Challengers against what is in use, on held-out later traffic: who gains, by how much, and who may be promoted."""

import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from models.errors import BadSettings, UserError
from router.arm_means import ArmMeans
from router.hindsight import FOLDS, Model, Tick, Traffic, choices, expectations, with_a_choice
from router.off_policy import CLIP, ESTIMATORS, Interval, Overlap, estimated, interval, overlap
from router.policies import load_policy, policies
from router.trust import trust
from router.types import Feedback, Logged, Policy, Predicts, RouterSettings
from router.utility import Numbers

AT_ONCE = {"background": 0.0}
"""What is fitted is fitted at once, so that the same log gives the same figures."""
LEAST = 100
"""Judged decisions with a choice below which nothing is estimated: a third teaches, the normal limit needs the rest."""
MATCHED = 50
"""Decisions that must have taken an arm the challenger might take before it can be promoted."""
LOST = 0.05
"""The share of a challenger's choices that the log cannot speak for, from which a report warns."""
RISK = 0.05
"""The probability with which one of the challengers may be promoted that is no better."""
MODELS = ("layered", "nearest")
"""Which policy's predictions serve as the model of rewards: the first that there is."""


class TooLittle(UserError):
    """The log holds too few judged decisions to say anything (400)."""


@dataclass(frozen=True, slots=True)
class Challenger:
    """A policy by its name, and what its parameters are beside those of the settings."""

    policy: str
    params: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        return " ".join([self.policy, *(f"{name}={value:g}" for name, value in sorted(self.params.items()))])

    def open(self, settings: RouterSettings) -> Policy:
        """The policy, knowing nothing, and learning with the care that it would serve with. Raises BadSettings."""
        serving = self.settings(settings)
        return trust(load_policy(self.policy, replace(serving, params={**serving.params, **AT_ONCE})))

    def settings(self, base: RouterSettings) -> RouterSettings:
        """The settings that it would serve with."""
        seed = 0 if base.seed is None else base.seed
        return replace(base, policy=self.policy, params={**base.params, **self.params}, seed=seed)


@dataclass(frozen=True, slots=True)
class Standing:
    """What the log says of a challenger; `gains` against the baseline at the trial's joint level, `values` at 95 %.

    Both by estimator ("dr", "snips", "ips", "dm"), in utility; those that need propensities are missing where the log
    has none. `better` says whether it may be promoted, `warnings` name what speaks against trusting the figures.
    """

    challenger: Challenger
    overlap: Overlap
    values: Mapping[str, Interval]
    gains: Mapping[str, Interval]
    warnings: Sequence[str]
    better: bool


@dataclass(frozen=True, slots=True)
class Trial:
    """Standings on all challengers; `baseline` is None where that is the log itself. `level` is that of the gains."""

    baseline: Challenger | None
    values: Mapping[str, Interval]
    standings: Sequence[Standing]
    decisions: int
    judged: int
    model: str
    level: float
    notes: Sequence[str]

    @property
    def best(self) -> Standing | None:
        """The one to promote: of those that are better, the one whose gain is surest."""
        return max((one for one in self.standings if one.better), key=lambda one: one.gains["dr"].low, default=None)


def steps(challengers: int) -> int:
    """How often `compare` ticks, for a progress bar."""
    return FOLDS + challengers + 1


def compare(
    traffic: Traffic,
    challengers: Sequence[Challenger],
    baseline: Challenger | None,
    *,
    model: str | None = None,
    clip: float = CLIP,
    resamples: int = 0,
    tick: Tick = lambda: None,
) -> Trial:
    """Every challenger against the baseline (None: what the log did) on the judged blocks of the traffic.

    A challenger is better if the lower bound of its doubly robust gain is above zero. With m challengers each bound is
    one-sided at `RISK`/m (Bonferroni): that holds whatever the dependence between them, and costs little here, where
    they are few; a confirmation split would give up half of a log that is rarely long. Raises BadSettings.
    """
    for one in challengers:
        one.open(traffic.settings)  # a parameter that cannot be meant is told before anything is computed
    sample, known = traffic.sample, _with_propensities(traffic)
    rewards, by = expected_by(model, traffic.settings)
    expected = expectations(rewards, traffic, tick)
    held = sample.odds if baseline is None else choices(baseline.open(traffic.settings), traffic)
    tick()
    if baseline is None and not known:
        held = np.eye(len(sample.arms))[sample.chosen]  # the log itself: what it took
    usual = estimated(sample, held, expected, clip)
    level = 1 - 2 * RISK / max(1, len(challengers))
    standings = []
    for one in challengers:
        target = choices(one.open(traffic.settings), traffic)
        found, shared = estimated(sample, target, expected, clip), overlap(sample, target, clip)
        gains = {name: interval(found[name].less(usual[name]), level, resamples) for name in found}
        warnings = _warnings(shared, known)
        better = known and shared.matched >= MATCHED and gains["dr"].low > 0
        values = {name: interval(found[name], resamples=resamples) for name in found}
        standings.append(Standing(one, shared, values, gains, warnings, better))
        tick()
    values = {name: interval(usual[name], resamples=resamples) for name in ESTIMATORS if name in usual}
    notes = [*traffic.notes, *_notes(sample.odds, known)]
    return Trial(baseline, values, standings, len(traffic.decisions), len(sample), by, level, notes)


def gathered(decisions: Iterable[Logged], feedback: Sequence[Feedback], settings: RouterSettings) -> Traffic:
    """What of the log can tell policies apart. Raises TooLittle unless there is enough to estimate from.

    Decisions without propensities are left out if the others suffice; if not, all count, and the model alone speaks.
    """
    free = list(with_a_choice(decisions))
    drawn = [one for one in free if one.propensities is not None]
    n, bare = len(free), len(free) - len(drawn)
    notes = [f"{bare} of {n} decisions were logged without propensities and are left out"] if bare else []
    if len(drawn) >= LEAST:
        return Traffic(drawn, feedback, settings, notes)
    if n < LEAST:
        raise TooLittle(
            f"the log holds {n} judged decisions in which several arms were free to be chosen, and at least {LEAST} "
            "are needed; decisions are judged by POST /v1/feedback"
        )
    return Traffic([replace(one, propensities=None) for one in free], feedback, settings)


def expected_by(name: str | None, settings: RouterSettings) -> tuple[Callable[[], Model], str]:
    """What opens a fresh model of rewards, and its name; the arms' means where no policy of that name predicts."""
    there = [one for one in ([name] if name else MODELS) if one in policies()]
    if name and name != "means" and not there:
        raise BadSettings(f"the model of rewards {name!r} is unknown; there are means, {', '.join(policies())}")
    for one in there:
        challenger = Challenger(one)
        if isinstance(challenger.open(settings), Predicts):
            return partial(_predicting, challenger, settings), one
    return ArmMeans, "means"


def variants(name: str) -> list[Challenger]:
    """A policy with the other parameters that its file proposes as `VARIANTS`."""
    proposed = getattr(importlib.import_module(f"router.policies.{name}"), "VARIANTS", ())
    return [Challenger(name, params) for params in proposed]


def _predicting(challenger: Challenger, settings: RouterSettings) -> Model:
    policy = challenger.open(settings)
    assert isinstance(policy, Predicts)
    return policy


def _with_propensities(traffic: Traffic) -> bool:
    return all(one.propensities is not None for one in traffic.judged)


def _warnings(shared: Overlap, known: bool) -> list[str]:
    if not known:
        return ["no propensities: model only, not promoted"]
    if shared.matched < MATCHED:
        return [f"too few matches: the log took an arm that it might take in {shared.matched} decisions, not {MATCHED}"]
    if shared.lost > LOST:
        return [f"little overlap: {shared.lost:.0%} of its choices lie where the log hardly went; the interval says so"]
    return []


def _notes(odds: Numbers, known: bool) -> list[str]:
    if not known:
        return ["no propensities: values are the reward model's alone"]
    certain = float((odds.max(axis=1) > 1 - 1e-9).mean())
    if certain > 0.5:
        return [f"no exploration: {certain:.0%} of the decisions were certain, so the log says little of other arms"]
    return []
