"""What a challenger brings: a predictor of how well each arm would do, fitted to what was judged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from models.errors import BadSettings
from router.judged import Judged
from router.types import Candidate
from router.utility import Numbers
from strategies.core.query import Vector

FITTED_ON = 20_000
"""Fits look at no more questions than this, spread evenly over all that were judged."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A judgement that is about to be booked: the row of its question, the column of its arm, and how likely it was."""

    row: int
    column: int
    reward: float
    weight: float
    propensity: float


class Predictor(Protocol):
    """Says how well each arm would do. `prior` [arms] is always what is believed of each over all questions.

    An arm that was never judged, or not near here, is predicted to do as its prior says.
    """

    @property
    def method(self) -> str:
        """What it is, with its article, for the sentence of why."""
        ...

    @property
    def reach(self) -> int:
        """How many near questions the evidence is counted over."""
        ...

    def fit(self, judged: Judged, prior: Numbers) -> None:
        """Learn everything from scratch."""
        ...

    def learn(self, judged: Judged, new: Judgement, prior: Numbers) -> None:
        """Take one judgement in, just before it is booked in `judged`."""
        ...

    def predict(self, judged: Judged, x: Vector, texts: Sequence[str], prior: Numbers) -> Numbers:
        """The expected quality of each arm for each question, float64 [n, arms]; `x` is float32 [n, size]."""
        ...

    def facts(self) -> Mapping[str, object]:
        """What it fitted, as JSON."""
        ...


@runtime_checkable
class Optimistic(Protocol):
    """A predictor with an exploration rule of its own: the arm of the highest upper bound is taken."""

    def bonus(self, judged: Judged, x: Vector, texts: Sequence[str], prior: Numbers) -> Numbers:
        """How far above its prediction each arm may lie, [n, arms]."""
        ...


@runtime_checkable
class Priced(Protocol):
    """A predictor with a rule of its own for what an arm is worth."""

    def worth(self, quality: Numbers, candidates: Sequence[Candidate], taken: Numbers, dial: float) -> Numbers:
        """The worth of each candidate, [n], from its quality and what it takes (router.utility.prices), both [n]."""
        ...


def setting(params: Mapping[str, float], name: str, default: float, least: float, most: float) -> float:
    """A number of `[router.params]`, or the default. Raises BadSettings outside `least`..`most`."""
    value = params.get(name, default)
    if not least <= value <= most:
        raise BadSettings(f"router.params.{name} = {value!r} must lie between {least:g} and {most:g}")
    return value
