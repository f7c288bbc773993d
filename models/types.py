"""What goes into a model and what comes out: Message, Request, Chunk, Reply, Usage."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any  # JSON that passes through untouched: content parts, tools, response formats

Part = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation; `content` is text, or OpenAI content parts that pass through (images)."""

    role: str
    content: str | tuple[Part, ...] = ""
    name: str | None = None
    tool_calls: tuple[Part, ...] = ()
    tool_call_id: str | None = None

    @property
    def text(self) -> str:
        """The words of the message, without its images."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(str(part.get("text", "")) for part in self.content if part.get("type") == "text")

    def with_text(self, text: str) -> "Message":
        """The same message with other words; its images stay."""
        if isinstance(self.content, str):
            return Message(self.role, text, self.name, self.tool_calls, self.tool_call_id)
        rest = tuple(part for part in self.content if part.get("type") != "text")
        content = ({"type": "text", "text": text}, *rest)
        return Message(self.role, content, self.name, self.tool_calls, self.tool_call_id)

    def to_openai(self) -> dict[str, Any]:
        """The message in the shape of OpenAI's chat completions."""
        content = self.content if isinstance(self.content, str) else list(self.content)
        wire: dict[str, Any] = {"role": self.role, "content": content}
        if self.name is not None:
            wire["name"] = self.name
        if self.tool_calls:
            wire["tool_calls"] = list(self.tool_calls)
        if self.tool_call_id is not None:
            wire["tool_call_id"] = self.tool_call_id
        return wire


@dataclass(frozen=True, slots=True)
class Request:
    """One call of a model; `None` leaves a parameter to the model's own default. `extra` passes through.

    `whole` says that nobody reads the reply before its end. It changes how the reply comes, not what is asked, so
    requests that differ in nothing else are equal.
    """

    messages: tuple[Message, ...]
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    n: int = 1
    tools: tuple[Part, ...] = ()
    tool_choice: str | Part | None = None
    response_format: Part | None = None
    logprobs: bool = False
    top_logprobs: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    whole: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """A generated token and the natural logarithm of its probability; `top` holds the likeliest alternatives."""

    token: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """What a call took. `seconds` is waiting, `gpu_seconds` the model's own computing; None means unknown, never 0.

    `estimated`: nobody counted the tokens, or a part of them (models/estimating.py).
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    gpu_seconds: float | None = None
    usd: float | None = None
    estimated: bool = field(default=False, kw_only=True)

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.seconds + other.seconds,
            _add_known(self.gpu_seconds, other.gpu_seconds),
            _add_known(self.usd, other.usd),
            estimated=self.estimated or other.estimated,
        )


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a streamed reply; the last one carries `finish_reason` and `usage`."""

    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[Part, ...] = ()
    logprobs: tuple[TokenLogprob, ...] = ()
    finish_reason: str | None = None
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole reply; `str(reply)` is its text, so that it drops straight into a template.

    `others` are the further choices of a request that wants several (`n`).
    """

    text: str
    reasoning: str = ""
    tool_calls: tuple[Part, ...] = ()
    logprobs: tuple[TokenLogprob, ...] = ()
    finish_reason: str = "stop"
    usage: Usage = Usage()
    model: str = ""
    others: tuple["Reply", ...] = ()

    def __str__(self) -> str:
        return self.text


def reply_of(chunks: Sequence[Chunk], model: str = "") -> Reply:
    """Join the chunks of one stream into the reply they make up. Where it broke off before its usage, a piece counts as
    a token.
    """
    pieces = sum(bool(chunk.text or chunk.reasoning) for chunk in chunks)
    usage = next((chunk.usage for chunk in reversed(chunks) if chunk.usage), Usage(completion_tokens=pieces))
    reason = next((chunk.finish_reason for chunk in reversed(chunks) if chunk.finish_reason), "stop")
    return Reply(
        text="".join(chunk.text for chunk in chunks),
        reasoning="".join(chunk.reasoning for chunk in chunks),
        tool_calls=tuple(call for chunk in chunks for call in chunk.tool_calls),
        logprobs=tuple(entry for chunk in chunks for entry in chunk.logprobs),
        finish_reason=reason,
        usage=usage,
        model=model,
    )


async def collect(stream: AsyncIterator[Chunk], model: str = "") -> Reply:
    """Read a stream to its end and return the whole reply."""
    return reply_of([chunk async for chunk in stream], model)


def _add_known(left: float | None, right: float | None) -> float | None:
    if left is None:
        return right
    return left if right is None else left + right
