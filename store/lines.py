"""Rows as lines of text and back: the form in which they wait in the spool."""

import base64
import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any  # rows are JSON objects

import numpy as np
import orjson

from strategies.core.query import Vector

Row = dict[str, Any]
Rows = list[tuple[str, Row]]
TIMES = frozenset({"at"})
BYTES = frozenset({"embedding"})


def pack(rows: Rows) -> bytes:
    """One line of the spool. What no database takes is replaced: NUL, half a surrogate pair; infinity by null."""
    try:
        line = orjson.dumps(rows, default=_plain)
    except TypeError:  # half a surrogate pair, a number that is too large, a key that is no text
        line = b""
    if b"\\u0000" in line or not line:  # rare: the usual line is not looked through value by value
        line = _dumps(_clean(json.loads(json.dumps(rows, default=_plain)))).encode("utf-8", "replace")
    return line + b"\n"


def unpack(line: bytes) -> Rows:
    """The rows of a line, as a database takes them. Raises ValueError for a line that was not written to its end."""
    if not line.endswith(b"\n"):
        raise ValueError("the line has no end")
    rows = [(table, row) for table, row in json.loads(line)]
    for _, row in rows:
        for name in TIMES & row.keys():
            row[name] = None if row[name] is None else utc(row[name])
        for name in BYTES & row.keys():
            row[name] = base64.b64decode(row[name])
    return rows


def to_bytes(vector: Vector) -> bytes:
    """A vector as little-endian float32."""
    return np.ascontiguousarray(vector, dtype="<f4").tobytes()


def to_vector(raw: bytes) -> Vector:
    """A vector that was kept as bytes."""
    return np.frombuffer(raw, dtype="<f4").astype(np.float32)


def utc(seconds: float) -> datetime:
    """A moment in seconds since 1970 as a time."""
    return datetime.fromtimestamp(seconds, UTC)


def _dumps(rows: Rows) -> str:
    return json.dumps(rows, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain)


def _plain(value: object) -> Any:
    """What JSON has no form for, such as a caller's own mapping or set."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, np.generic):
        return value.item()
    return list(value) if isinstance(value, tuple | set | frozenset) else str(value)


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd")
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, list):
        return [_clean(one) for one in value]
    if isinstance(value, dict):
        return {_clean(name): _clean(one) for name, one in value.items()}
    return value
