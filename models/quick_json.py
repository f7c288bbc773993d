"""JSON by orjson, several times faster; what orjson will not take goes the slow way instead of failing."""

import json
import math
import re
from collections.abc import Callable
from typing import Any  # JSON

import orjson

HALVES = re.compile(rb"(?i)\\u(?:d[89ab][0-9a-f]{2}(?!\\ud[c-f])|(?<!\\ud[89ab][0-9a-f]{2}\\u)d[c-f][0-9a-f]{2})")
"""Half of a surrogate pair, which servers send where an emoji is cut in two."""


def dumps(value: Any, default: Callable[[Any], Any] | None = None) -> bytes:
    """The value as JSON in UTF-8; half a surrogate pair becomes a question mark; `default` makes JSON of what is none.
    Raises ValueError, TypeError.
    """
    try:
        return orjson.dumps(value, default=default)
    except TypeError:  # half a pair, a number of more than 64 bits, a key that is no text
        text = json.dumps(_finite(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=default)
        return text.encode("utf-8", "replace")


def loads(data: bytes) -> Any:
    """The value of this JSON; half a surrogate pair becomes the replacement character. Raises ValueError."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return orjson.loads(HALVES.sub(rb"\\ufffd", data))


def _finite(value: Any) -> Any:
    """The same with null for each number that JSON has no word for, as orjson writes them."""
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
