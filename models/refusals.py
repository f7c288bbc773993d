"""What an OpenAI-compatible server means by a status other than 200: our own error, with the wait that it asks for."""

import math
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

import orjson

from models.errors import ContextTooLong, ModelError, ModelOverloaded, ModelRefused, ModelTimeout, ModelUnavailable
from models.own_key import without

LONGEST = 500
"""Characters of the server's own words that are told on."""
TOO_LONG = ("context_length_exceeded", "context length", "maximum context", "context window", "too many tokens")
"""How servers say that a prompt does not fit."""
KEYS = (401, 403)
KEY_HINT = "; is api_key_env of this model in the settings the right key?"
KINDS: Mapping[int, type[ModelError]] = {
    400: ModelRefused,
    408: ModelTimeout,
    413: ContextTooLong,
    415: ModelRefused,
    422: ModelRefused,
    429: ModelOverloaded,
    504: ModelTimeout,
}
"""Any other one: the server is not to be had."""


def refusal(
    model: str, status: int, headers: Mapping[str, str], body: bytes, secrets: tuple[str, ...] = ()
) -> ModelError:
    """The error for a reply with this status. A key, an address or a name that is wrong is no better the next time.

    `secrets` are left out of the server's words, and these altogether where it speaks of a key.
    """
    words = "" if status in KEYS else without(secrets, _words(body))
    kind = KINDS.get(status, ModelUnavailable)
    if kind is ModelRefused and any(sign in words.lower() for sign in TOO_LONG):
        kind = ContextTooLong
    told = f"model {model!r} answered {status}: {words[:LONGEST]}" if words else f"model {model!r} answered {status}"
    told += KEY_HINT if status in KEYS else ""
    error = kind(told, model=model, retry_after=wait_of(headers))
    if kind is ModelUnavailable and status < 500:
        error.retryable = False
    return error


def wait_of(headers: Mapping[str, str]) -> float | None:
    """The seconds that `retry-after-ms` or `retry-after` (seconds, or a date) ask to wait; None if neither does, or
    what they say is no length of time.
    """
    milliseconds, given = headers.get("retry-after-ms"), headers.get("retry-after")
    try:
        if milliseconds is not None:
            wait = float(milliseconds) / 1000
        elif given is None:
            return None
        elif given.strip().replace(".", "", 1).isdigit():
            wait = float(given)
        else:
            wait = parsedate_to_datetime(given).timestamp() - time.time()
    except (ValueError, OverflowError):
        return None
    return max(0.0, wait) if math.isfinite(wait) else None


def _words(body: bytes) -> str:
    """What the server said, as far as it can be found in what it sent."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return " ".join(body[: 4 * LONGEST].decode("utf-8", "replace").split())
    error = said.get("error", said) if isinstance(said, dict) else said
    if isinstance(error, dict):
        error = " ".join(str(error[key]) for key in ("message", "detail", "code") if error.get(key))
    return " ".join(str(error).split())
