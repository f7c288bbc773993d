"""Reading the log: the latest decisions, page by page, and one decision with everything that belongs to it."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any  # JSON

from sqlalchemy import ColumnElement, func, or_, tuple_
from sqlmodel import Session, col, select

from models.errors import BadRequest
from store.database import Database
from store.recorder import Recorder
from store.tables import CallRow, DecisionRow, FeedbackRow, NoteRow, OutcomeRow, QueryRow

Json = dict[str, Any]
PATIENCE = 2.0
"""Seconds that a reader waits for what was told before; the log is shown as it is after that."""
MOST = 1000


class Log:
    """The log as JSON. Times are ISO 8601 in UTC."""

    def __init__(self, database: Database, recorder: Recorder) -> None:
        self._database, self._recorder = database, recorder

    async def decisions(
        self, limit: int = 50, before: str | None = None, arm: str | None = None, q: str | None = None
    ) -> list[Json]:
        """The latest decisions, newest first.

        `before` is a decision's id, or a time: only older ones. `arm` is strategy@model, a model or a strategy. `q` is
        looked for in the question, whatever its case. Raises BadRequest for a `before` that is neither, StoreError.
        """
        await self._recorder.flush(PATIENCE)
        return await asyncio.to_thread(self._decisions, limit, before, arm, q)

    async def decision(self, decision_id: str) -> Json | None:
        """One decision with its estimates, neighbours, calls, notes, outcome and feedback; None if unknown."""
        await self._recorder.flush(PATIENCE)
        return await asyncio.to_thread(self._decision, decision_id)

    async def latest(self, conversation: str, message: str | None = None, key: str | None = None) -> str | None:
        """The id of the latest decision in a client's conversation, on its message if one is named; None if unknown.

        `key` is the id of the API key whose conversations are looked at, for clients choose these names, and others may
        choose the same; None: everybody's. Side requests are left out: they are logged in no conversation, though apps
        send them under the chat's id.
        """
        await self._recorder.flush(PATIENCE)
        kept = self._recorder.redaction.name
        return await asyncio.to_thread(self._latest, kept(conversation), message and kept(message), key)

    def _latest(self, conversation: str, message: str | None, key: str | None) -> str | None:
        wanted = (
            select(DecisionRow.id)
            .join(QueryRow, col(QueryRow.id) == col(DecisionRow.id))
            .where(col(QueryRow.conversation) == conversation)
            .order_by(col(DecisionRow.at).desc(), col(DecisionRow.id).desc())
            .limit(1)
        )
        if message is not None:
            wanted = wanted.where(col(QueryRow.message) == message)
        if key is not None:
            wanted = wanted.where(col(QueryRow.key) == key)
        with self._database.read() as session:
            return session.exec(wanted).first()

    def _decisions(self, limit: int, before: str | None, arm: str | None, q: str | None) -> list[Json]:
        wanted = (
            select(DecisionRow, QueryRow.text, OutcomeRow)
            .join(QueryRow, col(QueryRow.id) == col(DecisionRow.id))
            .outerjoin(OutcomeRow, col(OutcomeRow.decision_id) == col(DecisionRow.id))
            .order_by(col(DecisionRow.at).desc(), col(DecisionRow.id).desc())
            .limit(max(0, min(limit, MOST)))
        )
        if q:
            wanted = wanted.where(col(QueryRow.text).icontains(q, autoescape=True))
        with self._database.read() as session:
            if arm:
                wanted = wanted.where(_of(session, arm))
            if before:
                at, last = _cursor(session, before)
                wanted = wanted.where(tuple_(col(DecisionRow.at), col(DecisionRow.id)) < tuple_(at, last))
            # Outer joins give None where nothing is joined, which the stubs do not say.
            rows: Sequence[tuple[DecisionRow, str, OutcomeRow | None]] = list(session.exec(wanted))
            rewards = _rewards(session, [row.id for row, _, _ in rows])
        return [{**_line(row, text, outcome), **rewards.get(row.id, NO_REWARD)} for row, text, outcome in rows]

    def _decision(self, decision_id: str) -> Json | None:
        with self._database.read() as session:
            row, query = session.get(DecisionRow, decision_id), session.get(QueryRow, decision_id)
            if row is None or query is None:
                return None
            outcome = session.get(OutcomeRow, decision_id)
            calls = select(CallRow).where(CallRow.decision_id == decision_id).order_by(col(CallRow.position))
            notes = select(NoteRow).where(NoteRow.decision_id == decision_id).order_by(col(NoteRow.position))
            judged = select(FeedbackRow).where(FeedbackRow.decision_id == decision_id).order_by(col(FeedbackRow.id))
            return {
                **_line(row, query.text, outcome),
                "query": {"text": query.text, **query.request},
                "constraints": query.constraints,
                "conversation": query.conversation,
                "message": query.message,
                "key": query.key,
                "side": query.side,
                "origin": query.origin,
                "policy_version": row.policy_version,
                "revision": row.revision,
                "snapshot": row.snapshot,
                "propensities": row.propensities,
                "estimates": row.estimates,
                "neighbours": row.neighbours,
                "embed_seconds": row.embed_seconds,
                "decide_seconds": row.decide_seconds,
                "calls": [_json(call, leave=("id", "decision_id")) for call in session.exec(calls)],
                "notes": [_json(note, leave=("id", "decision_id")) for note in session.exec(notes)],
                "outcome": None if outcome is None else _json(outcome, leave=("decision_id",)),
                "feedback": [_json(one, leave=("decision_id",)) for one in session.exec(judged)],
                **_rewards(session, [row.id]).get(row.id, NO_REWARD),
            }


NO_REWARD: Json = {"reward": None, "judgements": 0}


def _line(row: DecisionRow, question: str, outcome: OutcomeRow | None) -> Json:
    """A decision as the list shows it."""
    return {
        "object": "decision",
        "id": row.id,
        "at": _iso(row.at),
        "question": question,
        "arm": row.arm,
        "model": row.model,
        "strategy": row.strategy,
        "policy": row.policy,
        "probability": row.propensity,
        "utility": row.utility,
        "why": row.why,
        "status": None if outcome is None else outcome.status,
        "answered_by": None if outcome is None else outcome.arm,
        "answer": None if outcome is None else outcome.text,
        "seconds": None if outcome is None else outcome.seconds,
        "model_calls": None if outcome is None else outcome.calls,
    }


def _rewards(session: Session, decision_ids: Sequence[str]) -> dict[str, Json]:
    """The mean reward of each judged decision, and how many judgements there are."""
    wanted = (
        select(FeedbackRow.decision_id, func.avg(FeedbackRow.reward), func.count())
        .where(col(FeedbackRow.decision_id).in_(decision_ids))
        .group_by(col(FeedbackRow.decision_id))
    )
    return {key: {"reward": float(mean), "judgements": n} for key, mean, n in session.exec(wanted)}


def _of(session: Session, arm: str) -> ColumnElement[bool]:
    """Whether a decision is of this arm, model or strategy: by one column if one will do, since that has an index."""
    columns = [col(DecisionRow.arm)] if "@" in arm else [col(DecisionRow.model), col(DecisionRow.strategy)]
    newest = select(DecisionRow.id).order_by(col(DecisionRow.at).desc()).limit(1)
    held = [one == arm for one in columns if session.exec(newest.where(one == arm)).first() is not None]
    return or_(*held) if held else columns[0] == arm


def _cursor(session: Session, before: str) -> tuple[datetime, str]:
    """Where a page begins: just before that decision, or at that time."""
    row = session.get(DecisionRow, before)
    if row is not None:
        return row.at, row.id
    try:
        at = datetime.fromisoformat(before)
    except ValueError as error:
        raise BadRequest(f"before = {before!r} is neither a decision's id nor a time", param="before") from error
    return (at.replace(tzinfo=UTC) if at.tzinfo is None else at), ""


def _json(row: CallRow | NoteRow | OutcomeRow | FeedbackRow, leave: tuple[str, ...]) -> Json:
    values = row.model_dump(exclude=set(leave))
    return {name: _iso(value) if isinstance(value, datetime) else value for name, value in values.items()}


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")
