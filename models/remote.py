"""Anything that litellm can reach: vLLM, Ollama, llama.cpp, any OpenAI-compatible server, the commercial ones.

Settings: `model` as litellm writes it (`ollama_chat/llama3`, `openai/my-model`); with an `api_base` and no provider
in front the server is taken for an OpenAI-compatible one, and asked without litellm (models/openai_server.py). `extra`
goes to litellm's call as it stands; what a request carries beyond OpenAI's parameters goes to the server in the body,
and nowhere else.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Any  # Any: litellm's answers are untyped

from models.backend import Internals, ModelSpec
from models.errors import BadSettings
from models.links import refuse_links
from models.openai_server import CHOOSING, UNDERSTOOD, OpenAIServer
from models.own_key import secrets_of
from models.revision import digest, digest_of
from models.translated import translated
from models.types import Chunk, Request, TokenLogprob, Usage

NO_KEY = "none"
"""What a server gets that wants no key; the client library insists on one."""


class Remote:
    """A back-end behind HTTP; its calls share one client."""

    internals: Internals | None = None

    def __init__(self, name: str, spec: ModelSpec) -> None:
        self.name = name
        self.offers = spec.offers
        self.revision = digest(spec.model or spec.path or name, spec.api_base or "", digest_of(spec.extra))
        self._spec = spec
        self._litellm: Any = None
        self._plain: OpenAIServer | None = None

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """Answer as the server sends it. Raises ModelError; closing it closes the connection to the server."""
        started = time.perf_counter()
        if self._litellm is None:
            litellm = await asyncio.to_thread(_load)
            if self._litellm is None:  # several first calls come here at once
                self._litellm = litellm
                self._plain = OpenAIServer(self.name, self._spec) if self._is_plain() else None
        if self._plain is not None:
            async with aclosing(self._plain.stream(request)) as chunks:
                async for chunk in chunks:
                    yield chunk
            return
        refuse_links(request, self._model().partition("/")[0], self.name)
        with translated(self.name, secrets_of(self._spec)):
            answer = await self._litellm.acompletion(**self._call(request))
            reason = "stop"
            usage: Usage | None = None
            async with aclosing(answer) as parts:
                async for part in parts:
                    usage = _usage(part) or usage
                    for choice in part.choices[:1]:
                        reason = choice.finish_reason or reason
                        chunk = _chunk(choice)
                        if chunk != Chunk():
                            yield chunk
        whole = None if usage is None else replace(usage, seconds=time.perf_counter() - started)
        yield Chunk(finish_reason=reason, usage=whole)

    async def close(self) -> None:
        """Close the connections."""
        if self._plain is not None:
            await self._plain.close()

    def _call(self, request: Request) -> dict[str, Any]:
        spec = self._spec
        call: dict[str, Any] = {
            **spec.extra,
            "model": self._model(),
            "messages": [message.to_openai() for message in request.messages],
            "stream": True,
            "stream_options": {"include_usage": True},
            "api_base": spec.api_base,
            "api_key": spec.api_key or (NO_KEY if spec.api_base else None),
            "timeout": spec.timeout,
            "num_retries": 0,
            "max_retries": 0,
            "drop_params": False,
            "_skip_mcp_handler": True,  # it imports a package that nobody needs to pass tools on
            "temperature": request.temperature,
            "top_p": request.top_p,
            "max_tokens": request.max_tokens,
            "stop": list(request.stop) or None,
            "seed": request.seed,
            "tools": [dict(tool) for tool in request.tools] or None,
            "tool_choice": request.tool_choice,
            "response_format": request.response_format,
            "logprobs": request.logprobs or None,
            "top_logprobs": request.top_logprobs,
            "extra_body": {**_passed_on(request), **spec.extra.get("extra_body", {})} or None,
        }
        return {key: value for key, value in call.items() if value is not None}

    def _model(self) -> str:
        model = self._spec.model or self._spec.path or self.name
        return model if self._has_provider() or not self._spec.api_base else f"openai/{model}"

    def _has_provider(self) -> bool:
        """Whether the model's name begins with a provider that litellm knows."""
        provider, slash, _ = (self._spec.model or "").partition("/")
        return bool(slash) and provider in {str(getattr(p, "value", p)) for p in self._litellm.provider_list}

    def _is_plain(self) -> bool:
        return is_open(self._spec) and not self._has_provider()


def open_backend(name: str, spec: ModelSpec) -> Remote | OpenAIServer:
    """A remote model from its settings; nothing is contacted yet. Raises BadSettings."""
    if not (spec.model or spec.api_base):
        raise BadSettings(f"models.{name} is remote and needs a model, an api_base or both")
    model = spec.model or ""
    certain = "/" not in model or model.startswith("openai/")  # before another slash may stand a provider
    return OpenAIServer(name, spec) if certain and is_open(spec) else Remote(name, spec)


def is_open(spec: ModelSpec) -> bool:
    """Whether the settings describe an OpenAI-compatible server, and say nothing that only litellm understands."""
    return spec.api_base is not None and set(spec.extra) <= UNDERSTOOD


def _passed_on(request: Request) -> dict[str, Any]:
    """What the caller says to the server beyond OpenAI's parameters."""
    return {name: value for name, value in request.extra.items() if name not in CHOOSING}


def _load() -> Any:
    """litellm, quiet. Takes seconds the first time."""
    import litellm

    litellm.suppress_debug_info = True
    litellm.telemetry = False
    return litellm


def _chunk(choice: Any) -> Chunk:
    delta = choice.delta
    calls = tuple(call.model_dump(exclude_none=True) for call in delta.tool_calls or ())
    reasoning = getattr(delta, "reasoning_content", None) or ""
    return Chunk(delta.content or "", reasoning, calls, _logprobs(choice))


def _logprobs(choice: Any) -> tuple[TokenLogprob, ...]:
    """The choice's log-probabilities; litellm hands them on as objects or as plain dictionaries."""
    given: Any = getattr(choice, "logprobs", None)
    given = given.model_dump() if hasattr(given, "model_dump") else given
    found = []
    for entry in (given or {}).get("content") or ():
        entry = entry.model_dump() if hasattr(entry, "model_dump") else entry
        top = tuple((one["token"], one["logprob"]) for one in entry.get("top_logprobs") or ())
        found.append(TokenLogprob(entry["token"], entry["logprob"], top))
    return tuple(found)


def _usage(part: Any) -> Usage | None:
    usage = getattr(part, "usage", None)
    found = Usage() if usage is None else Usage(usage.prompt_tokens or 0, usage.completion_tokens or 0)
    return None if found == Usage() else found
