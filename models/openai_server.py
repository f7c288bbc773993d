"""An OpenAI-compatible server (vLLM, llama.cpp, SGLang, Ollama, a gateway), with as little as can be between it and us.

What litellm does for every kind of server costs 5 ms a call and 1 ms a streamed piece; here it is a tenth of that. A
reply that nobody reads before its end is not streamed. Redirects are not followed: nothing but the address in the
settings is ever asked. Closing a stream closes its connection, by which the server knows that nobody waits any more.
"""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from typing import Any  # Any: JSON

import aiohttp

from models.backend import Internals, ModelSpec
from models.errors import ModelTimeout, ModelUnavailable
from models.events import Events
from models.own_key import secrets_of, without
from models.quick_json import dumps, loads
from models.refusals import refusal
from models.revision import digest, digest_of
from models.types import Chunk, Request, TokenLogprob, Usage

KEEP = 30.0
"""Seconds that an idle connection is kept."""
CONNECT = 10.0
"""Seconds to open one, at most."""
LARGE = 2**20
"""Bytes of a body (images) from which on it is written piece by piece."""
LONGEST_REFUSAL = 2**20
"""Bytes that are read of what a server says to an error; what is meant stands at its beginning."""
LONGEST_REPLY = 64 * 2**20
"""Bytes of a reply that is not streamed, at most."""
CHOOSING = frozenset(
    {"models", "fallbacks", "route", "provider", "api_base", "base_url", "api_key", "user_config"},
)
"""Fields by which gateways let a caller choose another model, server or key than the one asked for: not passed on."""
UNDERSTOOD = frozenset({"extra_body", "extra_headers"})
"""What `extra` of the settings may hold here."""


class OpenAIServer:
    """A back-end behind an OpenAI-compatible API; its calls share a pool of connections."""

    internals: Internals | None = None

    def __init__(self, name: str, spec: ModelSpec) -> None:
        self.name, self.offers = name, spec.offers
        self.revision = digest(spec.model or spec.path or name, spec.api_base or "", digest_of(spec.extra))
        self._model = (spec.model or spec.path or name).removeprefix("openai/")
        self._url = f"{(spec.api_base or '').rstrip('/')}/chat/completions"
        self._more: Mapping[str, Any] = spec.extra.get("extra_body", {})
        self._headers = {"content-type": "application/json", "accept": "text/event-stream, application/json"}
        self._headers |= {"authorization": f"Bearer {spec.api_key}"} if spec.api_key else {}
        self._headers |= spec.extra.get("extra_headers", {})
        self._secrets = secrets_of(spec)
        self._wait = aiohttp.ClientTimeout(total=None, sock_connect=min(CONNECT, spec.timeout), sock_read=spec.timeout)
        self._session: aiohttp.ClientSession | None = None

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """Answer as the server sends it. Raises ModelError; closing it closes the connection to the server.

        The last chunk has no usage where the server counts nothing (models/estimating.py).
        """
        started = time.perf_counter()
        body = dumps(self._body(request), default=_plain)
        sent = body if len(body) < LARGE else BytesIO(body)
        reason, said = None, False
        usage: Usage | None = None
        with self._translated():
            async with self._client().post(
                self._url, data=sent, headers=self._headers, allow_redirects=False, timeout=self._wait
            ) as answer:
                if answer.status != 200:
                    told = await _body_of(answer, LONGEST_REFUSAL)
                    raise refusal(self.name, answer.status, answer.headers, told, self._secrets)
                streamed = answer.content_type == "text/event-stream"
                parts = self._events(answer) if streamed else self._whole(answer)
                async for part in parts:
                    usage = _usage(part) or usage
                    for choice in part.get("choices") or ():
                        reason = choice.get("finish_reason") or reason
                        chunk = _chunk(choice)
                        said = said or chunk is not None or reason is not None
                        if chunk is not None:
                            yield chunk
                        break
        if not said:
            raise ModelUnavailable(f"model {self.name!r} answered without a choice", model=self.name)
        whole = None if usage is None else replace(usage, seconds=time.perf_counter() - started)
        yield Chunk(finish_reason=reason or "stop", usage=whole)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP)
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        return self._session

    def _body(self, request: Request) -> dict[str, Any]:
        """What is asked. Of fields that are none of the API's own, those of the settings' `extra_body` come before the
        caller's.
        """
        further = {**{name: value for name, value in request.extra.items() if name not in CHOOSING}, **self._more}
        body: dict[str, Any] = {
            "model": self._model,
            "messages": [message.to_openai() for message in request.messages],
            "temperature": request.temperature,
            "top_p": request.top_p,
            "max_tokens": request.max_tokens,
            "stop": list(request.stop) or None,
            "seed": request.seed,
            "tools": list(request.tools) or None,
            "tool_choice": request.tool_choice,
            "response_format": request.response_format,
            "logprobs": request.logprobs or None,
            "top_logprobs": request.top_logprobs,
            "stream": None if request.whole else True,
            "stream_options": None if request.whole else {"include_usage": True},
        }
        return further | {key: value for key, value in body.items() if value is not None}

    async def _events(self, answer: aiohttp.ClientResponse) -> AsyncIterator[Mapping[str, Any]]:
        """The pieces of a streamed reply. Raises ModelUnavailable for one that breaks off."""
        events, ended = Events(), False
        async for piece in answer.content.iter_any():
            for data in events.feed(piece):
                if data == b"[DONE]":
                    return
                part = self._read(data)
                ended = ended or any(choice.get("finish_reason") for choice in part.get("choices") or ())
                yield part
        if not ended:
            raise ModelUnavailable(f"model {self.name!r} broke off in the middle of its answer", model=self.name)

    async def _whole(self, answer: aiohttp.ClientResponse) -> AsyncIterator[Mapping[str, Any]]:
        data = await _body_of(answer, LONGEST_REPLY + 1)
        if len(data) > LONGEST_REPLY:
            raise ValueError(f"a reply of more than {LONGEST_REPLY // 2**20} MB")
        yield self._read(data)

    def _read(self, data: bytes) -> Mapping[str, Any]:
        try:
            part = loads(data)
        except ValueError as wrong:
            raise ModelUnavailable(f"model {self.name!r} sent what is not JSON: {wrong}", model=self.name) from wrong
        if not isinstance(part, dict):
            sent = without(self._secrets, str(part))[:80]
            raise ModelUnavailable(f"model {self.name!r} sent {sent!r} for an answer", model=self.name)
        if part.get("error"):
            raise refusal(self.name, _status(part["error"]), {}, data, self._secrets)
        return part

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except TimeoutError as late:  # of the connection and of silence; the whole call has its own (models/limits.py)
            raise ModelTimeout(f"model {self.name!r}: {late or 'nothing came in time'}", model=self.name) from late
        except (aiohttp.ClientError, OSError) as failure:
            why = without(self._secrets, " ".join(str(failure).split())) or type(failure).__name__
            raise ModelUnavailable(f"model {self.name!r}: {why[:500]}", model=self.name) from failure
        except (AttributeError, LookupError, TypeError, ValueError) as strange:  # JSON, but of another shape
            words = without(self._secrets, str(strange))[:200]
            why = f"model {self.name!r} sent an answer that cannot be read: {words}"
            raise ModelUnavailable(why, model=self.name) from strange


async def _body_of(answer: aiohttp.ClientResponse, most: int) -> bytes:
    """The first `most` bytes of a body; the connection of one that is longer is closed with the reply."""
    body = bytearray()
    async for piece in answer.content.iter_any():
        body += piece
        if len(body) >= most:
            break
    return bytes(body[:most])


def _chunk(choice: Mapping[str, Any]) -> Chunk | None:
    """What a choice says, of a streamed reply or of a whole one; None where that is nothing."""
    said = choice.get("delta") or choice.get("message") or {}
    text = _words(said.get("content"))
    reasoning = said.get("reasoning_content") or said.get("reasoning") or ""
    calls = tuple({k: v for k, v in call.items() if v is not None} for call in said.get("tool_calls") or ())
    logprobs = _logprobs(choice.get("logprobs"))
    if not (text or reasoning or calls or logprobs):
        return None
    return Chunk(text, reasoning if isinstance(reasoning, str) else "", calls, logprobs)


def _words(content: object) -> str:
    """The text of a message's content, which may come in parts. Raises TypeError for what is neither."""
    if isinstance(content, list):
        return "".join(_words(part.get("text")) for part in content)
    if isinstance(content, str) or content is None:
        return content or ""
    raise TypeError(f"content {str(content)[:80]!r} is no text")


def _logprobs(given: Mapping[str, Any] | None) -> tuple[TokenLogprob, ...]:
    return tuple(
        TokenLogprob(
            entry["token"],
            entry["logprob"],
            tuple((one["token"], one["logprob"]) for one in entry.get("top_logprobs") or ()),
        )
        for entry in (given or {}).get("content") or ()
    )


def _usage(part: Mapping[str, Any]) -> Usage | None:
    """What the server counted; None where it says nothing, or that nothing was asked and nothing answered."""
    usage = part.get("usage") or {}
    found = Usage(int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0))
    return None if found == Usage() else found


def _status(error: object) -> int:
    """The status that an error inside a stream names, as vLLM's `code` does; else 500."""
    code = str(error.get("code")) if isinstance(error, dict) else ""
    return int(code) if code.isdecimal() and len(code) == 3 and 400 <= int(code) < 600 else 500


def _plain(value: object) -> Any:
    return dict(value) if isinstance(value, Mapping) else list(value) if isinstance(value, tuple | set) else str(value)
