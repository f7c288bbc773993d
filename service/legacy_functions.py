"""`functions` and `function_call`, which chat completions had before tools: the same as tools, and answered as tools.

A call had no id then, and its result named the function: ids are made up, so that a result belongs to the call before
it. The reply gives `tool_calls`.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any  # JSON

from models.types import Message

Json = dict[str, Any]


def tools_of(functions: Sequence[Json] | None) -> tuple[Json, ...]:
    """`functions` as `tools`."""
    return tuple({"type": "function", "function": one} for one in functions or ())


def choice_of(function_call: str | Json | None) -> str | Json | None:
    """`function_call` of a request as `tool_choice`."""
    if isinstance(function_call, dict):
        return {"type": "function", "function": {"name": function_call.get("name")}}
    return function_call


def call_of(function_call: Json) -> Json:
    """`function_call` of an assistant's message as one of its `tool_calls`, without an id yet."""
    return {"type": "function", "function": function_call}


def matched(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The messages with results of functions as those of tools: each answers the call before it."""
    found: list[Message] = []
    last = "call_0"
    for position, message in enumerate(messages):
        if message.role == "assistant" and message.tool_calls:
            calls = tuple(call if call.get("id") else {**call, "id": f"call_{position}"} for call in message.tool_calls)
            last = str(calls[-1]["id"])
            message = replace(message, tool_calls=calls)
        elif message.role == "function":
            message = replace(message, role="tool", tool_call_id=last)
        found.append(message)
    return tuple(found)
