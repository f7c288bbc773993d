"""Ratings: a judgement of an answer into SQL, once however often it is sent, and back as what the router learns."""

import asyncio
import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, or_
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col, select

from models.errors import BadRequest, StoreError, UserError
from router.types import Feedback
from store.circumstances import ABOVE
from store.database import Database, reason
from store.examples import Examples
from store.history import judged, judgements
from store.lines import Row, utc
from store.news import News
from store.placing import Placing
from store.readable import UNREADABLE
from store.recorder import Recorder
from store.space import Space
from store.tables import TABLES, DecisionRow, FeedbackRow, QueryRow
from store.teaching import teaches
from store.writing import insert_new

PATIENCE = 5.0
"""Seconds that a judgement waits for its decision to come into SQL."""


class UnknownDecision(UserError):
    """No decision has this id (404)."""


@dataclass(frozen=True, slots=True, eq=False)
class Rated:
    """The judgements that count, one or (for a preference) two; `repeated` if they had been given before.

    None counts of a side request, nor of an answer that another arm gave than the chosen one (store.history.teaches).
    `rows` are the ids of all that were kept.
    """

    feedback: tuple[Feedback, ...]
    repeated: bool
    rows: tuple[int, ...] = ()


class Ratings:
    """Where judgements come in."""

    def __init__(
        self, database: Database, recorder: Recorder, examples: Examples, space: Space, placing: Placing, news: News
    ) -> None:
        self._database, self._recorder, self._examples, self._space = database, recorder, examples, space
        self._placing, self._news = placing, news

    def through(self, news: News) -> "Ratings":
        """The same ratings for whoever learns by this news."""
        return Ratings(self._database, self._recorder, self._examples, self._space, self._placing, news)

    async def rate(
        self,
        decision_id: str,
        reward: float,
        *,
        rater: str = "user",
        kind: str = "score",
        weight: float = 1.0,
        comment: str | None = None,
        idempotency_key: str | None = None,
        preferred: str | None = None,
        correction: str | None = None,
        asked_with: str | None = None,
    ) -> Rated:
        """Take a judgement down; what it says is in SQL when this returns.

        `preferred` names the answer that was better: that one is worth 1 and this one 0. A `correction` is the answer
        that should have been given; this one is worth 0. The same key, or the same judgement of the same rater, counts
        once. `asked_with` is the id of the API key whose answers alone may be judged; None: everybody's. What other
        processes were told before is learned on the way (store.news): hold the router's turns.
        Raises UnknownDecision, BadRequest, StoreError.
        """
        if not 0.0 <= reward <= 1.0 or not 0.0 <= weight <= 1.0:
            raise BadRequest(f"reward {reward!r} and weight {weight!r} must lie between 0 and 1", param="score")
        if preferred == decision_id:
            raise BadRequest("preferred must name another answer than id", param="preferred")
        rows = [_row(decision_id, reward, rater, kind, weight)]
        if correction is not None:
            digest = hashlib.sha256(correction.encode("utf-8", "replace")).hexdigest()
            rows = [{**_row(decision_id, 0.0, rater, "correction", weight), "value": digest, "correction": correction}]
        elif preferred is not None:
            worse = {**_row(decision_id, 0.0, rater, "preference", weight), "value": f"below {preferred}"}
            better = {**_row(preferred, 1.0, rater, "preference", weight), "value": f"{ABOVE}{decision_id}"}
            rows = [{**worse, "preferred": preferred}, {**better, "preferred": preferred}]
        rows[0] |= {"comment": comment, "idempotency_key": idempotency_key}
        rows = [self._recorder.redaction.row("feedback", row) for row in rows]
        if self._recorder.stalled:
            raise StoreError("the log cannot be written now, and so the feedback was not taken down: try again")
        ids = [row["decision_id"] for row in rows]
        await self.find(ids, asked_with)
        await self._placing.place(ids)
        rated = await asyncio.to_thread(self._rate, rows)
        if not rated.repeated:
            await self._news.catch_up(rated.rows)
        return rated

    async def find(self, decision_ids: Sequence[str], asked_with: str | None = None) -> None:
        """Whether all of these can be judged: in the log, and asked with that key (None: any).

        One of another key's is as unknown as one that there is not. Raises UnknownDecision, StoreError.
        """
        # Decisions come into SQL behind the answer: one that was just given may still be on its way.
        written = await self._recorder.flush(PATIENCE)
        there = await self.among(decision_ids, asked_with)
        for decision_id in decision_ids:
            if decision_id in there:
                continue
            if not written:
                raise StoreError("the log is behind; the decision may still be on its way into it: try again")
            raise UnknownDecision(f"no decision has the id {decision_id!r}", param="id", code="decision_not_found")

    async def among(self, decision_ids: Sequence[str], asked_with: str | None = None) -> frozenset[str]:
        """Those of the decisions that SQL holds now, asked with this key (None: with any). Raises StoreError."""
        return await asyncio.to_thread(self._among, decision_ids, asked_with)

    def _among(self, decision_ids: Sequence[str], asked_with: str | None) -> frozenset[str]:
        wanted = select(DecisionRow.id).where(col(DecisionRow.id).in_(decision_ids))
        if asked_with is not None:
            asked = col(QueryRow.id) == col(DecisionRow.id)
            wanted = wanted.join(QueryRow, asked).where(col(QueryRow.key) == asked_with)
        with self._database.read() as session:
            return frozenset(session.exec(wanted))

    def _rate(self, rows: Sequence[Row]) -> Rated:
        try:
            repeated = self._insert(rows)
        except SQLAlchemyError as error:
            raise StoreError(f"the feedback was not taken down: {reason(error)}") from error
        rated = self._kept(rows, repeated)
        self._examples.refresh([row["decision_id"] for row in rows])
        return rated

    def _insert(self, rows: Sequence[Row]) -> bool:
        """Whether the judgement was there before; the first row decides, the other one follows from it."""
        with self._database.write() as connection:
            if insert_new(self._database, connection, TABLES["feedback"], rows[:1]) == 0:
                return True
            insert_new(self._database, connection, TABLES["feedback"], rows[1:])
            return False

    def _kept(self, rows: Sequence[Row], repeated: bool) -> Rated:
        """What SQL holds of this judgement: what was said first, if its key came back with something else."""
        key, ids = rows[0]["idempotency_key"], {row["decision_id"] for row in rows}
        same = [
            and_(*(col(getattr(FeedbackRow, name)) == row[name] for name in ("decision_id", "rater", "kind", "value")))
            for row in rows
        ]
        by_key = [] if key is None else [col(FeedbackRow.idempotency_key) == key]
        both = or_(*same, *by_key)
        kept = select(FeedbackRow.id, FeedbackRow.decision_id).where(both)
        try:
            with self._database.read() as session:
                found = [(row or 0, decision_id) for row, decision_id in session.exec(kept)]
                if repeated and not any(decision_id in ids for _, decision_id in found):
                    raise BadRequest("this idempotency_key was used for another answer", param="idempotency_key")
                learned = list(session.exec(judged().where(both, teaches()).order_by(col(FeedbackRow.id))))
                feedback = tuple(judgements(session, learned, self._space))
                return Rated(feedback, repeated, tuple(row for row, _ in found))
        except UNREADABLE as error:
            raise StoreError(f"the decision is damaged in the log, nothing is learned from it: {error}") from error


def _row(decision_id: str, reward: float, rater: str, kind: str, weight: float) -> Row:
    judged: Row = {"rater": rater, "kind": kind, "value": repr(float(reward)), "reward": reward, "weight": weight}
    return {"decision_id": decision_id, "at": utc(time.time()), **judged}
