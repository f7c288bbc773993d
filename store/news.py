"""News: what other processes on this database were told, read in the order of the rows and learned here, too."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import func
from sqlmodel import col, select

from router.types import Ended, Event, Feedback
from store.database import Database
from store.examples import Examples
from store.history import judged, judgements
from store.readable import readable
from store.space import Space
from store.tables import DecisionRow, FeedbackRow
from store.teaching import ENGINE, teaches

PAGE = 100
"""Rows at a time; answers go on in between."""


@dataclass(frozen=True, slots=True)
class _Page:
    """Some rows of feedback: what they say, the last one's id, and whether there are no more."""

    feedback: tuple[Feedback, ...]
    last: int
    ended: bool


class News:
    """Feedback of other processes. It says nothing before `follow`, and then each row once.

    Feedback's ids grow in the order of its commits (Database.order_feedback), so that nothing ever appears behind the
    last row that was read. What this process is told itself comes by Ratings, which lets what others were told before
    go first: all processes learn judgements in the same order. What a run taught by failing is learned at once by the
    process that ran it, and by the others when it is in SQL.

    Whoever catches up, or rates and then learns, holds the router's turns meanwhile.
    """

    def __init__(self, database: Database, examples: Examples, space: Space) -> None:
        self._database, self._examples, self._space = database, examples, space
        self._learn: Callable[[Feedback], None] | None = None
        self._last = 0
        self._failed: set[str] = set()
        self._catching = asyncio.Lock()

    def another(self) -> "News":
        """News of the same database for another learner, who hears of each row whatever this one heard."""
        return News(self._database, self._examples, self._space)

    def newest(self) -> int:
        """The id of the last row of feedback; 0 without any. Raises StoreError."""
        with self._database.read() as session:
            return session.exec(select(func.max(FeedbackRow.id))).one() or 0

    def follow(self, since: int, learn: Callable[[Feedback], None]) -> None:
        """From now on, hand what comes after this row to `learn`, whoever heard of it before."""
        self._last, self._learn = since, learn
        self._failed.clear()

    def tell(self, decision_id: str, event: Event) -> None:
        """Hear of a run of this process, before the recorder does: what it teaches by failing is learned already."""
        if self._learn is not None and isinstance(event, Ended) and event.outcome.blamed and not event.outcome.aside:
            self._failed.add(decision_id)

    async def catch_up(self, own: Sequence[int] = ()) -> int:
        """Learn what others were told; returns how many judgements that were. Raises StoreError.

        `own` are the rows that the caller has just added and learns itself: what came before them is learned now.
        """
        count = 0
        async with self._catching:
            ended = self._learn is None
            while not ended and self._learn is not None:
                page = await asyncio.to_thread(self._read, self._last, own)
                # No await from here on: whoever is cancelled has learned a page and passed it, or neither.
                self._last, ended = page.last, page.ended
                for one in page.feedback:
                    if one.rater == ENGINE and one.decision_id in self._failed:
                        self._failed.remove(one.decision_id)
                    else:
                        self._learn(one)
                        count += 1
            self._last = max(self._last, max(own, default=0))
        return count

    def _read(self, last: int, own: Sequence[int]) -> _Page:
        if not own and (newest := self.newest()) <= last:
            return _Page((), newest, True)  # less than `last`: SQLite gives the id of a deleted last row once more
        wanted = (
            select(FeedbackRow.id, FeedbackRow.decision_id, FeedbackRow.rater, teaches())
            .join(DecisionRow, col(DecisionRow.id) == col(FeedbackRow.decision_id))
            .where(col(FeedbackRow.id) > last)
            .order_by(col(FeedbackRow.id))
            .limit(PAGE)
        )
        if own:
            wanted = wanted.where(col(FeedbackRow.id) < max(own), col(FeedbackRow.id).not_in(own))
        with self._database.read() as session:
            rows = [(row or 0, decision_id, rater, told) for row, decision_id, rater, told in session.exec(wanted)]
        if rated := [decision_id for _, decision_id, rater, _ in rows if rater != ENGINE]:
            self._examples.refresh(rated)
        feedback = readable([row for row, _, _, told in rows if told], self._judgements)
        return _Page(tuple(feedback), rows[-1][0] if rows else last, len(rows) < PAGE)

    def _judgements(self, ids: Sequence[int]) -> list[Feedback]:
        """The judgements in these rows. Raises ValueError or TypeError for one that cannot be read."""
        wanted = judged().where(col(FeedbackRow.id).in_(ids)).order_by(col(FeedbackRow.id))
        with self._database.read() as session:
            return judgements(session, list(session.exec(wanted)), self._space)
