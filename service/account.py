"""What a run has told so far, and what of it the client hears: completion, headers, `pointsman` object."""

import time
from dataclasses import dataclass, field
from typing import Any  # JSON

from models.types import Reply
from router.types import Decision, Ended, Event, Outcome
from service.wire import logprobs_json, message_json, usage_json
from strategies.core import Answered, Called, Noted


@dataclass(slots=True)
class Account:
    """Gathers the events of one run; `begun` is when its request arrived, `decided` when its run began, by
    the performance counter."""

    decision: Decision
    begun: float
    decided: float = field(default_factory=time.perf_counter)
    created: int = field(default_factory=lambda: int(time.time()))
    reply: Reply | None = None
    outcome: Outcome | None = None
    instead: str = ""
    _calls: list[tuple[float, float]] = field(default_factory=list)

    def take(self, event: Event) -> None:
        """Note what the event says."""
        if isinstance(event, Called):
            now = time.perf_counter()
            self._calls.append((now - event.seconds, now))
        elif isinstance(event, Answered):
            self.reply = event.reply
        elif isinstance(event, Ended):
            self.outcome = event.outcome
        elif isinstance(event, Noted):
            self.instead = str(event.facts.get("instead", "")) or self.instead

    @property
    def arm(self) -> str:
        """The arm that answered; until that is known, the one that is at it."""
        return str(self.outcome.arm) if self.outcome else self.instead or str(self.decision.arm)

    def overhead(self, streaming: bool) -> float:
        """Seconds that no model was at work; of a stream, those before its run began."""
        if streaming:
            return self.decided - self.begun
        return time.perf_counter() - self.begun - _covered(self._calls)

    def headers(self, overhead: float) -> dict[str, str]:
        """The headers of the answer."""
        return {
            "x-pointsman-arm": self.arm,
            "x-pointsman-policy": self.decision.policy,
            "x-pointsman-overhead-ms": f"{1000 * overhead:.2f}",
        }

    def told(self) -> dict[str, Any]:
        """The `pointsman` object: which arm answered, why, and what it took."""
        outcome, decision = self.outcome, self.decision
        arm = outcome.arm if outcome else decision.arm
        told: dict[str, Any] = {
            "arm": str(arm),
            "model": arm.model,
            "strategy": arm.strategy,
            "why": decision.why,
            "probability": decision.probability,
            "calls": outcome.calls if outcome else len(self._calls),
            "seconds": outcome.seconds if outcome else time.perf_counter() - self.decided,
        }
        if outcome and outcome.status == "degraded":
            told |= {"degraded": True, "error": outcome.error, "chosen": str(decision.arm)}
        return told

    def completion(self) -> dict[str, Any]:
        """The whole answer as a chat completion."""
        if self.reply is None or self.outcome is None:
            raise RuntimeError("the run ended without an answer and without an error")
        choices = [
            {
                "index": index,
                "message": message_json(reply),
                "logprobs": logprobs_json(reply.logprobs),
                "finish_reason": reply.finish_reason,
            }
            for index, reply in enumerate((self.reply, *self.reply.others))
        ]
        usage = usage_json(self.outcome.usage)
        return {**self.frame("chat.completion"), "choices": choices, "usage": usage, "pointsman": self.told()}

    def frame(self, kind: str) -> dict[str, Any]:
        """What a completion and every chunk of one begin with."""
        return {"id": self.decision.id, "object": kind, "created": self.created, "model": self.arm}


def _covered(spans: list[tuple[float, float]]) -> float:
    """The length of the union of the spans: calls at once count once."""
    total, end = 0.0, float("-inf")
    for start, stop in sorted(spans):
        total += max(0.0, stop - max(start, end))
        end = max(end, stop)
    return total
