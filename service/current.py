"""The request that is being answered, for whoever writes a line or a span about it: its id and its decision.

One dictionary, the `state` of the request, is shared by the tasks that work for it. It is known before it is filled:
the gate gives the id, the router the decision.
"""

from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any  # what a request's state holds

State = MutableMapping[str, Any]

REQUEST: ContextVar[State] = ContextVar("request")
TOLD = ("request_id", "decision")
"""What of it every line of the log carries."""


def state() -> State:
    """The state of the request at hand; empty outside of one."""
    return REQUEST.get({})


def decided(decision_id: str) -> None:
    """From now on, what is written in this task and in those that it starts belongs to that decision."""
    at_hand = REQUEST.get(None)
    if at_hand is None:
        REQUEST.set({"decision": decision_id})
    else:
        at_hand["decision"] = decision_id


def told(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Adds the ids to a line of the log that has none of its own; a step of structlog's."""
    at_hand = state()
    for name in TOLD:
        if name in at_hand:
            line.setdefault(name, at_hand[name])
    return line
