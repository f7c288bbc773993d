"""Listening to conversations: what a next turn says of the answer before it becomes a judgement that weighs little.

Two requests belong together when the later one sends back the earlier one's messages and our answer to them, or when
both carry one conversation's id and the same messages before their question; and both come with one API key. All of it
is done behind the answer, by a task of its own; conversations are known for as long as the service runs.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import structlog

from models.types import Message
from router.signals import ASKED_AGAIN, LONGEST, RATER, Signal, heard
from router.turns import Turns
from router.types import Decision, Feedback
from service.metrics import Metrics
from service.unforeseen import UNFORESEEN
from store.ratings import Ratings
from strategies.core.query import Vector

LONG = 50_000
"""Characters of a conversation from which on a thread looks through it, so that answers do not wait."""
KNOWN = 5000
"""As many turns may still be followed by a next one."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, eq=False)
class Turn:
    """A question that was answered; `before` stands for the messages that it followed."""

    decision_id: str
    question: str
    embedding: Vector
    before: bytes


class Hearing:
    """Hears every run that has ended, in turn. `learning` is held while a judgement is kept and learned."""

    def __init__(self, ratings: Ratings, learn: Callable[[Feedback], None], learning: Turns, metrics: Metrics) -> None:
        self._ratings, self._learn, self._learning, self._metrics = ratings, learn, learning, metrics
        self._turns: OrderedDict[bytes, Turn] = OrderedDict()
        self._ended: asyncio.Queue[tuple[Decision, str | None] | None] = asyncio.Queue()
        self._task = asyncio.create_task(self._listen())
        self._task.add_done_callback(_told)

    def ended(self, decision: Decision, answer: str | None) -> None:
        """A run is over; `answer` is None where the user got none that the chosen arm wrote. Returns at once."""
        if not self._task.done():  # else nobody would take it from the queue
            self._ended.put_nowait((decision, answer))

    async def close(self, seconds: float) -> None:
        """Hear what has ended so far, for at most so many seconds."""
        self._ended.put_nowait(None)
        _, late = await asyncio.wait([self._task], timeout=seconds)
        if late:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _listen(self) -> None:
        while (one := await self._ended.get()) is not None:
            decision, answer = one
            long = sum(len(message.text) for message in decision.query.messages) > LONG
            digests = await asyncio.to_thread(_digests, decision, answer) if long else _digests(decision, answer)
            try:
                await self._hear(decision, digests)
            except UNFORESEEN as error:
                log.warning("a signal was not taken down", decision=decision.id, error=str(error))
            if answer is not None:
                self._remember(decision, digests)

    async def _hear(self, decision: Decision, digests: "Digests") -> None:
        """Two turns may be meant: the one whose answer these messages hold, and one in whose place this is asked."""
        replaced, followed = self._turns.get(digests.conversation), self._turns.get(digests.before)
        if replaced is not None and replaced.before == digests.before:
            signal = _signal(replaced, decision)
            # A client that sends no messages before the question lets us find what it follows by its id alone.
            if signal is not None and (signal.kind == ASKED_AGAIN or not digests.before):
                await self._rate(replaced.decision_id, signal, decision.id)
                return
        signal = None if followed is None else _signal(followed, decision)
        if followed is not None and signal is not None:
            await self._rate(followed.decision_id, signal, decision.id)

    async def _rate(self, decision_id: str, signal: Signal, said_in: str) -> None:
        async with self._learning:
            rated = await self._ratings.rate(
                decision_id,
                signal.reward,
                rater=RATER,
                kind=signal.kind,
                weight=signal.weight,
                comment=f"Nobody rated this: {signal.words} ({said_in}).",
            )
            for feedback in () if rated.repeated else rated.feedback:
                self._learn(feedback)
        if not rated.repeated:
            self._metrics.feedback.labels(signal.kind).inc()

    def _remember(self, decision: Decision, digests: "Digests") -> None:
        query = decision.query
        turn = Turn(decision.id, query.text[:LONGEST], query.embedding, digests.before)
        for key in (digests.after, digests.conversation):
            if key:
                self._turns[key] = turn
                self._turns.move_to_end(key)
        while len(self._turns) > KNOWN:
            self._turns.popitem(last=False)


def _told(listening: asyncio.Task[None]) -> None:
    if not listening.cancelled() and (error := listening.exception()) is not None:
        log.error("conversations are not listened to any more", error=f"{type(error).__name__}: {error}")


@dataclass(frozen=True, slots=True)
class Digests:
    """What stands for the messages before the question, for these with question and answer, and for the conversation.

    Empty where there is none: no messages before, no answer, no conversation's id.
    """

    before: bytes
    after: bytes
    conversation: bytes


def _signal(turn: Turn, decision: Decision) -> Signal | None:
    same_space = turn.embedding.shape == decision.query.embedding.shape
    cosine = float(np.dot(turn.embedding, decision.query.embedding)) if same_space else np.nan
    return heard(turn.question, decision.query.text, cosine if np.isfinite(cosine) else None)


def _digests(decision: Decision, answer: str | None) -> Digests:
    """Only what was said counts: clients change their system prompts, and trim what they send back."""
    messages = decision.query.messages
    last = max((i for i, message in enumerate(messages) if message.role == "user"), default=0)
    key = decision.query.origin.key or ""
    said = blake2b(f"{key}\0".encode("utf-8", "replace"), digest_size=16)
    begun = False
    for line in _lines(messages[:last]):
        said.update(line)
        begun = True
    before = said.digest() if begun else b""
    for line in _lines((messages[last], Message("assistant", answer or ""))):
        said.update(line)
    named = decision.query.conversation
    talk = b"" if named is None else blake2b(f"{key}\0{named}".encode("utf-8", "replace"), digest_size=20).digest()
    return Digests(before, said.digest() if answer else b"", talk)


def _lines(messages: tuple[Message, ...]) -> Iterator[bytes]:
    for message in messages:
        words = " ".join(message.text.split())
        if message.role in ("user", "assistant") and words:
            yield f"{message.role}\0{words}\0".encode("utf-8", "replace")
