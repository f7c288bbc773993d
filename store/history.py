"""The log as the router reads it: all feedback in order, the latest outcomes, and past answers that were rated well."""

from collections.abc import Iterator, Sequence

import structlog
from sqlalchemy import func
from sqlalchemy.orm import defer, load_only
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import Select

from models.types import Usage
from router.types import Arm, Feedback, Logged, Outcome
from store.circumstances import Circumstances, circumstances
from store.database import Database
from store.examples import Examples
from store.logged import logged
from store.space import Space, is_placed
from store.tables import DecisionRow, FeedbackRow, OutcomeRow, QueryRow
from strategies.core.query import Example, Vector

PAGE = 1000

log = structlog.get_logger()


class History:
    """`router.types.History` and `strategies.core.query.Memory` over SQL. `space` says which vectors count."""

    def __init__(self, database: Database, examples: Examples, space: Space) -> None:
        self._database, self._examples, self._space = database, examples, space

    def feedback(self, since: int = 0) -> Iterator[Feedback]:
        """All feedback from row id `since` on, in the order in which it came. Raises StoreError.

        Where another embedder placed the query, or its embedding is damaged, it comes without a place (NaN), and
        counts for its arm alone; the log says how often.
        """
        nowhere = 0
        while page := self._feedback_page(since):
            for _, feedback in page:
                nowhere += not is_placed(feedback.embedding)
                yield feedback
            since = page[-1][0] + 1
        if nowhere:
            log.warning("feedback without an embedding of its question", count=nowhere, embedder=self._space.name)

    def outcomes(self, limit: int = 20_000) -> Iterator[Outcome]:
        """The latest outcomes, oldest first. Raises StoreError."""
        newest = (
            select(OutcomeRow, func.length(col(QueryRow.text)))
            .join(QueryRow, col(QueryRow.id) == col(OutcomeRow.decision_id))
            .options(defer(OutcomeRow.text))  # type: ignore[arg-type]  # SQLModel types a column as its value
            .order_by(col(OutcomeRow.at).desc(), col(OutcomeRow.decision_id).desc())
        )
        with self._database.read() as session:
            rows = list(session.exec(newest.limit(limit)))
        for row, characters in reversed(rows):
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
                question_chars=characters,
            )

    def decisions(self, since: float = 0.0) -> Iterator[Logged]:
        """Past decisions from that moment on (seconds since 1970), oldest first. Raises StoreError."""
        return logged(self._database, self._space.name, since)

    async def examples(self, embedding: Vector, k: int) -> list[Example]:
        """The k nearest past questions with a well-rated answer, nearest first. Raises StoreError."""
        return await self._examples.near(embedding, k)

    def _feedback_page(self, since: int) -> list[tuple[int, Feedback]]:
        """The next judgements, each with its row id."""
        wanted = judged().where(col(FeedbackRow.id) >= since).order_by(col(FeedbackRow.id)).limit(PAGE)
        with self._database.read() as session:
            rows = list(session.exec(wanted))
            feedback = judgements(session, rows, self._space)
            return [(row.id or 0, one) for (row, *_), one in zip(rows, feedback, strict=True)]


def judged() -> Select[FeedbackRow, DecisionRow, QueryRow]:
    """Feedback with the decision that it is about, and of its question what the router learns from."""
    return (
        select(FeedbackRow, DecisionRow, QueryRow)
        .join(DecisionRow, col(DecisionRow.id) == col(FeedbackRow.decision_id))
        .join(QueryRow, col(QueryRow.id) == col(DecisionRow.id))
        # SQLModel types a column as its value.
        .options(load_only(QueryRow.text, QueryRow.embedder, QueryRow.embedding))  # type: ignore[arg-type]
    )


def judgements(
    session: Session, rows: Sequence[tuple[FeedbackRow, DecisionRow, QueryRow]], space: Space
) -> list[Feedback]:
    """What was `judged` as the router's nouns, in the same order."""
    known = circumstances(session, [(row, decision) for row, decision, _ in rows])
    return [_judgement(*row, one, space) for row, one in zip(rows, known, strict=True)]


def _judgement(
    row: FeedbackRow, decision: DecisionRow, query: QueryRow, known: Circumstances, space: Space
) -> Feedback:
    """A row of feedback as the router's noun; it is about the arm that was chosen, whichever answered in the end."""
    return Feedback(
        decision_id=row.decision_id,
        arm=Arm.parse(decision.arm),
        embedding=space.vector(query),
        reward=row.reward,
        rater=row.rater,
        kind=row.kind,
        weight=row.weight,
        propensity=decision.propensity,
        at=row.at.timestamp(),
        text=query.text,
        answer_tokens=known.answer_tokens,
        expected=known.expected,
        revision=decision.revision or "",
    )
