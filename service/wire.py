"""The shapes of chat completions on the wire: what may be asked, and our values in OpenAI's clothes."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal  # Any: JSON that passes through to the model

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from models.errors import BadRequest
from models.types import Message, Part, Reply, Request, TokenLogprob, Usage
from service.faults import Closed, Items
from service.legacy_functions import call_of, choice_of, matched, tools_of
from service.numbers import Number, Share
from service.tool_calls import FunctionCall, ToolCall
from strategies.core import Constraints

MOST_CHOICES = 8
APPS_OWN = frozenset(
    {
        *("chat_id", "conversation_id", "conversationId", "thread_id", "session_id", "id", "message_id", "messageId"),
        *("parent_id", "parent_message", "parentMessageId", "user_message", "folder_id", "metadata", "features"),
        *("background_tasks", "tool_ids", "tool_servers", "skill_ids", "terminal_id", "filter_ids", "files"),
        *("variables", "model_item", "params", "direct"),
    }
)
"""Fields in which chat apps speak to themselves. They are taken down (service/origin.py) and not passed on: no model
server has a use for them, and some answer an unknown field with an error, as OpenAI does `metadata` without `store`."""

LEAST_TOP_P = 1e-6
"""What `top_p` = 0 means: the likeliest token alone. Some servers refuse the 0 itself."""


def _unlimited(given: object) -> object:
    return None if type(given) is int and given == -1 else given


Most = Annotated[Annotated[int, Field(ge=1, strict=True)] | None, BeforeValidator(_unlimited)]
"""A limit of tokens; -1 is none, as many servers and clients have it."""


class Wish(Closed):
    """The `pointsman` object of a request: what this caller allows and prefers."""

    quality: Share | None = None
    max_seconds: Annotated[Number, Field(gt=0)] | None = None
    max_calls: Annotated[int, Field(ge=1, strict=True)] | None = None
    max_tokens: Annotated[int, Field(ge=1, strict=True)] | None = None
    max_usd: Annotated[Number, Field(ge=0)] | None = None
    models: Items[str] = Field(default_factory=list)
    strategies: Items[str] = Field(default_factory=list)
    conversation: Annotated[str, Field(max_length=200)] | None = None
    explore: bool | None = None
    clarify: bool = False

    def constraints(self) -> Constraints:
        """The same as the router takes it."""
        plain = self.model_dump(exclude={"models", "strategies", "conversation"})
        return Constraints(**plain, models=tuple(self.models), strategies=tuple(self.strategies))


class ContentPart(BaseModel):
    """A part of a message; text parts have words, others (images) pass through."""

    model_config = ConfigDict(extra="allow")

    type: str
    text: str | None = None


class Turn(BaseModel):
    """One message of the conversation."""

    model_config = ConfigDict(extra="ignore")

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | Items[ContentPart] | None = None
    name: str | None = None
    tool_calls: Items[ToolCall] | None = None
    tool_call_id: str | None = None
    function_call: FunctionCall | None = None

    def message(self) -> Message:
        """The same as a model takes it."""
        content: str | tuple[Part, ...]
        if isinstance(self.content, list):
            content = tuple(part.model_dump(exclude_none=True) for part in self.content)
        else:
            content = self.content or ""
        calls = self.tool_calls or ([call_of(self.function_call)] if self.function_call else [])
        return Message(self.role, content, self.name, tuple(calls), self.tool_call_id)


class StreamOptions(BaseModel):
    """`stream_options` of a request."""

    include_usage: bool | None = None


class ChatBody(BaseModel):
    """The body of a chat completion. What is not named here passes to the model's server as it is."""

    model_config = ConfigDict(extra="allow")

    model: Annotated[str, Field(min_length=1)] = "auto"
    messages: Annotated[Items[Turn], Field(min_length=1)]
    temperature: Annotated[Number, Field(ge=0, le=2)] | None = None
    top_p: Share | None = None
    max_tokens: Most = None
    max_completion_tokens: Most = None
    stop: str | Annotated[Items[str], Field(max_length=16)] | None = None
    seed: Annotated[int, Field(strict=True)] | None = None
    n: Annotated[int, Field(ge=1, le=MOST_CHOICES, strict=True)] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    tools: Items[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    functions: Items[dict[str, Any]] | None = None
    function_call: str | dict[str, Any] | None = None
    response_format: dict[str, Any] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20, strict=True)] | None = None
    pointsman: Wish | None = None

    @property
    def wish(self) -> Wish:
        """The `pointsman` object, empty where there is none."""
        return self.pointsman or Wish()

    def request(self) -> Request:
        """The same as a model takes it. Raises BadRequest for several choices where they cannot be had."""
        self._check_choices()
        stops = [self.stop] if isinstance(self.stop, str) else self.stop or []
        tools = tuple(self.tools or tools_of(self.functions))
        return Request(
            messages=matched([turn.message() for turn in self.messages]),
            temperature=self.temperature,
            top_p=LEAST_TOP_P if self.top_p == 0 else self.top_p,
            max_tokens=self.max_completion_tokens or self.max_tokens,
            stop=tuple(stop for stop in stops if stop),
            seed=self.seed,
            n=self.n or 1,
            tools=tools,
            tool_choice=(self.tool_choice or choice_of(self.function_call)) if tools else None,
            response_format=None if self._is_plain_text() else self.response_format,
            logprobs=bool(self.logprobs),
            top_logprobs=self.top_logprobs,
            extra={name: value for name, value in (self.model_extra or {}).items() if name not in APPS_OWN},
            whole=not self.stream,
        )

    def _is_plain_text(self) -> bool:
        """Whether the format asked for is the one that there is anyway; clients send it as their default."""
        return self.response_format is not None and self.response_format.get("type") == "text"

    def _check_choices(self) -> None:
        if (self.n or 1) == 1:
            return
        if self.stream:
            raise BadRequest(f"n: a streamed answer has one choice, not {self.n!r}; ask without stream", param="n")
        most = self.wish.max_calls
        if most is not None and self.n is not None and self.n > most:
            raise BadRequest(f"n: {self.n} choices take {self.n} calls, and max_calls is {most}", param="n")


def usage_json(usage: Usage) -> dict[str, int]:
    """Tokens of all calls of the run, in OpenAI's shape."""
    total = usage.prompt_tokens + usage.completion_tokens
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": total,
    }


def logprobs_json(entries: Sequence[TokenLogprob]) -> dict[str, Any] | None:
    """Log-probabilities in OpenAI's shape; None where there are none."""
    if not entries:
        return None
    return {
        "content": [{**_logprob(e.token, e.logprob), "top_logprobs": [_logprob(*t) for t in e.top]} for e in entries]
    }


def message_json(reply: Reply) -> dict[str, Any]:
    """A whole reply as the assistant's message."""
    calls = whole_calls(reply.tool_calls)
    message: dict[str, Any] = {"role": "assistant", "content": reply.text if reply.text or not calls else None}
    if reply.reasoning:
        message["reasoning_content"] = reply.reasoning
    if calls:
        message["tool_calls"] = calls
    return message


def whole_calls(pieces: Sequence[Part]) -> list[dict[str, Any]]:
    """Tool calls put together from the pieces in which they were streamed; a piece says by `index` where it belongs."""
    calls: dict[int, dict[str, Any]] = {}
    for position, piece in enumerate(pieces):
        index = int(piece.get("index", position))
        function: Mapping[str, Any] = piece.get("function") or {}
        call = calls.setdefault(index, {"id": "", "type": "function", "function": {"name": "", "arguments": ""}})
        call["id"] = call["id"] or piece.get("id") or ""
        call["type"] = piece.get("type") or call["type"]
        call["function"]["name"] += function.get("name") or ""
        call["function"]["arguments"] += function.get("arguments") or ""
    return [calls[index] for index in sorted(calls)]


def _logprob(token: str, logprob: float) -> dict[str, Any]:
    return {"token": token, "logprob": logprob, "bytes": list(token.encode())}
