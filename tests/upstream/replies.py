"""The bytes of the stub upstream's replies: plain bodies, server-sent events, errors, models, embeddings."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any  # JSON

from tests.upstream.behaviour import LONG, Behaviour, Fault

REASONS = {200: "OK", 404: "Not Found", 429: "Too Many Requests", 500: "Internal Server Error"}
LAST = b"0\r\n\r\n"
DONE = b"data: [DONE]\n\n"
NOT_ASCII = "naïve café ☕ "
STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
    b"cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class Ask:
    """What of a request decides the reply's bytes."""

    model: str
    usage: bool
    fault: Fault


def plain(status: int, body: bytes, headers: Sequence[str] = ()) -> bytes:
    """A whole HTTP response with a JSON body."""
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}", "content-type: application/json", *headers]
    return "\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode() + body


def error(status: int, message: str, retry_after: str | None = None) -> bytes:
    """An error in OpenAI's shape."""
    body = {"error": {"message": message, "type": "stub_error", "param": None, "code": str(status)}}
    return plain(status, _json(body), [] if retry_after is None else [f"retry-after: {retry_after}"])


def completion(told: Behaviour, ask: Ask, body: dict[str, Any]) -> bytes:
    """The whole plain reply to a chat completion, the faults of content included."""
    return _plain_completion(told, ask) if not callable(told.says) else _built(told, ask, _message(told, ask, body))


@lru_cache(maxsize=256)
def _plain_completion(told: Behaviour, ask: Ask) -> bytes:
    return _built(told, ask, _message(told, ask, {}))


def _built(told: Behaviour, ask: Ask, message: dict[str, Any]) -> bytes:
    if ask.fault == "error_frame":
        return plain(200, _json({"error": {"message": "the stub failed", "type": "stub_error", "code": "500"}}))
    content = message.get("content")
    choice = {
        "index": 0,
        "message": message | {"content": None if ask.fault == "null_content" else content},
        "finish_reason": _reason(ask.fault, message),
    }
    whole = {
        "id": "chatcmpl-stub",
        "object": "chat.completion",
        "created": 1,
        "model": ask.model,
        "choices": [] if ask.fault == "empty_choices" else [choice],
        "usage": _usage(told),
    }
    bytes_ = _json(whole)
    return plain(200, bytes_[: len(bytes_) // 2] if ask.fault == "invalid_json" else bytes_)


def events(told: Behaviour, ask: Ask, body: dict[str, Any]) -> Sequence[bytes]:
    """The packets of a streamed chat completion, each one chunk of HTTP; the last ends it unless the fault says no."""
    return tuple(_events(told, ask, body)) if callable(told.says) else _fixed_events(told, ask)


@lru_cache(maxsize=256)
def _fixed_events(told: Behaviour, ask: Ask) -> tuple[bytes, ...]:
    return tuple(_events(told, ask, {}))


def _events(told: Behaviour, ask: Ask, body: dict[str, Any]) -> Iterator[bytes]:
    message = _message(told, ask, body)
    pieces = _pieces(message.get("content") or "", told.chunks)
    half = ask.fault in ("hang_midstream", "truncate", "no_done")
    yield chunked(_event(ask, [_delta({"role": "assistant", "content": ""})]))
    for i, piece in enumerate(pieces[: max(1, len(pieces) // 2)] if half else pieces):
        if ask.fault == "error_frame" and i == 2:
            yield chunked(b'data: {"error": {"message": "the stub failed", "type": "stub_error", "code": "500"}}\n\n')
            yield LAST
            return
        if ask.fault == "invalid_json" and i == len(pieces) // 2:
            yield chunked(b'data: {"id": "chatcmpl-stub", "choices": [{"in\n\n')
        choices = [] if ask.fault == "empty_choices" else [_delta({"content": _unless_null(ask, piece)})]
        yield from _packets(ask, _event(ask, choices))
    if half:
        if ask.fault == "no_done":
            yield LAST
        return
    rest = {key: value for key, value in message.items() if key not in ("role", "content")}
    if rest:
        yield chunked(_event(ask, [_delta(rest)]))
    if ask.fault != "empty_choices":
        yield chunked(_event(ask, [_delta({}) | {"finish_reason": _reason(ask.fault, message)}]))
    if ask.usage:
        yield chunked(_event(ask, [], _usage(told)))
    yield chunked(DONE) + LAST


def models(names: Sequence[str]) -> bytes:
    """The list of models."""
    rows = [{"id": name, "object": "model", "created": 1, "owned_by": "stub"} for name in names]
    return plain(200, _json({"object": "list", "data": rows}))


def embeddings(body: dict[str, Any]) -> bytes:
    """A vector of four numbers for each text."""
    texts = body.get("input", [])
    texts = [texts] if isinstance(texts, str) else texts
    rows = [
        {"object": "embedding", "index": i, "embedding": [1.0, float(len(text)), 0.0, 0.5]}
        for i, text in enumerate(texts)
    ]
    usage = {"prompt_tokens": len(texts), "total_tokens": len(texts)}
    return plain(200, _json({"object": "list", "model": body.get("model"), "data": rows, "usage": usage}))


def chunked(data: bytes) -> bytes:
    """One chunk of HTTP's chunked encoding."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def _message(told: Behaviour, ask: Ask, body: dict[str, Any]) -> dict[str, Any]:
    said = told.says(body) if callable(told.says) else told.says
    if said is None:
        said = " ".join(f"word{i}" for i in range(told.chunks))
    message = {"role": "assistant", "content": said} if isinstance(said, str) else {"role": "assistant", **said}
    text = message.get("content") or ""
    if ask.fault == "long_line":
        message["content"] = text + "x" * LONG
    if ask.fault == "split_character" and text.isascii():
        message["content"] = NOT_ASCII + text
    return message


def _pieces(text: str, most: int) -> list[str]:
    """The text cut after spaces into at most so many pieces."""
    words = text.split(" ")
    words = [word + " " for word in words[:-1]] + words[-1:]
    size = -(-len(words) // max(1, most))
    return [piece for i in range(0, len(words), size) if (piece := "".join(words[i : i + size]))]


def _packets(ask: Ask, event: bytes) -> Iterator[bytes]:
    cut = next((i + 1 for i, byte in enumerate(event) if byte > 0xC0), None) if ask.fault == "split_character" else None
    yield chunked(event[:cut])
    if cut:
        yield chunked(event[cut:])


def _event(ask: Ask, choices: list[dict[str, Any]], usage: dict[str, int] | None = None) -> bytes:
    body: dict[str, Any] = {"id": "chatcmpl-stub", "object": "chat.completion.chunk", "created": 1, "model": ask.model}
    body |= {"choices": choices} | ({} if usage is None else {"usage": usage})
    return b"data: " + _json(body) + b"\n\n"


def _delta(delta: dict[str, Any]) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": None}


def _unless_null(ask: Ask, piece: str) -> str | None:
    return None if ask.fault == "null_content" else piece


def _reason(fault: Fault, message: dict[str, Any]) -> str:
    return "length" if fault == "length" else "tool_calls" if message.get("tool_calls") else "stop"


def _usage(told: Behaviour) -> dict[str, int]:
    return {"prompt_tokens": 7, "completion_tokens": told.chunks, "total_tokens": 7 + told.chunks}


def _json(body: object) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()
