"""Events as rows: what each event of a run leaves in which table, as plain JSON that can wait in the spool."""

import base64
from dataclasses import fields
from typing import Any  # rows are JSON objects

import numpy as np

from models.types import Reply, Request
from router.types import Decided, Decision, Ended, Estimate, Event, Neighbour, Outcome
from store.lines import Row, Rows, to_bytes
from store.space import UNPLACED
from strategies.core import Called, Constraints, Failed, Noted
from strategies.core.query import Origin

ESTIMATE, NEIGHBOUR, CONSTRAINTS, PARAMETERS = (
    # Named once: this runs before every answer, and dataclasses.asdict takes five times as long.
    tuple(field.name for field in fields(kind) if field.name not in ("messages", "whole", "wait"))
    for kind in (Estimate, Neighbour, Constraints, Request)
)
DEFAULTS = Request(())


def rows_of(decision_id: str, event: Event, position: int, at: float, embedder: str) -> Rows:
    """The rows that the event adds, by table, parents first; none for a token or an answer (`Ended` holds the text).

    `position` orders the events of one process, `at` is in seconds since 1970.
    """
    key = {"decision_id": decision_id, "position": position, "at": at}
    match event:
        case Decided(decision):
            return [("queries", _query(decision, at, embedder)), ("decisions", _decision(decision, at))]
        case Called():
            return [("calls", {**key, **_call(event)})]
        case Noted(text, facts):
            return [("notes", {**key, "text": text, "facts": dict(facts)})]
        case Failed(error):
            return [("notes", {**key, "text": str(error), "facts": {"failed": type(error).__name__}})]
        case Ended(outcome, _, text):
            return [("outcomes", _outcome(outcome, text, at)), *_failure(outcome, at)]
        case _:
            return []


def _query(decision: Decision, at: float, embedder: str) -> Row:
    query = decision.query
    placed = bool(np.isfinite(query.embedding[:1]).all())
    return {
        "id": decision.id,
        "at": at,
        "text": query.text,
        "request": {"messages": _messages(query.request), **_parameters(query.request)},
        "constraints": {name: v for name in CONSTRAINTS if (v := getattr(query.constraints, name)) not in (None, ())},
        "conversation": query.conversation,
        "message": query.origin.message,
        "key": query.origin.key,
        "side": query.origin.side,
        "origin": _origin(query.origin),
        "embedder": embedder if placed else UNPLACED,
        "embedding": base64.b64encode(to_bytes(query.embedding)).decode() if placed else "",
    }


def _origin(origin: Origin) -> Row | None:
    """What the client said of itself, without what has a column of its own."""
    named = {"user": origin.user, "request": origin.request}
    return {**{name: value for name, value in named.items() if value is not None}, **origin.facts} or None


def _decision(decision: Decision, at: float) -> Row:
    chosen = decision.estimates.get(decision.arm)
    return {
        "id": decision.id,
        "at": at,
        "arm": str(decision.arm),
        "model": decision.arm.model,
        "strategy": decision.arm.strategy,
        "policy": decision.policy,
        "revision": decision.revision,
        "snapshot": decision.snapshot,
        "propensity": decision.probability,
        "utility": None if chosen is None else chosen.utility,
        "propensities": {str(arm): p for arm, p in decision.propensities.items()},
        "estimates": {
            str(arm): {name: getattr(estimate, name) for name in ESTIMATE}
            | ({"wait": estimate.wait} if estimate.wait else {})
            for arm, estimate in decision.estimates.items()
        },
        "neighbours": [{name: getattr(one, name) for name in NEIGHBOUR} for one in decision.neighbours],
        "why": decision.why,
        "embed_seconds": decision.embed_seconds,
        "decide_seconds": decision.seconds,
    }


def _call(call: Called) -> Row:
    usage = None if call.reply is None else call.reply.usage
    return {
        "label": call.label,
        "model": call.model,
        "messages": _messages(call.request),
        "request": _parameters(call.request),
        "reply": None if call.reply is None else call.reply.text,
        "rest": None if call.reply is None else _rest(call.reply),
        "prompt_tokens": None if usage is None else usage.prompt_tokens,
        "completion_tokens": None if usage is None else usage.completion_tokens,
        "gpu_seconds": None if usage is None else usage.gpu_seconds,
        "usd": None if usage is None else usage.usd,
        "started": call.started,
        "seconds": call.seconds,
        "error": call.error,
    }


def _outcome(outcome: Outcome, text: str, at: float) -> Row:
    usage = outcome.usage
    return {
        "decision_id": outcome.decision_id,
        "at": at,
        "arm": str(outcome.arm),
        "status": outcome.status,
        "error": outcome.error,
        "text": text,
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "seconds": outcome.seconds,
        "waited": outcome.waited,
        "first_token_seconds": outcome.first_token_seconds,
        "gpu_seconds": usage.gpu_seconds,
        "usd": usage.usd,
        "calls": outcome.calls,
    }


def _failure(outcome: Outcome, at: float) -> Rows:
    """What the engine has just learned of a failed arm, so that a restart comes to the same beliefs."""
    if not outcome.blamed:
        return []
    judged = {"rater": "engine", "kind": "failure", "value": "0", "reward": 0.0, "weight": 1.0}
    return [("feedback", {"decision_id": outcome.decision_id, "at": at, **judged, "comment": outcome.error})]


def _messages(request: Request) -> list[Any]:
    return [message.to_openai() for message in request.messages]


def _parameters(request: Request) -> Row:
    """What the request says beyond its messages and beyond the defaults."""
    given = ((name, getattr(request, name)) for name in PARAMETERS)
    return {name: value for name, value in given if value != getattr(DEFAULTS, name)}


def _rest(reply: Reply) -> Row:
    rest: Row = {"finish_reason": reply.finish_reason}
    if reply.usage.estimated:
        rest["estimated"] = True
    if reply.reasoning:
        rest["reasoning"] = reply.reasoning
    if reply.tool_calls:
        rest["tool_calls"] = [dict(call) for call in reply.tool_calls]
    if reply.logprobs:
        rest["logprobs"] = [[entry.token, entry.logprob] for entry in reply.logprobs]
    return rest
