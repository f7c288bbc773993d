"""The body of OpenAI's Responses API, and the same as a chat completion: input items as messages, tools, formats."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal  # Any: JSON

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.errors import BadRequest
from service.faults import Items
from service.numbers import Number, Share
from service.wire import ChatBody, Most, Wish

Json = dict[str, Any]
TEXT_PARTS = ("input_text", "output_text", "text")


class TextOptions(BaseModel):
    """`text` of a request: the format of the answer."""

    format: Json | None = None


class ResponsesBody(BaseModel):
    """What may be asked. Fields that are not named here pass to the model's server, but those in `NOT_FOR_MODELS`."""

    model_config = ConfigDict(extra="allow")

    model: Annotated[str, Field(min_length=1)] = "auto"
    input: str | Annotated[Items[Json], Field(min_length=1)]
    instructions: str | None = None
    previous_response_id: Annotated[str, Field(max_length=200)] | None = None
    max_output_tokens: Most = None
    temperature: Annotated[Number, Field(ge=0, le=2)] | None = None
    top_p: Share | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20, strict=True)] | None = None
    include: Items[str] | None = None
    tools: Items[Json] | None = None
    tool_choice: str | Json | None = None
    text: TextOptions | None = None
    reasoning: Json | None = None
    metadata: Json | None = None
    conversation: str | Json | None = None
    background: Literal[False] | None = None
    prompt: None = None
    stream: bool | None = None
    pointsman: Wish | None = None

    def chat(self, before: Sequence[Json] = ()) -> ChatBody:
        """The same as a chat completion; `before` are the messages that it continues. Raises BadRequest."""
        told = [] if self.instructions is None else [{"role": "system", "content": self.instructions}]
        said = _said([{"role": "user", "content": self.input}] if isinstance(self.input, str) else self.input)
        fields: Json = {
            **{name: value for name, value in (self.model_extra or {}).items() if name not in NOT_FOR_MODELS},
            "model": self.model,
            "messages": [*told, *before, *(one.message for one in said)],
            "temperature": self.temperature,
            "top_p": self.top_p,
            "max_tokens": self.max_output_tokens,
            "tools": [_tool(index, tool) for index, tool in enumerate(self.tools or ())] or None,
            "tool_choice": _tool_choice(self.tool_choice),
            "response_format": _response_format(self.text),
            "logprobs": "message.output_text.logprobs" in (self.include or ()),
            "top_logprobs": self.top_logprobs,
            "metadata": self.metadata,
            "stream": self.stream,
            "pointsman": self.pointsman,
        }
        if self.reasoning and isinstance(self.reasoning.get("effort"), str):
            fields["reasoning_effort"] = self.reasoning["effort"]
        if named := _conversation(self.conversation):
            fields["conversation_id"] = named
        try:
            return ChatBody.model_validate(fields)
        except ValidationError as wrong:
            first = len(told) + len(before)
            raise RequestValidationError(
                [{**one, "loc": _place(one["loc"], said, first)} for one in wrong.errors()]
            ) from wrong


NOT_FOR_MODELS = frozenset({"store", "truncation", "service_tier", "max_tool_calls", "stream_options", "n", "messages"})
"""Fields that mean something in this API alone."""
OF_RESULTS = {"content": "output", "tool_call_id": "call_id"}
"""What fields of a tool's message are called in an item with the result of a function."""


@dataclass(frozen=True, slots=True)
class _Said:
    """A message, and the indices of the input items that it and its calls of functions were."""

    message: Json
    item: int
    calls: list[int] = field(default_factory=list)


def _said(items: Sequence[Json]) -> list[_Said]:
    """Input items as messages; calls of functions belong to the assistant's message before them."""
    said: list[_Said] = []
    for index, item in enumerate(items):
        kind = item.get("type", "message")
        if kind == "message":
            said.append(_Said({"role": item.get("role"), "content": _content(index, item.get("content"))}, index))
        elif kind == "function_call":
            function = {"name": item.get("name", ""), "arguments": item.get("arguments", "")}
            call = {"id": item.get("call_id", ""), "type": "function", "function": function}
            if not said or said[-1].message["role"] != "assistant":
                said.append(_Said({"role": "assistant", "content": None}, index))
            said[-1].message.setdefault("tool_calls", []).append(call)
            said[-1].calls.append(index)
        elif kind == "function_call_output":
            output = _content(index, item.get("output"))
            said.append(_Said({"role": "tool", "content": output, "tool_call_id": item.get("call_id")}, index))
        elif kind != "reasoning":  # what a model thought is not told to the next one
            raise BadRequest(f"input[{index}].type: {kind!r} cannot be passed to a model here", param=f"input[{index}]")
    return said


def _place(place: tuple[int | str, ...], said: Sequence[_Said], first: int) -> tuple[int | str, ...]:
    """Where in this API's body that place of a chat completion is; messages before the `first` come from the log."""
    match place:
        case ("messages", int(index), *_) if index < first:
            return ("previous_response_id",)
        case ("messages", int(index), "tool_calls", int(call), *_):
            return ("input", said[index - first].calls[call])
        case ("messages", int(index), str(name), *rest):
            one = said[index - first]
            names = OF_RESULTS if "tool_call_id" in one.message else {}
            return ("input", one.item, names.get(name, name), *rest)
        case ("messages", *_):
            return ("input",)
    return place


def _content(index: int, content: object) -> object:
    """The words of an item, or its parts as chat completions name them; what is neither is refused as a message."""
    if not isinstance(content, list):
        return content
    return [_part(f"input[{index}].content[{place}]", part) for place, part in enumerate(content)]


def _part(where: str, part: object) -> Json:
    kind = part.get("type") if isinstance(part, dict) else None
    if not isinstance(part, dict) or kind is None:
        raise BadRequest(f"{where} must be an object with a type, not {part!r:.80}", param=where)
    if kind in TEXT_PARTS:
        return {"type": "text", "text": part.get("text") or ""}
    if kind == "refusal":
        return {"type": "text", "text": part.get("refusal") or ""}
    if kind == "input_image" and part.get("image_url"):
        image = {"url": part["image_url"], "detail": part.get("detail")}
        return {"type": "image_url", "image_url": {name: value for name, value in image.items() if value}}
    if kind == "input_file" and part.get("file_data"):
        return {"type": "file", "file": {"filename": part.get("filename"), "file_data": part["file_data"]}}
    raise BadRequest(f"{where}: {kind!r} without its data in it cannot be passed to a model here", param=where)


def _tool(index: int, tool: Json) -> Json:
    if tool.get("type") != "function":
        where = f"tools[{index}].type"
        raise BadRequest(f"{where}: only function tools can be passed on, not {tool.get('type')!r}", param=where)
    return {"type": "function", "function": {name: value for name, value in tool.items() if name != "type"}}


def _tool_choice(choice: str | Json | None) -> str | Json | None:
    if isinstance(choice, dict) and choice.get("type") == "function":
        return {"type": "function", "function": {"name": choice.get("name")}}
    return choice


def _response_format(text: TextOptions | None) -> Json | None:
    """`text.format` as `response_format`."""
    given = None if text is None else text.format
    if given is None or given.get("type") != "json_schema":
        return given
    return {"type": "json_schema", "json_schema": {name: v for name, v in given.items() if name != "type"}}


def _conversation(conversation: str | Json | None) -> str | None:
    named = conversation.get("id") if isinstance(conversation, dict) else conversation
    return named if isinstance(named, str) else None
