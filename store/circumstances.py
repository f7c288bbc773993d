"""The circumstances of judgements: how long the answer was, and what the router had expected of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

from sqlalchemy import func
from sqlmodel import Session, col, select

from router.raters import preferred
from store.tables import DecisionRow, FeedbackRow, OutcomeRow

CHARACTERS = 4
"""A token is taken for so many characters, whichever model wrote it: lengths are compared over all arms."""
ABOVE = "above "
"""How the better row of a preference says which answer it was preferred to."""

NOTHING = MappingProxyType({"n": 0.0, "low": 0.0, "high": 1.0})
"""The estimate of an arm of which nothing was asked (router.unplaced): it may be anything, and rests on nothing."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """`answer_tokens` is None for an answer that had not ended; `expected` is the probability of a good judgement."""

    answer_tokens: int | None
    expected: float | None


def circumstances(session: Session, judged: Sequence[tuple[FeedbackRow, DecisionRow]]) -> list[Circumstances]:
    """Those of each row, in their order.

    Only what was known when the judgement came counts, so that a restart learns what was learned then.
    """
    ended = select(OutcomeRow.decision_id, OutcomeRow.at, func.length(OutcomeRow.text)).where(
        col(OutcomeRow.decision_id).in_({row.decision_id for row, _ in judged})
    )
    outcomes = {key: (at, length) for key, at, length in session.exec(ended)}
    pairs = {row.id: other for row, _ in judged if (other := _other(row)) is not None}
    others = select(DecisionRow.id, DecisionRow.arm, DecisionRow.estimates).where(
        col(DecisionRow.id).in_(set(pairs.values()))
    )
    rivals = {key: _quality(arm, estimates) for key, arm, estimates in session.exec(others)} if pairs else {}
    found = []
    for row, decision in judged:
        at, length = outcomes.get(row.decision_id, (None, 0))
        tokens = -(-length // CHARACTERS) if at is not None and at <= row.at and length else None
        expected = _quality(decision.arm, decision.estimates)
        if row.id in pairs:
            rival = rivals.get(pairs[row.id])
            expected = None if expected is None or rival is None else preferred(expected, rival)
        found.append(Circumstances(tokens, expected))
    return found


def _other(row: FeedbackRow) -> str | None:
    """The other answer of a preference."""
    if row.kind != "preference" or row.preferred is None:
        return None
    return row.value.removeprefix(ABOVE) if row.preferred == row.decision_id else row.preferred


def _quality(arm: str, estimates: object) -> float | None:
    """The quality that was expected of the arm; None where the log has no number for it, or nobody asked for one."""
    estimate = estimates.get(arm) if isinstance(estimates, dict) else None
    if not isinstance(estimate, dict) or not isinstance(estimates, dict):
        return None
    if len(estimates) == 1 and all(estimate.get(name) == value for name, value in NOTHING.items()):
        return None  # the only arm that the request allowed (router.unplaced)
    quality = estimate.get("quality")
    return float(quality) if isinstance(quality, int | float) else None
