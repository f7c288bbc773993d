"""Calls of tools in a conversation that is sent: whether code further on can read which function they name.

Plain dictionaries, so that what a server needs and nobody here names passes through as it came.
"""

from typing import Annotated, Any  # JSON that passes through to the model

from pydantic import AfterValidator

Json = dict[str, Any]
READABLE = "a function that is called must be an object; its name and its arguments, where there are any, are texts"


def _readable(function: Json) -> Json:
    if not isinstance(function, dict) or not all(
        isinstance(function.get(name), str | None) for name in ("name", "arguments")
    ):
        raise ValueError(READABLE)
    return function


def _naming(call: Json) -> Json:
    if call.get("function") is not None:
        _readable(call["function"])
    return call


FunctionCall = Annotated[Json, AfterValidator(_readable)]
"""`function_call` of a message."""

ToolCall = Annotated[Json, AfterValidator(_naming)]
"""One of `tool_calls` of a message."""
