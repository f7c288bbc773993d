"""The log as the router reads it: all feedback in order, the latest outcomes, and past answers that were rated well."""

from collections.abc import Iterator

import structlog
from sqlmodel import col, select

from models.types import Usage
from router.types import Arm, Feedback, Outcome
from store.database import Database
from store.examples import Examples
from store.lines import to_vector
from store.tables import DecisionRow, FeedbackRow, OutcomeRow, QueryRow
from strategies.core.query import Example, Vector

PAGE = 1000

log = structlog.get_logger()


class History:
    """`router.types.History` and `strategies.core.query.Memory` over SQL. `embedder` names whose vectors count."""

    def __init__(self, database: Database, examples: Examples, embedder: str) -> None:
        self._database, self._examples, self._embedder = database, examples, embedder

    def feedback(self, since: int = 0) -> Iterator[Feedback]:
        """All feedback from row id `since` on, in the order in which it came. Raises StoreError.

        Feedback on queries that another embedder placed is left out: its vectors mean nothing beside these.
        """
        foreign = 0
        while page := self._feedback_page(since):
            for row, decision, embedder, embedding in page:
                if embedder == self._embedder:
                    yield judgement(row, decision, to_vector(embedding))
                else:
                    foreign += 1
            since = (page[-1][0].id or 0) + 1
        if foreign:
            log.warning("feedback of another embedder left out", count=foreign, embedder=self._embedder)

    def outcomes(self, limit: int = 20_000) -> Iterator[Outcome]:
        """The latest outcomes, oldest first. Raises StoreError."""
        newest = select(OutcomeRow).order_by(col(OutcomeRow.at).desc(), col(OutcomeRow.decision_id).desc())
        with self._database.read() as session:
            rows = list(session.exec(newest.limit(limit)))
        for row in reversed(rows):
            usage = Usage(row.prompt_tokens, row.completion_tokens, row.seconds, row.gpu_seconds, row.usd)
            yield Outcome(
                row.decision_id,
                Arm.parse(row.arm),
                usage,
                row.seconds,
                row.calls,
                row.status,
                row.error,
                row.first_token_seconds,
            )

    async def examples(self, embedding: Vector, k: int) -> list[Example]:
        """The k nearest past questions with a well-rated answer, nearest first. Raises StoreError."""
        return await self._examples.near(embedding, k)

    def _feedback_page(self, since: int) -> list[tuple[FeedbackRow, DecisionRow, str, bytes]]:
        wanted = (
            select(FeedbackRow, DecisionRow, QueryRow.embedder, QueryRow.embedding)
            .join(DecisionRow, col(DecisionRow.id) == col(FeedbackRow.decision_id))
            .join(QueryRow, col(QueryRow.id) == col(DecisionRow.id))
            .where(col(FeedbackRow.id) >= since)
            .order_by(col(FeedbackRow.id))
            .limit(PAGE)
        )
        with self._database.read() as session:
            return [(row, decision, name, raw) for row, decision, name, raw in session.exec(wanted)]


def judgement(row: FeedbackRow, decision: DecisionRow, embedding: Vector) -> Feedback:
    """A row of feedback as the router's noun; it is about the arm that was chosen, whichever answered in the end."""
    return Feedback(
        decision_id=row.decision_id,
        arm=Arm.parse(decision.arm),
        embedding=embedding,
        reward=row.reward,
        rater=row.rater,
        kind=row.kind,
        weight=row.weight,
        propensity=decision.propensity,
        at=row.at.timestamp(),
    )
