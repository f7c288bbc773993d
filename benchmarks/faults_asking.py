"""Requests with a fault injected into each, and what came of them: right, refused, broken off and told, or wrong."""

import asyncio
import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal  # Any: JSON

import aiohttp

from tests.upstream import Behaviour, Upstream
from tests.upstream.behaviour import LONG
from tests.upstream.replies import NOT_ASCII

FINE = "fine"
"""The model that has no fault, and may answer for another."""
DEADLINE = 25.0
"""Seconds after which a client calls it a hang; the service itself ends every answer after DEADLINE - 5."""
LEAVE, TOGETHER, STREAM = 0.12, 0.4, 0.5
"""Shares of the requests that are left by their clients, that allow a second model, and that are streamed."""
SHARE = 0.6
"""Of a faulty model's replies, the share that the fault strikes: a retry may succeed."""
ERROR = {"message", "type", "param", "code"}
KINDS: Mapping[str, Behaviour] = {
    FINE: Behaviour(),
    **{
        name: Behaviour(fault=name)
        for name in (
            *("close", "hang", "hang_midstream", "truncate", "no_done", "invalid_json", "empty_choices"),
            *("null_content", "length", "long_line", "split_character", "error_frame"),
        )
    },
    **{f"status_{status}": Behaviour(status=status) for status in (400, 401, 404, 413, 429, 500, 502, 503)},
    "wait": Behaviour(status=429, retry_after="1"),
    "wait_long": Behaviour(status=503, retry_after="90"),
    "slow": Behaviour(delay=0.3),
}
Verdict = Literal["answered", "refused", "broken off", "left", "wrong"]


@dataclass(frozen=True, slots=True)
class Drawn:
    """One request: its number, the model with the fault, and how it is asked; `leaves` is after so many seconds."""

    number: int
    kind: str
    stream: bool
    together: bool
    leaves: float | None


@dataclass(frozen=True, slots=True)
class Came:
    """What came of it; `said` is what was wrong, `id` and `text` those of an answer."""

    drawn: Drawn
    verdict: Verdict
    said: str = ""
    id: str = ""
    text: str = ""


def draws(n: int, seed: int) -> Iterator[Drawn]:
    """So many requests, the same for the same seed."""
    draw = random.Random(seed)
    for number in range(n):
        kind = draw.choice(sorted(KINDS))
        stream, together = draw.random() < STREAM, draw.random() < TOGETHER
        yield Drawn(number, kind, stream, together, 0.6 * draw.random() ** 3 if draw.random() < LEAVE else None)


def prepare(upstream: Upstream) -> None:
    """Let each of the stub's models have its fault, and answer with the number of the question."""
    for name, told in KINDS.items():
        upstream.set(name, _answering(told))


def answer(number: int) -> str:
    """What the stub says to a question."""
    return " ".join([f"Answer {number}:", *(f"word{i}" for i in range(10))])


async def ask(http: aiohttp.ClientSession, url: str, drawn: Drawn) -> Came:
    """Send the request and judge what comes. Never raises."""
    body: dict[str, Any] = {
        "model": "auto" if drawn.together else f"direct@{drawn.kind}",
        "messages": [{"role": "user", "content": f"Question {drawn.number}"}],
        "stream": drawn.stream,
    }
    if drawn.together:
        body["pointsman"] = {"models": [drawn.kind, FINE]}
    patience = DEADLINE if drawn.leaves is None else drawn.leaves
    try:
        async with asyncio.timeout(patience), http.post(f"{url}/v1/chat/completions", json=body) as reply:
            return _judged(drawn, reply.status, reply.content_type, (await reply.read()).decode())
    except TimeoutError:
        return Came(drawn, "left") if drawn.leaves is not None else Came(drawn, "wrong", "no end within the deadline")
    except (aiohttp.ClientError, UnicodeDecodeError) as error:
        return Came(drawn, "wrong", f"{type(error).__name__}: {error}")


def _answering(told: Behaviour) -> Behaviour:
    def says(asked: dict[str, Any]) -> str:
        return answer(int(asked["messages"][-1]["content"].rpartition(" ")[2]))

    return Behaviour(
        says=says,
        delay=told.delay,
        chunks=10,
        status=told.status,
        retry_after=told.retry_after,
        fault=told.fault,
        failure_rate=SHARE,
    )


def _judged(drawn: Drawn, status: int, kind: str, said: str) -> Came:
    if status != 200:
        return _refused(drawn, status, kind, said)
    try:
        if not drawn.stream:
            whole = json.loads(said)
            choice = whole["choices"][0]
            return _right(drawn, whole["id"], choice["message"]["content"], choice["finish_reason"])
        frames = [part[6:] for part in said.split("\n\n") if part.startswith("data: ")]
        parts = [json.loads(frame) for frame in frames if frame != "[DONE]"]
    except (ValueError, LookupError, TypeError) as error:
        return Came(drawn, "wrong", f"{type(error).__name__}: {error}: {said[-200:]}")
    choices = [choice for part in parts for choice in part.get("choices", ())]
    text = "".join(choice["delta"].get("content") or "" for choice in choices)
    reasons = [choice["finish_reason"] for choice in choices if choice["finish_reason"]]
    if "error" in parts[-1]:
        told = set(parts[-1]["error"]) == ERROR and frames[-1] != "[DONE]" and not reasons
        prefix = any(one.startswith(text) for one, _ in _expected(drawn))
        return Came(drawn, "broken off") if told and prefix else Came(drawn, "wrong", said[-300:])
    if frames[-1] != "[DONE]" or len(reasons) != 1:
        return Came(drawn, "wrong", f"an end that is none: {said[-200:]}")
    return _right(drawn, parts[0]["id"], text, reasons[0])


def _right(drawn: Drawn, decision_id: str, text: str, reason: str) -> Came:
    if (text, reason) in _expected(drawn):
        return Came(drawn, "answered", id=decision_id, text=text)
    return Came(drawn, "wrong", f"{reason}: {text[:200]!r}")


def _expected(drawn: Drawn) -> list[tuple[str, str]]:
    """The texts and reasons that are right: that of a sound model, and that of one with an odd answer."""
    plain = answer(drawn.number)
    odd = {
        "length": (plain, "length"),
        "long_line": (plain + "x" * LONG, "stop"),
        "null_content": ("", "stop"),
        "split_character": (NOT_ASCII + plain, "stop"),
    }
    return [(plain, "stop"), *([odd[drawn.kind]] if drawn.kind in odd else [])]


def _refused(drawn: Drawn, status: int, kind: str, said: str) -> Came:
    try:
        told = json.loads(said)
        shaped = kind == "application/json" and set(told) == {"error"} and set(told["error"]) == ERROR
    except (ValueError, TypeError):
        shaped = False
    if not shaped or status == 500:
        return Came(drawn, "wrong", f"{status} {kind}: {said[:200]}")
    return Came(drawn, "refused", str(status))
