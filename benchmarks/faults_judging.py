"""Whether what a client heard is what docs/reliability.md promises for the fault that struck its question."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal  # Any: JSON

from benchmarks.faults_asking import Drawn, Heard
from benchmarks.faults_kinds import FINE, KINDS, RETRIES, answer, odd_answer, promised
from benchmarks.faults_struck import Call

ERROR = {"message", "type", "param", "code"}
RESTING = "times in a row; it is tried again in"
"""How the service says that it did not ask a model which keeps failing."""
Verdict = Literal["answered", "instead", "refused", "rested", "broken off", "left", "cut", "nobody", "wrong"]
VERDICTS: tuple[Verdict, ...] = (
    "answered",
    "instead",
    "refused",
    "rested",
    "broken off",
    "left",
    "cut",
    "nobody",
    "wrong",
)


@dataclass(frozen=True, slots=True)
class Came:
    """What came of a request; `said` is what was wrong, `id` and `text` are what its client has read."""

    drawn: Drawn
    verdict: Verdict
    said: str = ""
    id: str = ""
    text: str = ""
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Read:
    """What stands in a reply, or in the part of it that came."""

    id: str
    text: str
    reasons: tuple[str, ...]
    told: dict[str, Any]
    error: dict[str, Any] | None
    done: bool


class Amiss(Exception):
    """What is not as promised."""


def judged(heard: Heard, calls: Sequence[Call]) -> Came:
    """The verdict; `calls` are those that the upstream saw for this question."""
    drawn = heard.drawn
    try:
        if heard.end == "nobody":
            _hold(not calls, "nobody listened, and yet a model was asked")
            return Came(drawn, "nobody", at=heard.at)
        _hold(heard.end not in ("late", "broken"), f"no end, though nothing was killed: {heard.problem or heard.end}")
        if heard.end != "whole":
            read = _part(heard)
            right = any(text.startswith(read.text) for text in (answer(drawn.number), _odd(drawn)))
            _hold(right, f"another text than the stub's: {read.text[:200]!r}")
            return Came(drawn, "cut" if heard.end == "cut" else "left", "", read.id, read.text, heard.at)
        own = [call for call in calls if call.model == drawn.kind]
        _tries(drawn, calls, own)
        if heard.status != 200:
            return Came(drawn, _refused(heard, own), at=heard.at)
        read = _read(heard.body, drawn.stream, whole=True)
        verdict = _broken_off(drawn, read, own) if read.error is not None else _answered(drawn, read, own)
        return Came(drawn, verdict, "", read.id, read.text, heard.at)
    except (Amiss, ValueError, LookupError, TypeError) as amiss:
        said = f"{type(amiss).__name__}: {amiss}; {heard.status}, calls {list(calls)}: {heard.body[-300:]!r}"
        return Came(drawn, "wrong", said, at=heard.at)


def _refused(heard: Heard, own: Sequence[Call]) -> Verdict:
    """An error in place of an answer: the one of the table, or that the model is left alone for a while."""
    drawn, promise = heard.drawn, promised(heard.drawn.kind)
    told = json.loads(heard.body)
    _hold(heard.content_type == "application/json" and set(told) == {"error"}, "an error without the shape")
    error = told["error"]
    _hold(set(error) == ERROR and bool(error["message"]), "an error without the shape")
    _hold(promise is not None, "a model that is well was refused")
    _hold(not drawn.together, "refused, though a model that is well could answer")
    assert promise is not None
    found = (heard.status, error["code"], heard.after)
    if not own and RESTING in error["message"]:
        _hold(promise.rests, "this fault closes no model")
        _hold(found[:2] == (502, "model_error") and heard.after is not None, f"{found} for a model that rests")
        return "rested"
    _hold(_failed(drawn, own), "refused, though the last call was not struck")
    _hold(not (drawn.stream and KINDS[drawn.kind].begun), "refused after the first words")
    _hold(found == (promise.status, promise.code, promise.after), f"{found} is not {promise}")
    _hold(len(own) == promise.tries, f"{len(own)} calls, not {promise.tries}")
    return "refused"


def _broken_off(drawn: Drawn, read: Read, own: Sequence[Call]) -> Verdict:
    """An error frame in the middle."""
    promise = promised(drawn.kind)
    assert read.error is not None
    _hold(promise is not None and KINDS[drawn.kind].begun, "broken off, though no fault does so")
    assert promise is not None
    _hold(bool(own) and own[-1].struck, "broken off, though the last call was not struck")
    _hold(set(read.error) == ERROR and read.error["code"] == promise.code, f"{read.error} is not {promise}")
    _hold(not read.done and not read.reasons, "an end that looks whole and is not")
    _hold(bool(read.text) and answer(drawn.number).startswith(read.text), f"not the stub's words: {read.text[:200]!r}")
    return "broken off"


def _answered(drawn: Drawn, read: Read, own: Sequence[Call]) -> Verdict:
    """A whole answer: of the model that was asked for, or of the one that is well."""
    _hold(read.done and len(read.reasons) == 1 and bool(read.id), "an end that is none")
    struck, by = bool(own) and own[-1].struck, read.told["model"]
    expected, reason = answer(drawn.number), "stop"
    if by == drawn.kind:
        _hold(bool(own) and not _failed(drawn, own), "an answer of a model that failed")
        _hold("degraded" not in read.told, "called degraded, and is not")
        if struck:
            expected, reason = _odd(drawn), KINDS[drawn.kind].odd
    else:
        _hold(by == FINE and drawn.together, f"answered by {by!r}, which was not asked for")
        _instead(drawn, read, own)
    right = (read.text, read.reasons[0]) == (expected, reason)
    _hold(right, f"another answer than the stub's: {read.reasons[0]} {read.text[:200]!r}")
    return "instead" if "degraded" in read.told else "answered"


def _instead(drawn: Drawn, read: Read, own: Sequence[Call]) -> None:
    """Another model's answer is called degraded where the chosen one failed, and only there."""
    promise = promised(drawn.kind)
    if "degraded" not in read.told:
        _hold(not own, "not called degraded, though another model was asked first")
        return
    rested = not own and RESTING in read.told["error"] and promise is not None and promise.rests
    _hold(rested or _failed(drawn, own), f"degraded without a fault: {read.told['error']}")
    _hold(rested or (promise is not None and len(own) == promise.tries), f"{len(own)} calls, not as {promise}")


def _tries(drawn: Drawn, calls: Sequence[Call], own: Sequence[Call]) -> None:
    """No model is asked more often than its retries allow, and none again after what no retry can mend."""
    promise = promised(drawn.kind)
    _hold(max(len(own), len(calls) - len(own)) <= 1 + RETRIES, "more calls than there are retries")
    begun = drawn.stream and KINDS[drawn.kind].begun
    final = promise is None or promise.tries == 1 or begun
    _hold(not (final and any(call.struck for call in own[:-1])), "tried again after what is final")


def _failed(drawn: Drawn, own: Sequence[Call]) -> bool:
    """Whether the last call met a fault that leaves no answer."""
    return bool(own) and own[-1].struck and promised(drawn.kind) is not None


def _odd(drawn: Drawn) -> str:
    return odd_answer(drawn.kind, drawn.number)


def _part(heard: Heard) -> Read:
    """What had come of a stream when it ended; nothing of a plain reply can be read before its end."""
    if not heard.drawn.stream or heard.status != 200:
        return Read("", "", (), {}, None, False)
    return _read(heard.body, True, whole=False)


def _read(body: bytes, stream: bool, whole: bool) -> Read:
    """Raises ValueError, LookupError, TypeError or Amiss for what has not the shape."""
    if not stream:
        told = json.loads(body)
        choice = told["choices"][0]
        return Read(
            told["id"], choice["message"]["content"] or "", (choice["finish_reason"],), told["pointsman"], None, True
        )
    pieces = body.split(b"\n\n")
    _hold(not whole or pieces[-1] == b"", "the last frame is not whole")
    frames = [piece[6:] for piece in pieces[:-1] if piece.startswith(b"data: ")]
    done = bool(frames) and frames[-1] == b"[DONE]"
    parts = [json.loads(frame) for frame in (frames[:-1] if done else frames)]
    _hold(not any("error" in part for part in parts[:-1]), "more after an error")
    ids = {part["id"] for part in parts if "error" not in part}
    _hold(len(ids) <= 1, f"more ids than one: {ids}")
    choices = [choice for part in parts for choice in part.get("choices", ())]
    last = parts[-1] if parts else {}
    return Read(
        "".join(ids),
        "".join(choice["delta"].get("content") or "" for choice in choices),
        tuple(choice["finish_reason"] for choice in choices if choice["finish_reason"]),
        last.get("pointsman", {}),
        last.get("error"),
        done,
    )


def _hold(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Amiss(otherwise)
