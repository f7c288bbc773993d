"""Past answers that were rated well, nearest first: read from SQL once, then kept in step with each judgement."""

import asyncio
import threading
import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any  # JSON columns

import numpy as np
from sqlalchemy.orm import load_only
from sqlmodel import col, select

from router.signals import RATER
from store.database import Database
from store.redaction import HIDDEN, is_redacted
from store.space import Space, is_placed
from store.tables import FeedbackRow, OutcomeRow, QueryRow
from strategies.core.query import Example, Vector

GOOD = 0.7
MOST = 20_000
"""The latest rated decisions that are remembered."""
ENOUGH = 4
"""Well-rated answers from which on strategies that show examples have something to show."""
NO_JUDGES = ("engine", RATER)
"""A run that failed is no opinion, and a thank-you alone makes no example of an answer."""


@dataclass(slots=True)
class _Rated:
    key: str | None
    question: str
    answer: str
    embedding: Vector
    judged: list[tuple[float, float]] = field(default_factory=list)
    correction: str | None = None

    @property
    def example(self) -> Example | None:
        """The answer if it was rated well, the correction if there is one; nothing else, nor of a text not kept."""
        if is_redacted(self.question):
            return None
        if self.correction is not None:
            return Example(self.question, self.correction, 1.0)
        weight = sum(w for _, w in self.judged)
        reward = sum(r * w for r, w in self.judged) / weight if weight > 0 else 0.0
        return Example(self.question, self.answer, reward) if reward >= GOOD and self.answer.strip() else None


@dataclass(frozen=True, slots=True, eq=False)
class _Known:
    """An example, where its question lies, and with which API key it was asked (None: without one)."""

    example: Example
    place: Vector
    key: str | None


class Examples:
    """The well-rated past. An answer that was put right counts with its correction as the answer.

    A question without a place in the space is no example: it is near to none. What was asked with one API key is shown
    to nobody else's requests.
    """

    def __init__(self, database: Database, space: Space) -> None:
        self._database, self._space = database, space
        self._lock = threading.Lock()
        self._known: dict[str, _Known] | None = None
        self._of_key: dict[str | None, _OfKey] = {}
        self._size = self._count()

    def offers(self) -> frozenset[str]:
        """What strategies may count on: "examples" while there are a few."""
        return frozenset({"examples"}) if self._size >= ENOUGH else frozenset()

    async def near(self, embedding: Vector, k: int, key: str | None = None) -> list[Example]:
        """The k nearest of this API key's by cosine, nearest first. Raises StoreError."""
        return await asyncio.to_thread(self._near, embedding, k, key)

    async def sample(self, n: int, key: str | None = None) -> list[Example]:
        """Up to n of this API key's, spread over the log: those whose ids have the least checksums, so that a new
        judgement rarely changes which. Raises StoreError.
        """
        return await asyncio.to_thread(self._sample, n, key)

    def alone(self) -> list[Example]:
        """All whose questions stood alone, not in a conversation, the latest last. Raises StoreError."""
        latest = self._latest()[::-1]
        found = self._read(latest)
        single = self._single([key for key in latest if key in found])
        return [found[key].example for key in latest if key in single]

    def refresh(self, decision_ids: Sequence[str]) -> None:
        """These decisions were judged anew. Raises StoreError."""
        with self._lock:
            if self._known is None:
                self._size = self._count()
                return
            found = self._read(decision_ids)
            for decision_id in decision_ids:
                self._known.pop(decision_id, None)
            self._known.update(found)
            self._of_key.clear()
            self._size = len(self._known)

    def _near(self, embedding: Vector, k: int, key: str | None) -> list[Example]:
        own = self._own(key)
        if not own.ids or k < 1:
            return []
        cosines = own.matrix @ embedding
        best = np.argsort(-cosines, kind="stable")[:k]
        found = [(own.examples[i], float(cosines[i])) for i in best]
        return [Example(one.question, one.answer, one.reward, score) for one, score in found]

    def _sample(self, n: int, key: str | None) -> list[Example]:
        own = self._own(key)
        return [own.examples[i] for i in own.spread[: max(0, n)]]

    def _own(self, key: str | None) -> "_OfKey":
        """What this API key's requests may see."""
        with self._lock:
            if key not in self._of_key:
                known = self._all()
                self._of_key[key] = _OfKey.of({name: one for name, one in known.items() if one.key == key})
            return self._of_key[key]

    def _all(self) -> dict[str, _Known]:
        """All that is remembered, read when it is first wanted; under the lock."""
        if self._known is None:
            self._known = self._read(self._latest())
            self._size = len(self._known)
        return self._known

    def _count(self) -> int:
        """About how many there are, up to ENOUGH: decisions with a judgement that is good or puts the answer right."""
        good = (col(FeedbackRow.reward) >= GOOD) | col(FeedbackRow.correction).is_not(None)
        wanted = (
            select(FeedbackRow.decision_id)
            .join(QueryRow, col(QueryRow.id) == col(FeedbackRow.decision_id))
            .where(good, col(FeedbackRow.rater).not_in(NO_JUDGES), ~col(QueryRow.text).startswith(HIDDEN))
            .distinct()
        )
        with self._database.read() as session:
            return len(session.exec(wanted.limit(ENOUGH)).all())

    def _latest(self) -> list[str]:
        wanted = select(FeedbackRow.decision_id).order_by(col(FeedbackRow.id).desc()).limit(MOST)
        with self._database.read() as session:
            return list(dict.fromkeys(session.exec(wanted)))

    def _single(self, decision_ids: Sequence[str]) -> set[str]:
        """Those whose request holds one message, system messages aside."""
        single: set[str] = set()
        for batch in _batches(decision_ids, 500):
            with self._database.read() as session:
                rows = session.exec(select(QueryRow.id, QueryRow.request).where(col(QueryRow.id).in_(batch))).all()
            single |= {key for key, request in rows if _turns(request) == 1}
        return single

    def _read(self, decision_ids: Sequence[str]) -> dict[str, _Known]:
        rated: dict[str, _Rated] = {}
        for batch in _batches(decision_ids, 500):
            rated.update(self._read_batch(batch))
        found = ((name, one, one.example) for name, one in rated.items())
        return {name: _Known(shown, one.embedding, one.key) for name, one, shown in found if shown is not None}

    def _read_batch(self, decision_ids: Sequence[str]) -> dict[str, _Rated]:
        questions = (
            select(QueryRow, OutcomeRow.text)
            .join(OutcomeRow, col(OutcomeRow.decision_id) == col(QueryRow.id))
            .where(col(QueryRow.id).in_(decision_ids), col(QueryRow.embedder) == self._space.name)
            # SQLModel types a column as its value.
            .options(load_only(QueryRow.text, QueryRow.key, QueryRow.embedder, QueryRow.embedding))  # type: ignore[arg-type]
        )
        judgements = (
            select(FeedbackRow)
            .where(col(FeedbackRow.decision_id).in_(decision_ids), col(FeedbackRow.rater).not_in(NO_JUDGES))
            .order_by(col(FeedbackRow.id))
            .options(load_only(FeedbackRow.decision_id, FeedbackRow.reward, FeedbackRow.weight, FeedbackRow.correction))  # type: ignore[arg-type]
        )
        with self._database.read() as session:
            rows = [(row, said, self._space.vector(row)) for row, said in session.exec(questions)]
            rated = {row.id: _Rated(row.key, row.text, said, place) for row, said, place in rows if is_placed(place)}
            by_decision: dict[str, list[FeedbackRow]] = defaultdict(list)
            for row in session.exec(judgements):
                by_decision[row.decision_id].append(row)
        for key, one in rated.items():
            for row in by_decision[key]:
                one.judged.append((row.reward, row.weight))
                one.correction = row.correction or one.correction
        return rated


@dataclass(frozen=True, slots=True, eq=False)
class _OfKey:
    """One key's examples, the oldest first: their ids, places [n, size], and their order by checksum."""

    ids: tuple[str, ...]
    examples: tuple[Example, ...]
    matrix: Vector
    spread: tuple[int, ...]

    @classmethod
    def of(cls, known: Mapping[str, _Known]) -> "_OfKey":
        """These, made ready to be looked through."""
        ids, found = tuple(known), list(known.values())
        matrix = np.stack([one.place for one in found]) if found else np.zeros((0, 0), dtype=np.float32)
        spread = sorted(range(len(ids)), key=lambda i: (zlib.crc32(ids[i].encode()), ids[i]))
        return cls(ids, tuple(one.example for one in found), matrix, tuple(spread))


def _turns(request: Mapping[str, Any]) -> int:
    turns = [one for one in request.get("messages", ()) if one.get("role") not in ("system", "developer")]
    return len(turns)


def _batches(items: Sequence[str], size: int) -> Iterable[Sequence[str]]:
    return (items[i : i + size] for i in range(0, len(items), size))
