"""What an arm will take, foreseen from its past runs and the question's length: tokens, GPU-seconds, seconds, dollars.

Each figure is a line in logarithms, figure against length, fitted to the arm's own runs (router.ridge). It leans on the
model's line per call, times the calls that the strategy makes, with its share of the dearest peer's where it asks one,
and the model's tokens lean on those of all models. What was declared of a model's prices stands in until it has run.
"""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from models.backend import ModelSpec
from models.limits import price
from models.types import Usage
from router.figures import ENOUGH, Fit, Runs
from router.ridge import Line
from router.types import Arm, Outcome, Split

USUAL_CHARACTERS = 150
"""The length of a question that is taken where it is not known; lengths count from here, in logarithms."""

FIGURES = ("gpu_seconds", "seconds", "usd", "tokens", "prompt_tokens")
LEAST = MappingProxyType(dict(zip(FIGURES, (1e-5, 1e-4, 1e-8, 0.5, 0.5), strict=True)))
"""What a logarithm takes a figure of nothing for."""
USUAL_TOKENS = MappingProxyType({"tokens": Line(math.log(150)), "prompt_tokens": Line(math.log(60))})
"""Per call, to make something of declared prices before anything has run."""


NEVER = Runs()
Key = tuple[Arm | str, str, float, Split | None]


class Cost(NamedTuple):
    """What one run takes; None where nothing is known yet. `tokens` are those of all its calls' replies."""

    gpu_seconds: float | None
    seconds: float | None
    usd: float | None
    tokens: float | None = None
    prompt_tokens: float | None = None


class Costs:
    """A fold of `learn` over outcomes. What a run takes is booked on its arm and, per call, on its model and on all.

    A line through logarithms foresees a middle; it is turned into a mean by what came for each that it foresees of the
    past. Duan (1983), Smearing estimate: a nonparametric retransformation method, JASA 78. `declared` says what the
    settings know of the models' prices.
    """

    def __init__(self, declared: Mapping[str, ModelSpec] = MappingProxyType({})) -> None:
        self._declared = {model: spec for model, spec in declared.items() if _priced(spec)}
        self._runs: dict[tuple[Arm | str, str], Runs] = {}
        self._fits: dict[str, dict[Key, Fit | None]] = {}  # by model, until its next run

    def learn(self, outcome: Outcome) -> None:
        """Take one outcome into account. Runs that were cut short, fell back or answered a side request say nothing."""
        if outcome.status != "ok" or outcome.calls < 1 or outcome.aside:
            return
        model, calls, x = outcome.arm.model, float(outcome.calls), _length(outcome.question_chars)
        known = {name: value for name, value in _taken(outcome).items() if value is not None and math.isfinite(value)}
        # What several models took together says nothing of a call of one of them.
        booked: list[tuple[Arm | str, float]] = [("", calls), (model, calls), (outcome.arm, 1.0)]
        for of, share in booked[::2] if outcome.mixed else booked:
            for figure, value in known.items():
                runs = self._runs.setdefault((of, figure), Runs())
                alone = outcome.mixed and isinstance(of, Arm)
                runs.learn(x, value / share, LEAST[figure], None if alone else self._parent(of, figure, calls))
            self._forget(model)

    def estimate(self, arm: Arm, strategy_calls: float, question_chars: int = 0, split: Split | None = None) -> Cost:
        """What a run of the arm is expected to take, on average, for a question of so many characters.

        0 characters stands for the usual length; `split` tells the calls of its model from those of others. None for
        what neither its model's runs nor declared prices tell; peers of which they tell nothing are left out.
        """
        x, fits = _length(question_chars), self._known(arm, strategy_calls, split)
        return Cost(*(None if fit is None else fit.mean(x) for fit in fits))

    def ceiling(self, arm: Arm, strategy_calls: float, question_chars: int = 0, split: Split | None = None) -> Cost:
        """What nine runs of the arm in ten stay below; the mean where it has run fewer than ENOUGH times.

        Instead of that mean, with a `split`: as many calls of its model as there can be, and one of the dearest peer.
        None then where a peer's is not known.
        """
        x, fits = _length(question_chars), self._known(arm, strategy_calls, split)
        most = (
            fit.ninety(x) if fit and (split is None or fit.weight >= ENOUGH) else self._worst(arm, name, x, split)
            for name, fit in zip(FIGURES, fits, strict=True)
        )
        return Cost(*most)

    def _worst(self, arm: Arm, figure: str, x: float, split: Split | None) -> float | None:
        """What the run takes that makes all the calls there can be; None if one of the models is not known."""
        calls = [self._fit(model, figure, 1.0) for model in (arm.model, *(split.models if split else ()))]
        if split is None or None in calls or not self._foretold(figure):
            return None
        own, *peers = (call.ninety(x) for call in calls if call is not None)
        return split.most * own + max(peers)

    def _foretold(self, figure: str) -> bool:
        """Whether the figure is known at all: tokens that are but assumed are not."""
        return figure not in USUAL_TOKENS or ("", "tokens") in self._runs

    def _known(self, arm: Arm, calls: float, split: Split | None) -> list[Fit | None]:
        """The fits of the figures."""
        return [self._fit(arm, name, calls, split) if self._foretold(name) else None for name in FIGURES]

    def _fit(self, of: Arm | str, figure: str, calls: float, split: Split | None = None) -> Fit | None:
        """The figure of a run of an arm that makes so many calls, of a call of a model, or of any call ("")."""
        model = of.model if isinstance(of, Arm) else of
        several = figure in USUAL_TOKENS or split is not None  # tokens lean on all models, a split on the peers'
        fits = self._fits.setdefault("" if several else model, {})
        key = (of, figure, calls, split)
        if key not in fits:
            fits[key] = self._runs.get((of, figure), NEVER).fit(self._parent(of, figure, calls, split))
        return fits[key]

    def _parent(self, of: Arm | str, figure: str, calls: float, split: Split | None = None) -> Fit | None:
        """What the figure leans on: an arm on its models' calls, a model's tokens on all models', dollars on prices."""
        if isinstance(of, Arm):
            asked = [self._fit(peer, figure, 1.0) for peer in split.models] if split else []
            if split and (peers := [fit for fit in asked if fit is not None]):
                return _together(self._fit(of.model, figure, 1.0), peers, split)
            call = self._fit(of.model, figure, 1.0)
            return None if call is None else call.times(max(calls, 1e-3))
        if figure not in USUAL_TOKENS:
            return self._declared_fit(of, figure)
        if of:
            return self._fit("", figure, 1.0)
        return None if ("", figure) in self._runs else Fit(USUAL_TOKENS[figure])

    def _declared_fit(self, model: str, figure: str) -> Fit | None:
        """What the declared prices make of the tokens of a call; a line through two lengths."""
        if model not in self._declared:
            return None
        sides = [self._fit(model, name, 1.0) for name in ("prompt_tokens", "tokens")]
        heights = []
        for x in (0.0, 1.0):
            # By the million, so that rounding to whole tokens does not show.
            asked, said = (0 if side is None else round(1e6 * side.mean(x)) for side in sides)
            usage = price(Usage(asked, said), self._declared[model])
            value = {"usd": usage.usd, "gpu_seconds": usage.gpu_seconds}.get(figure)
            if value is None:
                return None
            heights.append(math.log(max(value / 1e6, LEAST[figure])))
        return Fit(Line(heights[0], heights[1] - heights[0]))

    def _forget(self, model: str) -> None:
        """What was fitted and may change with a run of the model."""
        for name in ("", model, *self._declared):
            self._fits.pop(name, None)


def _together(own: Fit | None, peers: Sequence[Fit], split: Split) -> Fit | None:
    """The calls of the arm's model and the share of the dearest peer's; a line through two lengths."""
    if own is None:
        return None
    dearest = max(peers, key=lambda peer: peer.mean(0.0))
    heights = [math.log(split.own * own.mean(x) + split.share * dearest.mean(x)) for x in (0.0, 1.0)]
    return Fit(Line(heights[0], heights[1] - heights[0], max(own.line.variance, dearest.line.variance)))


def _priced(spec: ModelSpec) -> bool:
    return (spec.usd_per_1m_in, spec.usd_per_1m_out, spec.gpu_seconds_per_1k) != (None, None, None)


def _length(characters: int) -> float:
    return math.log1p(characters) - math.log1p(USUAL_CHARACTERS) if characters > 0 else 0.0


def _taken(outcome: Outcome) -> dict[str, float | None]:
    """The figures of a run; its seconds without those that it waited, since a wait is added to them when it comes.

    A prompt is never of no tokens: then the server did not count them.
    """
    usage, seconds = outcome.usage, max(0.0, outcome.seconds - outcome.waited)
    tokens = (usage.completion_tokens, usage.prompt_tokens) if usage.prompt_tokens > 0 else (None, None)
    return dict(zip(FIGURES, (usage.gpu_seconds, seconds, usage.usd, *tokens), strict=True))
