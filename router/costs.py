"""What an arm will take, foreseen from its past runs and the question's length: tokens, GPU-seconds, seconds, dollars.

Each figure is a line in logarithms, figure against length, fitted to the arm's own runs (router.ridge). It leans on the
model's line per call, times the calls that the strategy makes, and the model's tokens lean on those of all models. What
was declared of a model's prices stands in until it has run.
"""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from models.backend import ModelSpec
from models.limits import price
from models.types import Usage
from router.figures import Fit, Runs
from router.ridge import Line
from router.types import Arm, Outcome

USUAL_CHARACTERS = 150
"""The length of a question that is taken where it is not known; lengths count from here, in logarithms."""

FIGURES = ("gpu_seconds", "seconds", "usd", "tokens", "prompt_tokens")
LEAST = MappingProxyType(dict(zip(FIGURES, (1e-5, 1e-4, 1e-8, 0.5, 0.5), strict=True)))
"""What a logarithm takes a figure of nothing for."""
USUAL_TOKENS = MappingProxyType({"tokens": Line(math.log(150)), "prompt_tokens": Line(math.log(60))})
"""Per call, to make something of declared prices before anything has run."""


NEVER = Runs()


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
        self._fits: dict[str, dict[tuple[Arm | str, str, float], Fit | None]] = {}  # by model, until its next run

    def learn(self, outcome: Outcome) -> None:
        """Take one outcome into account. Runs that were cut short or fell back say nothing of an arm."""
        if outcome.status != "ok" or outcome.calls < 1:
            return
        model, calls, x = outcome.arm.model, float(outcome.calls), _length(outcome.question_chars)
        known = {name: value for name, value in _taken(outcome).items() if value is not None and math.isfinite(value)}
        for of, share in (("", calls), (model, calls), (outcome.arm, 1.0)):
            for figure, value in known.items():
                runs = self._runs.setdefault((of, figure), Runs())
                runs.learn(x, value / share, LEAST[figure], self._parent(of, figure, calls))
            self._forget(model)

    def estimate(self, arm: Arm, strategy_calls: float, question_chars: int = 0) -> Cost:
        """What a run of the arm is expected to take, on average, for a question of so many characters.

        0 characters stands for the usual length. None for what neither its model's runs nor declared prices tell.
        """
        x, fits = _length(question_chars), self._known(arm, strategy_calls)
        return Cost(*(None if fit is None else fit.mean(x) for fit in fits))

    def ceiling(self, arm: Arm, strategy_calls: float, question_chars: int = 0) -> Cost:
        """What nine runs of the arm in ten stay below; the mean where it has run fewer than ENOUGH times."""
        x, fits = _length(question_chars), self._known(arm, strategy_calls)
        return Cost(*(None if fit is None else fit.ninety(x) for fit in fits))

    def _known(self, arm: Arm, calls: float) -> list[Fit | None]:
        """The fits of the figures; tokens that are but assumed are not known."""
        spoken = ("", "tokens") in self._runs
        return [self._fit(arm, name, calls) if spoken or name not in USUAL_TOKENS else None for name in FIGURES]

    def _fit(self, of: Arm | str, figure: str, calls: float) -> Fit | None:
        """The figure of a run of an arm that makes so many calls, of a call of a model, or of any call ("")."""
        model = of.model if isinstance(of, Arm) else of
        fits = self._fits.setdefault("" if figure in USUAL_TOKENS else model, {})  # tokens lean on all models
        key = (of, figure, calls)
        if key not in fits:
            fits[key] = self._runs.get((of, figure), NEVER).fit(self._parent(of, figure, calls))
        return fits[key]

    def _parent(self, of: Arm | str, figure: str, calls: float) -> Fit | None:
        """What the figure leans on: an arm on its model's calls, a model's tokens on all models', dollars on prices."""
        if isinstance(of, Arm):
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
            counted = (round(1e6 * side.mean(x)) for side in sides if side is not None)
            usage = price(Usage(*counted), self._declared[model])
            value = {"usd": usage.usd, "gpu_seconds": usage.gpu_seconds}.get(figure)
            if value is None:
                return None
            heights.append(math.log(max(value / 1e6, LEAST[figure])))
        return Fit(Line(heights[0], heights[1] - heights[0]))

    def _forget(self, model: str) -> None:
        """What was fitted and may change with a run of the model."""
        for name in ("", model, *self._declared):
            self._fits.pop(name, None)


def _priced(spec: ModelSpec) -> bool:
    return (spec.usd_per_1m_in, spec.usd_per_1m_out, spec.gpu_seconds_per_1k) != (None, None, None)


def _length(characters: int) -> float:
    return math.log1p(characters) - math.log1p(USUAL_CHARACTERS) if characters > 0 else 0.0


def _taken(outcome: Outcome) -> dict[str, float | None]:
    """The figures of a run. A prompt is never of no tokens: then the server did not count them."""
    usage = outcome.usage
    tokens = (usage.completion_tokens, usage.prompt_tokens) if usage.prompt_tokens > 0 else (None, None)
    return dict(zip(FIGURES, (usage.gpu_seconds, outcome.seconds, usage.usd, *tokens), strict=True))
