"""Which version of a model answers: a digest that changes when its weights, its prompt format or its server do."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable  # Any: a model's own parameters are JSON

from models.backend import Backend

WHOLE = 1 << 20
"""Files up to so many bytes are read whole."""
PIECES, PIECE = 64, 4096
"""Of a larger file, so many pieces of so many bytes, evenly spread: training moves weights everywhere."""
UNIMPORTANT = (".md", ".lock")


@runtime_checkable
class Revised(Protocol):
    """A back-end that can tell which version of its model answers."""

    @property
    def revision(self) -> str: ...


def revision_of(backend: Backend) -> str:
    """The back-end's revision; empty where it cannot tell."""
    return str(backend.revision) if isinstance(backend, Revised) else ""


def digest(*parts: str) -> str:
    """A short digest of the parts: the same parts in the same order, the same digest."""
    return hashlib.sha256("\x00".join(parts).encode("utf-8", "replace")).hexdigest()[:12]


def digest_of(values: Mapping[str, Any]) -> str:
    """A short digest of named values, whatever their order."""
    return digest(json.dumps(dict(values), sort_keys=True, default=str))


def digest_of_folder(folder: Path) -> str:
    """A short digest of the files that make a model: names, sizes, and what is in them (of large ones, samples).

    Times do not count: the same model copied to another machine is the same model. Raises OSError.
    """
    seen = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if not path.is_file() or path.name.startswith(".") or path.suffix.lower() in UNIMPORTANT:
            continue
        size = path.stat().st_size
        seen.update(f"{path.name} {size}\n".encode())
        with path.open("rb") as file:
            if size <= WHOLE:
                seen.update(file.read())
                continue
            for i in range(PIECES):
                file.seek(i * (size - PIECE) // (PIECES - 1))
                seen.update(file.read(PIECE))
    return seen.hexdigest()[:12]
