"""Keeping a graph that took time to make in a folder: whole or not at all, and never needed.

A file is the SHA-256 digest of what follows it, then that. It is written beside its place and moved there, so that
processes that start together do not see halves of each other's; one that is damaged is made again. Where the folder
cannot be written, the graph is made at every start.
"""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

SIZE = hashlib.sha256().digest_size


def cached_graph(folder: Path | None, name: str, make: Callable[[], bytes]) -> bytes:
    """The bytes kept in the folder under the name, which `make` makes if missing or damaged; None keeps none."""
    if folder is None:
        return make()
    path = folder / name
    kept = _read(path)
    if kept is None:
        kept = make()
        with contextlib.suppress(OSError):  # a folder that cannot be written, a full disk: go on without
            _write(path, kept)
    return kept


def _read(path: Path) -> bytes | None:
    try:
        whole = path.read_bytes()
    except OSError:
        return None
    body = memoryview(whole)[SIZE:]
    return bytes(body) if body and hashlib.sha256(body).digest() == whole[:SIZE] else None


def _write(path: Path, body: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    number, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(number, "wb") as sink:
            sink.write(hashlib.sha256(body).digest())
            sink.write(body)
        Path(beside).replace(path)
    except OSError:
        Path(beside).unlink(missing_ok=True)
        raise
