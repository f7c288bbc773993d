"""Which judgements say something of the arm that was chosen."""

from sqlalchemy import ColumnElement, and_, or_
from sqlmodel import col, select

from router.unplaced import SIDE
from store.tables import DecisionRow, FeedbackRow, OutcomeRow

ENGINE = "engine"
"""The rater of runs that failed."""


def teaches() -> ColumnElement[bool]:
    """Of feedback joined with its decision: whether anything is learned from it.

    Side requests teach nothing. Neither does what was said of an answer that another arm gave than the chosen one: of
    the one that failed it says nothing, and the other was not chosen. That the chosen one failed, the engine says.
    """
    other = select(OutcomeRow.decision_id).where(
        col(OutcomeRow.decision_id) == col(DecisionRow.id),
        col(OutcomeRow.arm) != col(DecisionRow.arm),
        col(OutcomeRow.at) <= col(FeedbackRow.at),  # what came later was not known when it was learned
    )
    own = or_(col(FeedbackRow.rater) == ENGINE, ~other.exists())
    return and_(col(DecisionRow.policy) != SIDE, own)
