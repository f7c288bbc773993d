"""The gate of a cascade: how likely a model's answer is right, from its dispersion, and when that is too little."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any  # the JSON file

from models.errors import StrategyError
from strategies.core.dispersion import Evidence

SOURCES = ("logprobs", "samples")


@dataclass(frozen=True, slots=True)
class Gate:
    """C = sigmoid(bias + weights . evidence), the chance that the answer is right; what is sure never lowers it.

    The weights of `var_conf`, `ent_conf` and `logprob` are not negative; that of `length` is free. `strong` 0..1 is how
    often the other model is right where this one is in doubt; `toll` the reward that asking it must win at dial 0, and
    nothing at dial 1. `cut` fixes the threshold instead. `rows` is on how many judged answers it was fitted, 0 for
    none. Raises StrategyError for numbers that make no gate.
    """

    bias: float
    var_conf: float
    ent_conf: float
    logprob: float
    length: float
    strong: float = 0.8
    toll: float = 0.5
    cut: float | None = None
    rows: int = 0

    def __post_init__(self) -> None:
        given = [value for value in (getattr(self, each.name) for each in fields(self)) if value is not None]
        if not all(isinstance(value, int | float) and math.isfinite(value) for value in given):
            raise StrategyError(f"a gate is made of finite numbers, not {given!r}")
        if min(self.var_conf, self.ent_conf, self.logprob) < 0:
            raise StrategyError("a gate's weights of var_conf, ent_conf and logprob are 0 or more")
        if not (0 <= self.strong <= 1 and (self.cut is None or 0 <= self.cut <= 1)):
            raise StrategyError("a gate's strong and cut lie between 0 and 1")

    def confidence(self, evidence: Evidence) -> float:
        """C, 0..1."""
        known = self.var_conf * evidence.var_conf + self.ent_conf * evidence.ent_conf + self.length * evidence.length
        score = self.bias + known + self.logprob * (evidence.logprob or 0.0)
        return 1 / (1 + math.exp(-score)) if score >= 0 else math.exp(score) / (1 + math.exp(score))

    def threshold(self, dial: float) -> float:
        """The C below which the other model is asked: where it is expected to win more than its toll at this dial."""
        return max(0.0, self.strong - (1 - dial) * self.toll) if self.cut is None else self.cut


DEFAULT: Mapping[str, Gate] = {
    "logprobs": Gate(bias=-2.0, var_conf=3.0, ent_conf=2.0, logprob=1.0, length=0.0),
    "samples": Gate(bias=-2.0, var_conf=3.0, ent_conf=2.0, logprob=0.0, length=0.0),
}
"""By source of evidence, for a model without a fitted gate: one-hot gives 0.95, an even spread 0.12 or less."""


@dataclass(frozen=True, slots=True)
class Gates:
    """What was fitted for one model: the model to ask when in doubt, and a gate for each source of evidence."""

    to: str = ""
    by_source: Mapping[str, Gate] = field(default_factory=dict)

    def of(self, source: str, to: str) -> Gate:
        """The gate for this evidence; what it knows of `strong` holds for the model it was fitted with only."""
        fitted, usual = self.by_source.get(source), DEFAULT[source]
        if fitted is None or to == self.to:
            return fitted or usual
        weights = (fitted.bias, fitted.var_conf, fitted.ent_conf, fitted.logprob, fitted.length)
        return Gate(*weights, strong=usual.strong, toll=usual.toll, rows=fitted.rows)


@dataclass(frozen=True, slots=True)
class Judged:
    """An answer's evidence and what is known of who was right, 0..1: the model itself, and those asked after it."""

    model: str
    evidence: Evidence
    weak: float | None
    strong: Mapping[str, float] = field(default_factory=dict)
    weight: float = 1.0


def read(path: Path) -> Mapping[str, Gates]:
    """The gates of each model in a file; none if there is no such file. Read again when it changes.

    Raises StrategyError for a file that holds something else.
    """
    return _gates(path, path.stat().st_mtime_ns) if path.is_file() else {}


@lru_cache(maxsize=8)
def _gates(path: Path, changed: int) -> Mapping[str, Gates]:
    try:
        entries: Mapping[str, Mapping[str, Any]] = json.loads(path.read_text())
        return {
            model: Gates(str(entry.get("to") or ""), {name: Gate(**entry[name]) for name in SOURCES if name in entry})
            for model, entry in entries.items()
        }
    except (ValueError, TypeError, AttributeError, StrategyError) as wrong:
        raise StrategyError(f"{path.name} holds no gates of cascades: {wrong}; fit again or remove it") from wrong
