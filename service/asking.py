"""From a request's body to the decision on it: what is asked, by whom, in which conversation, and by which right."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any  # JSON

from fastapi import Request

from router.types import Decision
from service.house import House
from service.keys import Caller
from service.origin import conversation_of, origin_of
from service.side_requests import as_question, unthinking
from service.wire import ChatBody


async def decided(
    body: ChatBody,
    request: Request,
    house: House,
    facts: Mapping[str, Any] = MappingProxyType({}),
) -> Decision:
    """Choose an arm for the conversation of the body; `facts` are noted with who asks. Raises UserError."""
    caller: Caller = getattr(request.state, "key", None) or Caller()  # the gate's
    wish = caller.constraints(body.wish.constraints(), body.model, house.backends)
    headers = dict(request.headers.items())  # each is decoded once, not at every look
    origin = origin_of(body, headers, request.state.request_id, caller.id)
    origin = replace(origin, facts={**origin.facts, **facts})
    conversation = conversation_of(body, headers)
    asked = body.request() if origin.side is None else as_question(body.request())
    decision = await house.engine.decide(asked, body.model, wish, conversation, origin)
    return unthinking(decision, lambda model: house.backends[model].offers)
