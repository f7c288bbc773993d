"""One trace for each run: a span of the whole request, below it the decision and every call of a model.

A reader of the run's events like the log and the metrics, over OpenTelemetry's interface alone: where spans go is not
its business (service/otlp.py). Names follow the GenAI conventions of OpenTelemetry (status: development), ours begin
with `pointsman.`. What was asked and answered is in the spans only where the settings say so, as the log would keep it.
The trace of a caller that sends `traceparent` goes on here; it is not passed on to model servers.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any  # JSON

from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from models.types import Message, Reply, Request, Usage
from router.types import Decided, Decision, Ended, Event
from service import current
from store.redaction import Redaction
from strategies.core import Answered, Called, Failed, Noted, Token

NANO = 1_000_000_000
OURSELVES = "pointsman"
"""The provider of a whole answer; a call's is its model's."""
CARRIED = TraceContextTextMapPropagator()

Facts = dict[str, AttributeValue]


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """A run as it was told: its events with their times, when its request arrived, by which id and in which trace.

    Times are in nanoseconds since 1970.
    """

    decision: Decision
    arrived: int
    decided: int
    request_id: str | None
    carrier: Mapping[str, str]
    events: list[tuple[int, Event]] = field(default_factory=list)


class Tracing:
    """Gathers the events of each run and delivers them when it has ended; `deliver` must not block."""

    def __init__(self, deliver: Callable[[Told], None]) -> None:
        self._deliver = deliver
        self._going: dict[str, Told] = {}

    def tell(self, decision_id: str, event: Event) -> None:
        """Take an event."""
        if isinstance(event, Token):
            return
        if isinstance(event, Decided):
            self._going[decision_id] = _begun(event.decision)
            return
        run = self._going.get(decision_id)
        if run is not None:
            run.events.append((time.time_ns(), event))
            if isinstance(event, Ended):
                del self._going[decision_id]
                self._deliver(run)


class Spans:
    """Makes spans of runs. `providers` names for each model whose it is; `content` says what may be kept of texts."""

    def __init__(self, tracer: Tracer, providers: Mapping[str, str], content: Redaction | None = None) -> None:
        self._tracer, self._providers, self._content = tracer, providers, content

    def write(self, run: Told) -> None:
        """One span of the whole request, and below it those of what was done for it."""
        decision = run.decision
        parent = CARRIED.extract(run.carrier)
        span = self._tracer.start_span(f"chat {decision.arm.model}", parent, SpanKind.SERVER, start_time=run.arrived)
        if not span.is_recording():
            return
        span.set_attributes(_sound(self._asked(run)))
        self._choice(span, run)
        reasons: tuple[str, ...] = ()
        for at, event in run.events:
            if isinstance(event, Called):
                self._call(span, at, event)
            elif isinstance(event, Noted):
                span.add_event("note", _sound(self._noted(event)), at)
            elif isinstance(event, Failed):
                span.add_event("failure", {"error.type": type(event.error).__name__}, at)
            elif isinstance(event, Answered):
                reasons = _reasons(event.reply)
            elif isinstance(event, Ended):
                self._end(span, at, event, reasons)

    def _choice(self, above: Span, run: Told) -> None:
        decision = run.decision
        facts: Facts = {
            "pointsman.arm.chosen": str(decision.arm),
            "pointsman.policy": decision.policy,
            "pointsman.propensity": decision.probability,
            "pointsman.arms": len(decision.propensities),
            "pointsman.embed_seconds": decision.embed_seconds,
        }
        began = run.decided - _nanoseconds(decision.seconds + decision.embed_seconds)
        span = self._tracer.start_span("decide", set_span_in_context(above), attributes=facts, start_time=began)
        span.end(run.decided)

    def _asked(self, run: Told) -> Facts:
        decision, query = run.decision, run.decision.query
        facts: Facts = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": OURSELVES,
            "gen_ai.request.model": decision.arm.model,
            "gen_ai.response.id": decision.id,
        }
        if query.conversation is not None:
            facts["gen_ai.conversation.id"] = query.conversation
        if run.request_id is not None:
            facts["pointsman.request_id"] = run.request_id
        if query.origin.side is not None:
            facts["pointsman.side_request"] = query.origin.side
        return facts | self._input(query.request.messages)

    def _call(self, above: Span, at: int, called: Called) -> None:
        facts: Facts = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": self._providers.get(called.model, OURSELVES),
            "gen_ai.request.model": called.model,
            "pointsman.label": called.label,
        }
        facts |= _parameters(called.request) | self._input(called.request.messages)
        if called.reply is not None:
            facts |= _taken(called.reply.usage) | self._output((called.reply, *called.reply.others))
            facts |= {"gen_ai.response.model": called.model, "gen_ai.response.finish_reasons": _reasons(called.reply)}
        span = self._tracer.start_span(
            f"chat {called.model}",
            set_span_in_context(above),
            SpanKind.CLIENT,
            _sound(facts),
            start_time=at - _nanoseconds(called.seconds),
        )
        if called.error is not None:
            self._blame(span, called.error)
        span.end(at)

    def _end(self, span: Span, at: int, ended: Ended, reasons: tuple[str, ...]) -> None:
        outcome = ended.outcome
        facts = _taken(outcome.usage)
        facts |= {
            "gen_ai.response.model": outcome.arm.model,
            "pointsman.arm": str(outcome.arm),
            "pointsman.status": outcome.status,
            "pointsman.calls": outcome.calls,
        }
        if reasons:
            facts["gen_ai.response.finish_reasons"] = reasons
        if outcome.first_token_seconds is not None:
            facts["gen_ai.response.time_to_first_chunk"] = outcome.first_token_seconds
        span.set_attributes(_sound(facts | self._output((Reply(ended.text),) if ended.text else ())))
        if outcome.status == "failed":
            self._blame(span, outcome.error or "failed")
        span.end(at)

    def _blame(self, span: Span, error: str) -> None:
        """An error's words may quote what was asked; its kind does not."""
        kind = error.partition(":")[0]
        span.set_attribute("error.type", kind)
        words = None if self._content is None else str(self._content.row("calls", {"error": error})["error"])
        span.set_status(Status(StatusCode.ERROR, words))

    def _noted(self, noted: Noted) -> Facts:
        """Numbers of a note; its words, and facts that are words, where texts are kept."""
        facts: Facts = {name: value for name, value in noted.facts.items() if isinstance(value, bool | int | float)}
        if self._content is not None:
            row = self._content.row("notes", {"text": noted.text, "facts": dict(noted.facts)})
            facts["text"] = str(row["text"])
            facts |= {name: value for name, value in row["facts"].items() if isinstance(value, str)}
        return facts

    def _input(self, messages: Iterable[Message]) -> Facts:
        if self._content is None:
            return {}
        said = [{"role": message.role, "parts": _parts(message.text, message.tool_calls)} for message in messages]
        return {"gen_ai.input.messages": self._kept(said)}

    def _output(self, replies: Iterable[Reply]) -> Facts:
        if self._content is None:
            return {}
        said = [
            {"role": "assistant", "parts": _parts(one.text, one.tool_calls), "finish_reason": one.finish_reason}
            for one in replies
        ]
        return {"gen_ai.output.messages": self._kept(said)} if said else {}

    def _kept(self, said: list[dict[str, Any]]) -> str:
        assert self._content is not None
        return json.dumps(self._content.row("calls", {"messages": said})["messages"], ensure_ascii=False, default=str)


def _begun(decision: Decision) -> Told:
    """What is known when the run begins; a request that came by HTTP has its id and its clock from the gate."""
    request, now = current.state(), time.time_ns()
    arrived = now - _nanoseconds(decision.seconds + decision.embed_seconds)
    if "begun" in request:
        arrived = min(arrived, now - _nanoseconds(time.perf_counter() - request["begun"]))
    carrier = {name: request[name] for name in ("traceparent", "tracestate") if name in request}
    return Told(decision, arrived, now, request.get("request_id"), carrier)


def _parameters(request: Request) -> Facts:
    wanted: dict[str, AttributeValue | None] = {
        "gen_ai.request.temperature": request.temperature,
        "gen_ai.request.top_p": request.top_p,
        "gen_ai.request.max_tokens": request.max_tokens,
        "gen_ai.request.seed": request.seed,
        "gen_ai.request.choice.count": request.n if request.n > 1 else None,
    }
    return {name: value for name, value in wanted.items() if value is not None}


def _taken(usage: Usage) -> Facts:
    facts: Facts = {
        "gen_ai.usage.input_tokens": usage.prompt_tokens,
        "gen_ai.usage.output_tokens": usage.completion_tokens,
    }
    if usage.usd is not None:
        facts["pointsman.usage.usd"] = usage.usd
    if usage.gpu_seconds is not None:
        facts["pointsman.usage.gpu_seconds"] = usage.gpu_seconds
    return facts


def _reasons(reply: Reply) -> tuple[str, ...]:
    return tuple(one.finish_reason for one in (reply, *reply.others))


def _parts(text: str, tool_calls: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A message in the shape of the conventions: its words, and the tools that it calls. Images are left out."""
    parts: list[dict[str, Any]] = [{"type": "text", "content": text}] if text else []
    for call in tool_calls:
        function = call.get("function") or {}
        named = {"name": function.get("name"), "arguments": function.get("arguments")}
        parts.append({"type": "tool_call", "id": call.get("id"), **named})
    return parts


def _sound(facts: Facts) -> Facts:
    """Without halves of characters, which clients do send: one of them would lose the whole batch."""
    return {
        name: value.encode(errors="replace").decode() if isinstance(value, str) and not value.isascii() else value
        for name, value in facts.items()
    }


def _nanoseconds(seconds: float) -> int:
    return int(seconds * NANO)
