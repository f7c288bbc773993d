"""Calls of tools in a conversation that is sent: whether code further on can read which function they name.

Plain dictionaries, so that what a server needs and nobody here names passes through as it came.
"""

from typing import Annotated, Any  # JSON that passes through to the model

from pydantic import AfterValidator, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

Json = dict[str, Any]
READABLE = "a function that is called must be an object; its name and its arguments, where there are any, are texts"


def _named(function: Json) -> Json:
    if not _is_readable(function):
        raise PydanticCustomError("function_call", READABLE)
    return function


def _naming(call: Json) -> Json:
    function = call.get("function")
    if function is not None and not _is_readable(function):
        error = PydanticCustomError("function_call", READABLE)
        fault = InitErrorDetails(type=error, loc=("function",), input=function)
        raise ValidationError.from_exception_data("ToolCall", [fault])
    return call


def _is_readable(function: object) -> bool:
    if not isinstance(function, dict):
        return False
    name, arguments = function.get("name"), function.get("arguments")
    return (name is None or isinstance(name, str)) and (arguments is None or isinstance(arguments, str))


FunctionCall = Annotated[Json, AfterValidator(_named)]
"""`function_call` of a message."""

ToolCall = Annotated[Json, AfterValidator(_naming)]
"""One of `tool_calls` of a message; a fault is told of its `function`."""
