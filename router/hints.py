"""What the bibliography knows before anybody has judged: on which categories of questions a strategy helps or hurts."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from router.types import Candidate
from router.utility import Numbers

LEAN = 0.08
"""By how much, in reward, a strategy that is known to help is believed to be better."""
WORTH = 2.0
"""Judgements of an arm that weigh as much as the hint."""


def telling(candidates: Sequence[Candidate]) -> bool:
    """Whether anything is known of any of them, so that it matters what kind of question it is."""
    return len(candidates) > 1 and any(one.strategy.helps or one.strategy.hurts for one in candidates)


def hinted(candidates: Sequence[Candidate], category: str | None) -> Sequence[Candidate]:
    """The candidates with what is known of their strategies for this category of question; as they are without one."""
    if category is None:
        return candidates
    return [replace(one, hint=_hint(one, category)) for one in candidates]


def faded(candidates: Sequence[Candidate], weight: Numbers) -> Numbers:
    """What is left of each candidate's hint after so much `weight` of judgements of its arm; both [candidates]."""
    hints = np.array([one.hint for one in candidates])
    return np.asarray(hints * WORTH / (WORTH + weight))


def reason(one: Candidate, left: float) -> str:
    """What a reason adds where a hint still counts: "" where it does not."""
    if abs(left) < LEAN / 4:
        return ""
    return f" {one.arm.strategy} is known to {'help' if left > 0 else 'hurt'} on such questions."


def _hint(one: Candidate, category: str) -> float:
    return LEAN * ((category in one.strategy.helps) - (category in one.strategy.hurts))
