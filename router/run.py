"""One run as it happens: every event is told to the log and handed to the reader, and adds up to the outcome."""

import asyncio
import re
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace

from models.errors import (
    BudgetExceeded,
    ContextTooLong,
    ModelOverloaded,
    ModelRefused,
    ModelResting,
    PointsmanError,
    StrategyError,
    UserError,
)
from models.types import Reply, Usage
from router.guards import Unjudged
from router.types import Arm, Decided, Decision, Ended, Event, Outcome
from router.unplaced import SIDE
from strategies.core import Answered, Called, Noted, Token
from strategies.core.events import RunEvent

NOT_THE_ARM = (ContextTooLong, ModelOverloaded, ModelRefused, ModelResting, UserError, Unjudged)
"""What tells nothing against an arm: the request's own fault, a crowd, or a server that was not even asked."""
Tell = Callable[[str, Event], None]
"""Writes an event of a decision down; it never blocks and never raises."""


class Run:
    """The run of one decision.

    Events wait here for a slow reader: at most one answer's worth, which the model's limit of tokens bounds.
    """

    def __init__(self, decision: Decision, tell: Tell) -> None:
        self.decision, self.arm = decision, decision.arm
        self.first_error: PointsmanError | None = None
        self.kept = False
        self.partly: str | None = None
        """Which of the calls that were made at once failed, though the others gave an answer."""
        self.text = ""
        self.streamed = False
        self.usage, self.calls, self.waited = Usage(), 0, 0.0
        self._models: set[str] = set()
        self._tell, self._waiting = tell, asyncio.Queue[Event | None]()
        self._start = time.perf_counter()
        self._first_token: float | None = None
        self._delivered = False

    @property
    def seconds(self) -> float:
        """How long the run has been going."""
        return time.perf_counter() - self._start

    def emit(self, event: Decided | RunEvent) -> None:
        """Tell the log at once and let the reader have it when it comes."""
        if isinstance(event, Called):
            self.waited = event.waited if self.calls == 0 else self.waited
            self.calls += 1
            self._models.add(event.model)
            self.usage += event.reply.usage if event.reply is not None else Usage()
        elif isinstance(event, Token):
            self.text += event.text
            self.streamed = True
            self._first_token = self.seconds if self._first_token is None else self._first_token
        elif isinstance(event, Noted) and "failed" in event.facts:
            self.partly = self.partly or event.text
        self._tell(self.decision.id, event)
        self._waiting.put_nowait(event)

    def answered(self, arm: Arm, written: Reply | str) -> None:
        """The strategy has returned: send what was not streamed yet, then the whole.

        Raises StrategyError if the user has already read something else than what was returned.
        """
        reply = self._bounded(written, arm) if isinstance(written, str) else written
        if not reply.text.startswith(self.text):
            raise StrategyError(f"{arm} returned another text than the one it streamed")
        if not self.streamed and (reply.text or reply.tool_calls or reply.reasoning):
            self.emit(Token(reply.text, reply.reasoning, reply.tool_calls, reply.logprobs))
        elif len(reply.text) > len(self.text):
            self.emit(Token(reply.text[len(self.text) :]))
        self.arm = arm
        self.emit(Answered(reply))

    def _bounded(self, written: str, arm: Arm) -> Reply:
        """A text that a strategy put together, within the caller's stops and length; a word is a token or more."""
        asked = self.decision.query.request
        ends = [at for stop in asked.stop if stop and (at := written.find(stop)) >= 0]
        text, reason = written[: min(ends)] if ends else written, "stop"
        words = list(re.finditer(r"\S+", text))
        if asked.max_tokens is not None and len(words) > asked.max_tokens:
            text, reason = text[: words[asked.max_tokens - 1].end()], "length"
        return Reply(text, finish_reason=reason, usage=self.usage, model=arm.model)

    async def events(self, work: asyncio.Task[None]) -> AsyncGenerator[Event, None]:
        """Every event as it comes, until the work is done."""
        work.add_done_callback(lambda _: self._waiting.put_nowait(None))
        while (event := await self._waiting.get()) is not None:
            self._delivered = self._delivered or isinstance(event, Answered)
            yield event

    def _blamed(self, reason: BaseException | None) -> bool:
        limits = self.decision.query.constraints
        limited = (limits.max_calls, limits.max_tokens, limits.max_seconds) != (None, None, None)
        if self.kept or self.decision.policy == SIDE or isinstance(reason, NOT_THE_ARM):
            return False
        return not (isinstance(reason, BudgetExceeded) and limited)

    def end(self, work: asyncio.Task[None]) -> Ended:
        """The last event: what the run took and what became of it. An answer nobody waited for counts as cancelled."""
        error = work.exception() if work.done() and not work.cancelled() else None
        if error is not None:
            status = "failed"
        elif not self._delivered:
            status = "cancelled"
        else:
            status = "ok" if self.first_error is None and self.partly is None else "degraded"
        reason = self.first_error or error
        outcome = Outcome(
            self.decision.id,
            self.arm,
            replace(self.usage, seconds=self.seconds),
            self.seconds,
            self.calls,
            status,
            self.partly if reason is None else f"{type(reason).__name__}: {reason}",
            self._first_token,
            blamed=reason is not None and status in ("degraded", "failed") and self._blamed(reason),
            question_chars=len(self.decision.query.text),
            mixed=len(self._models) > 1,
            aside=self.decision.policy == SIDE,
            waited=self.waited,
        )
        ended = Ended(outcome, self.decision, self.text)
        self._tell(self.decision.id, ended)
        return ended
