"""Past questions that may be asked again when nobody waits, with the answers that are known to be right."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any  # JSON

import structlog
from sqlmodel import col, select

from models.types import Message, Request
from router.answer_raters import Past
from router.sticky import ASIDE
from router.types import Arm
from store.database import Database
from store.readable import readable
from store.redaction import is_redacted
from store.tables import DecisionRow, FeedbackRow, OutcomeRow, QueryRow

GOOD = 0.9
"""The mean judgement from which on an answer is taken for right."""
PARAMETERS = frozenset({"temperature", "top_p", "max_tokens", "seed"})
"""A request that asks for more than this (tools, a format, stops) is no plain question."""
LIMITS = frozenset({"models", "strategies", "max_usd"})
"""A question under these limits is not shown to others."""
NO_PERSON = ("engine", "implicit", "known_answers")

log = structlog.get_logger()


class PastQuestions:
    """`router.calibration.Archive` over SQL; `embedder` names whose vectors count."""

    def __init__(self, database: Database, embedder: str) -> None:
        self._database, self._embedder = database, embedder

    async def past(self, limit: int) -> list[Past]:
        """Of the latest decisions, newest first, the plain questions outside of conversations. Raises StoreError."""
        return await asyncio.to_thread(self._past, limit)

    def _past(self, limit: int) -> list[Past]:
        latest = (
            select(QueryRow.id)
            .join(DecisionRow, col(DecisionRow.id) == col(QueryRow.id))
            .join(OutcomeRow, col(OutcomeRow.decision_id) == col(QueryRow.id))
            .where(
                col(QueryRow.conversation).is_(None),
                col(QueryRow.embedder) == self._embedder,
                col(DecisionRow.policy) != ASIDE,
            )
            .order_by(col(DecisionRow.at).desc(), col(DecisionRow.id).desc())
            .limit(limit)
        )
        with self._database.read() as session:
            ids = list(session.exec(latest))
        found = readable(ids, self._read)
        if len(found) < len(ids):
            log.warning("past questions that cannot be read left out", count=len(ids) - len(found))
        return [one for one in found if one is not None]

    def _read(self, ids: Sequence[str]) -> list[Past | None]:
        """These questions, newest first, None for one not to be asked again. Raises ValueError for a damaged row."""
        wanted = (
            select(QueryRow, DecisionRow.propensities, OutcomeRow.text, OutcomeRow.status)
            .join(DecisionRow, col(DecisionRow.id) == col(QueryRow.id))
            .join(OutcomeRow, col(OutcomeRow.decision_id) == col(QueryRow.id))
            .where(col(QueryRow.id).in_(ids))
            .order_by(col(DecisionRow.at).desc(), col(DecisionRow.id).desc())
        )
        with self._database.read() as session:
            rows = list(session.exec(wanted))
            judged = select(FeedbackRow).where(col(FeedbackRow.decision_id).in_(ids))
            feedback: dict[str, list[FeedbackRow]] = defaultdict(list)
            for one in session.exec(judged.order_by(col(FeedbackRow.id))):
                feedback[one.decision_id].append(one)
        found: list[Past | None] = []
        for row, propensities, text, status in rows:
            request = _request(row.request)
            if request is None or LIMITS & set(row.constraints):
                found.append(None)
                continue
            known = _known(feedback[row.id], text if status == "ok" else "")
            found.append(Past(row.id, request, _models(propensities), known))
        return found


def _request(kept: Mapping[str, Any]) -> Request | None:
    """The request as it was, if it is one plain question."""
    messages = kept.get("messages", [])
    given = {name: value for name, value in kept.items() if name != "messages"}
    asked = [one for one in messages if one.get("role") == "user"]
    roles = {one.get("role") for one in messages} <= {"user", "system", "developer"}
    words = all(isinstance(one.get("content"), str) for one in messages)
    if len(asked) != 1 or not roles or not words or set(given) - PARAMETERS or is_redacted(asked[0]["content"]):
        return None
    turns = tuple(Message(one["role"], one["content"], one.get("name")) for one in messages)
    return Request(turns, **given)


def _known(judged: Sequence[FeedbackRow], answer: str) -> str | None:
    """The latest correction; else the answer if people rated it well; else nothing."""
    by_people = [one for one in judged if one.rater not in NO_PERSON and not one.rater.startswith("judge")]
    corrected = [one.correction for one in by_people if one.correction]
    if corrected:
        return corrected[-1]
    rated = [one for one in by_people if one.kind != "preference"]  # better than another one may be wrong, too
    weight = sum(one.weight for one in rated)
    reward = sum(one.reward * one.weight for one in rated)
    return answer if answer.strip() and weight > 0 and reward >= GOOD * weight else None


def _models(propensities: Mapping[str, Any]) -> frozenset[str]:
    """The models that might have answered."""
    found = set()
    for name in propensities:
        try:
            found.add(Arm.parse(name).model)
        except ValueError:
            continue
    return frozenset(found)
