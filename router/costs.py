"""What an arm takes: running means of GPU-seconds, seconds and dollars, leaning on its model where little is known."""

from dataclasses import dataclass, field
from typing import NamedTuple

from router.types import Arm, Outcome

MEMORY = 0.98
"""What an observation keeps of its weight with each newer one: the last fifty or so count."""
LEAN = 3.0
"""How many runs of its own an arm needs to count as much as what its model's calls take."""


class Cost(NamedTuple):
    """What one run takes; None where nothing is known yet."""

    gpu_seconds: float | None
    seconds: float | None
    usd: float | None


@dataclass(slots=True)
class _Mean:
    weight: float = 0.0
    value: float = 0.0

    def learn(self, value: float) -> None:
        self.weight = self.weight * MEMORY + 1.0
        self.value += (value - self.value) / self.weight


@dataclass(slots=True)
class _Means:
    gpu_seconds: _Mean = field(default_factory=_Mean)
    seconds: _Mean = field(default_factory=_Mean)
    usd: _Mean = field(default_factory=_Mean)

    def learn(self, outcome: Outcome, share: float) -> None:
        self.seconds.learn(outcome.seconds * share)
        if outcome.usage.gpu_seconds is not None:
            self.gpu_seconds.learn(outcome.usage.gpu_seconds * share)
        if outcome.usage.usd is not None:
            self.usd.learn(outcome.usage.usd * share)


class Costs:
    """A fold of `learn` over outcomes. What a run takes is booked on its arm and, per call, on the arm's model."""

    def __init__(self) -> None:
        self._arms: dict[Arm, _Means] = {}
        self._models: dict[str, _Means] = {}

    def learn(self, outcome: Outcome) -> None:
        """Take one outcome into account. Runs that were cut short or fell back say nothing of an arm."""
        if outcome.status != "ok" or outcome.calls < 1:
            return
        self._arms.setdefault(outcome.arm, _Means()).learn(outcome, 1.0)
        self._models.setdefault(outcome.arm.model, _Means()).learn(outcome, 1.0 / outcome.calls)

    def estimate(self, arm: Arm, strategy_calls: float) -> Cost:
        """What a run of the arm is expected to take: its own mean, shrunk to its model's mean call times the calls."""
        own, model = self._arms.get(arm, _Means()), self._models.get(arm.model, _Means())
        return Cost(
            _shrunk(own.gpu_seconds, model.gpu_seconds, strategy_calls),
            _shrunk(own.seconds, model.seconds, strategy_calls),
            _shrunk(own.usd, model.usd, strategy_calls),
        )


def _shrunk(own: _Mean, call: _Mean, calls: float) -> float | None:
    if call.weight == 0.0:
        return None
    return (own.weight * own.value + LEAN * call.value * calls) / (own.weight + LEAN)
