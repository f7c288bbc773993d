"""The log as the router reads it: all feedback in order, the latest outcomes, and past answers that were rated well."""

from collections.abc import Iterator, Sequence

import structlog
from sqlalchemy import Case, ScalarSelect, case, func
from sqlalchemy.orm import defer, load_only
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import Select

from models.types import Usage
from router.types import Arm, Feedback, Logged, Outcome
from store.circumstances import Circumstances, circumstances
from store.database import Database
from store.examples import Examples
from store.logged import logged
from store.readable import UNREADABLE, readable
from store.redaction import HIDDEN, is_redacted
from store.space import Space, is_placed
from store.tables import CallRow, DecisionRow, FeedbackRow, OutcomeRow, QueryRow
from store.teaching import ENGINE, teaches
from strategies.core.query import Example, Vector

PAGE = 1000
LEARNED = (col(FeedbackRow.at), col(FeedbackRow.id))
"""The order in which judgements were learned."""

KNOWN = ("arm", "estimates", "propensity", "revision", "embed_seconds")
"""Of a decision, what is read for each judgement of it."""

log = structlog.get_logger()


class History:
    """`router.types.History` and `strategies.core.query.Memory` over SQL. `space` says which vectors count."""

    def __init__(self, database: Database, examples: Examples, space: Space) -> None:
        self._database, self._examples, self._space = database, examples, space

    def feedback(self, since: int = 0, until: int | None = None) -> Iterator[Feedback]:
        """All feedback from row id `since` on, in the order in which it was learned (router.turns); up to row `until`,
        if it is given. Raises StoreError.

        Where another embedder placed the query, or its embedding is damaged, it comes without a place (NaN), and
        counts for its arm alone; a row that cannot be read is left out. The log says how often.
        """
        nowhere = broken = 0
        ids = self._feedback_ids(since, until)
        for page in (ids[start : start + PAGE] for start in range(0, len(ids), PAGE)):
            found = readable(page, self._feedback)
            broken += len(page) - len(found)
            for feedback in found:
                nowhere += not is_placed(feedback.embedding)
                yield feedback
        if broken:
            log.warning("feedback that cannot be read left out", count=broken)
        if nowhere:
            log.warning("feedback without an embedding of its question", count=nowhere, embedder=self._space.name)

    def outcomes(self, limit: int = 20_000) -> Iterator[Outcome]:
        """The latest outcomes, oldest first, without those that cannot be read. Raises StoreError."""
        newest = (
            select(OutcomeRow, _length(), _models_asked(), col(QueryRow.side))
            .join(QueryRow, col(QueryRow.id) == col(OutcomeRow.decision_id))
            # SQLModel types a column as its value.
            .options(defer(OutcomeRow.text), defer(OutcomeRow.at))  # type: ignore[arg-type]
            .order_by(col(OutcomeRow.at).desc(), col(OutcomeRow.decision_id).desc())
        )
        with self._database.read() as session:
            rows = list(session.exec(newest.limit(limit)))
        found = [_outcome(row, length, models > 1, side) for row, length, models, side in reversed(rows)]
        if broken := found.count(None):
            log.warning("outcomes that cannot be read left out", count=broken)
        yield from (one for one in found if one is not None)

    def decisions(self, since: float = 0.0) -> Iterator[Logged]:
        """Past decisions from that moment on (seconds since 1970), oldest first. Raises StoreError."""
        return logged(self._database, self._space, since)

    def offers(self) -> frozenset[str]:
        """What strategies may count on: "examples" while a few answers were rated well."""
        return self._examples.offers()

    async def examples(self, embedding: Vector, k: int, key: str | None = None) -> list[Example]:
        """The k nearest past questions of this API key with a well-rated answer, nearest first. Raises StoreError."""
        return await self._examples.near(embedding, k, key)

    async def sample(self, n: int, key: str | None = None) -> list[Example]:
        """Up to n past questions of this API key with a well-rated answer, spread over the log. Raises StoreError."""
        return await self._examples.sample(n, key)

    def forget(self, decision_ids: Sequence[str]) -> None:
        """These decisions are not in the log any more. Raises StoreError."""
        self._examples.refresh(decision_ids)

    def well_rated(self) -> list[Example]:
        """Every answer that was rated well or put right, to a question that stood alone, the latest last. Blocks."""
        return self._examples.alone()

    def _feedback_ids(self, since: int, until: int | None) -> list[int]:
        """The rows by their moments: failures are learned at once, and come into SQL behind what was rated since."""
        wanted = (
            select(FeedbackRow.id)
            .join(DecisionRow, col(DecisionRow.id) == col(FeedbackRow.decision_id))
            .where(col(FeedbackRow.id) >= since, teaches())
            .order_by(*LEARNED)
        )
        if until is not None:
            wanted = wanted.where(col(FeedbackRow.id) <= until)
        with self._database.read() as session:
            return [row or 0 for row in session.exec(wanted)]

    def _feedback(self, ids: Sequence[int]) -> list[Feedback]:
        """The judgements in these rows. Raises ValueError or TypeError for one that cannot be read."""
        wanted = judged().where(col(FeedbackRow.id).in_(ids)).order_by(*LEARNED)
        with self._database.read() as session:
            return judgements(session, list(session.exec(wanted)), self._space)


def judged() -> Select[FeedbackRow, DecisionRow, QueryRow]:
    """Feedback with the decision that it is about, and of its question what the router learns from."""
    return (
        select(FeedbackRow, DecisionRow, QueryRow)
        .join(DecisionRow, col(DecisionRow.id) == col(FeedbackRow.decision_id))
        .join(QueryRow, col(QueryRow.id) == col(DecisionRow.id))
        # SQLModel types a column as its value.
        .options(
            load_only(*(getattr(DecisionRow, name) for name in KNOWN)),
            load_only(QueryRow.text, QueryRow.embedder, QueryRow.embedding),  # type: ignore[arg-type]
        )
    )


def judgements(
    session: Session, rows: Sequence[tuple[FeedbackRow, DecisionRow, QueryRow]], space: Space
) -> list[Feedback]:
    """What was `judged` as the router's nouns, in the same order. Raises ValueError, TypeError for a damaged row."""
    known = circumstances(session, [(row, decision) for row, decision, _ in rows])
    return [_judgement(*row, one, space) for row, one in zip(rows, known, strict=True)]


def _judgement(
    row: FeedbackRow, decision: DecisionRow, query: QueryRow, known: Circumstances, space: Space
) -> Feedback:
    """A row of feedback as the router's noun; it is about the arm that was chosen, whichever answered in the end.

    A failure was learned when it happened, and so without a place where the question got one by a later judgement.
    """
    late = row.rater == ENGINE and decision.embed_seconds == 0
    return Feedback(
        decision_id=row.decision_id,
        arm=Arm.parse(decision.arm),
        embedding=space.nowhere if late else space.vector(query),
        reward=_share(row.reward),
        rater=row.rater,
        kind=row.kind,
        weight=float(row.weight),
        propensity=float(decision.propensity),
        at=row.at.timestamp(),
        text="" if is_redacted(query.text) else query.text,
        answer_tokens=known.answer_tokens,
        expected=known.expected,
        revision=decision.revision or "",
    )


def _models_asked() -> ScalarSelect[int]:
    """Of an outcome: how many models were asked in its run."""
    asked = select(func.count(func.distinct(col(CallRow.model))))
    return asked.where(col(CallRow.decision_id) == col(OutcomeRow.decision_id)).scalar_subquery()


def _length() -> Case[int]:
    """Of an outcome: the characters of its question; 0 where the text was not kept."""
    text = col(QueryRow.text)
    return case((text.startswith(HIDDEN), 0), else_=func.length(text))


def _outcome(row: OutcomeRow, characters: int, mixed: bool, side: str | None) -> Outcome | None:
    """The row as the router's noun; None for one that cannot be read."""
    usage = Usage(row.prompt_tokens, row.completion_tokens, row.seconds, row.gpu_seconds, row.usd)
    try:
        return Outcome(
            row.decision_id,
            Arm.parse(row.arm),
            usage,
            row.seconds,
            row.calls,
            row.status,
            row.error,
            row.first_token_seconds,
            question_chars=characters,
            mixed=mixed,
            aside=side is not None,
            waited=row.waited,
        )
    except UNREADABLE:
        return None


def _share(value: float) -> float:
    """A reward as it was taken down, 0..1. Raises ValueError for what has become of it otherwise."""
    if not 0.0 <= float(value) <= 1.0:
        raise ValueError(f"{value!r} is no reward")
    return float(value)
