"""What is looked at on every request: has the task switched, may this be asked, may this be said.

Without a history and without a moderator it costs microseconds.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from models.backend import Backend
from models.errors import BadRequest, ModelError, NoArmLeft
from models.types import Message, Reply, Request, Usage
from router.types import Decided, Decision
from strategies.core import Noted, Query, Token
from strategies.core.events import Fact, RunEvent
from strategies.core.intent import points_back, resolve, rewritten
from strategies.core.moderating import Moderator, Verdict
from strategies.core.query import Vector
from strategies.core.switching import compared, switch, trimmed

FILTERED = "content_filter"
Emit = Callable[[Decided | RunEvent], None]


class Unjudged(NoArmLeft):
    """The moderator could not be asked about an answer, so it was not sent."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as the strategies see it, and what is to be told of it at the start of its run."""

    request: Request
    notes: tuple[Noted, ...] = ()


@dataclass(frozen=True, slots=True)
class Guards:
    """The guards of a service. `moderator` None: nothing is moderated; `rewriter` writes out turns that code cannot."""

    task_switch: bool = True
    screening: bool = True
    moderator: Moderator | None = None
    rewriter: Backend | None = None

    def compared(self, request: Request) -> list[str]:
        """The earlier questions whose embeddings `trim` wants; none where the history stays in any case."""
        if not self.task_switch or len(request.messages) < 3 or request.tools:
            return []
        return compared(request.messages)

    def trim(self, request: Request, rows: Vector) -> Seen:
        """The request without the history of another task; `rows` embed its question and what `compared` gave."""
        if len(rows) < 2:
            return Seen(request)
        found = switch(rows[0], rows[1:])
        if not found.switched:
            return Seen(request)
        left = trimmed(request.messages)
        gone = len(request.messages) - len(left)
        note = Noted(
            f"The task switched: {gone} earlier messages are left out.",
            {"trimmed": gone, "cosine_to_mean": round(found.mean, 4), "cosine_to_last": round(found.last, 4)},
        )
        return Seen(replace(request, messages=left), (note,))

    async def admit(self, request: Request) -> tuple[Noted, ...]:
        """Let the moderator judge what is asked: the last turn with its references resolved, and all turns together.

        Raises BadRequest where it flags one of them, ModelError where it cannot be asked.
        """
        if self.moderator is None:
            return ()
        turns = [message.text for message in request.messages if message.role == "user"]
        texts = [await self._resolved(request.messages)]
        if len(turns) > 1:
            texts.append("\n\n".join(turns))
        verdicts = []
        for text in texts:
            verdicts.append(await self.moderator.judge(text))
            if verdicts[-1].flagged:
                raise BadRequest("this request was filtered by the content policy", param="messages", code=FILTERED)
        return _told(self.moderator, verdicts, "the request")

    async def passed(self, written: Reply | str, emit: Emit) -> Reply | str:
        """The answer, once the moderator has let it pass. Raises BadRequest where it is flagged, Unjudged."""
        if self.moderator is None:
            return written
        text = written
        if isinstance(written, Reply):
            text = "\n\n".join(_words(one) for one in (written, *written.others))
        try:
            found = await self.moderator.judge(str(text))
        except ModelError as error:
            raise Unjudged(
                f"moderator {self.moderator.name!r} could not judge the answer: {error}", (error,)
            ) from error
        if found.flagged:
            raise BadRequest("the answer was filtered by the content policy", code=FILTERED)
        for note in _told(self.moderator, [found], "the answer"):
            emit(note)
        return written

    def heard(self, emit: Emit) -> Emit:
        """Where a strategy's events go: with a moderator, nothing of an answer is sent before it is judged."""
        if self.moderator is None:
            return emit

        def hold(event: Decided | RunEvent) -> None:
            if isinstance(event, Noted):  # its words may quote the answer; the log keeps them
                emit(Noted("Working.", {**event.facts, "note": event.text}))
            elif not isinstance(event, Token):
                emit(event)

        return hold

    async def _resolved(self, messages: Sequence[Message]) -> str:
        """The last turn with its references resolved: in code, or by a model where code finds nothing."""
        text = next(message.text for message in reversed(messages) if message.role == "user")
        found = resolve(messages)
        alone = sum(message.role == "user" for message in messages) < 2
        if self.rewriter is None or alone or found != text or not points_back(text):
            return found
        return f"{text}\n{await rewritten(self.rewriter, messages) or ''}".strip()


def seen_by(decision: Decision) -> Query:
    """The query as strategies see it: without what was trimmed."""
    return decision.query if decision.seen is None else replace(decision.query, request=decision.seen)


def _told(moderator: Moderator, verdicts: Sequence[Verdict], what: str) -> tuple[Noted, ...]:
    """What judging took and what could not be read; nothing of a moderator that takes nothing."""
    why = next((one.why for one in verdicts if one.why), "")
    usage = sum((one.usage for one in verdicts if one.usage is not None), Usage())
    if not why and usage == Usage():
        return ()
    facts: dict[str, Fact] = {
        "moderator": moderator.name,
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "judged_seconds": usage.seconds,
    }
    return (Noted(f"{moderator.name} let {what} pass{': ' + why if why else ''}.", facts),)


def _words(reply: Reply) -> str:
    """All that a reply says, its tool calls included."""
    called = [json.dumps(call, ensure_ascii=False, default=str) for call in reply.tool_calls]
    return "\n\n".join(part for part in (reply.reasoning, reply.text, *called) if part)
