"""Where a model's files lie, a directory or the hub's local cache, and what its weights are, by their headers alone."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # a header is JSON

from transformers.utils.hub import cached_file, is_offline_mode  # type: ignore[attr-defined]  # huggingface_hub's own

from models.errors import ModelUnavailable

SINGLE = ("model.safetensors", "pytorch_model.bin")
SHARDED = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
POINTER = b"version https://git-lfs"


@dataclass(frozen=True, slots=True)
class Stored:
    """A tensor of a file: its name, its shape and the bits of one of its numbers."""

    name: str
    shape: tuple[int, ...]
    bits: int

    @property
    def count(self) -> int:
        """How many numbers it holds."""
        count = 1
        for size in self.shape:
            count *= size
        return count


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A folder that holds a model, and what was asked for: that folder, or an id on the hub."""

    name: str
    source: str
    path: Path

    @property
    def on_hub(self) -> bool:
        """Whether the files come from the hub (or its cache) by an id."""
        return self.source != str(self.path)

    def weight_files(self) -> list[Path]:
        """The files with the weights. Raises ModelUnavailable for what is not there, and names it."""
        for index in SHARDED:
            if (listed := self._file(index)) is not None:
                return self._shards(listed)
        for single in SINGLE:
            if (found := self._file(single)) is not None:
                return [found]
        raise self.wrong(f"there are no weights in {self.source!r}: no {SINGLE[0]}, no {SHARDED[0]}, no {SINGLE[1]}")

    def tensors(self) -> list[Stored]:
        """The tensors of all safetensors files; empty for other formats. Raises ModelUnavailable for a damaged file."""
        files = self.weight_files()
        return [one for file in files if file.suffix == ".safetensors" for one in self._header(file)]

    def wrong(self, what: str) -> ModelUnavailable:
        """The error that says so of this model."""
        return ModelUnavailable(f"model {self.name!r}: {what}", model=self.name)

    def _file(self, name: str) -> Path | None:
        if not self.on_hub:
            return self.path / name if (self.path / name).is_file() else None
        try:
            found = cached_file(self.source, name, _raise_exceptions_for_missing_entries=False)
        except OSError:
            return None
        return None if found is None else Path(found)

    def _shards(self, index: Path) -> list[Path]:
        try:
            names = sorted(set(json.loads(index.read_text())["weight_map"].values()))
        except (ValueError, KeyError, AttributeError) as unreadable:
            raise self.wrong(f"{index.name} in {self.source!r} cannot be read") from unreadable
        found = {name: self._file(name) for name in names}
        lacking = [name for name, file in found.items() if file is None]
        if lacking:
            raise self.wrong(
                f"{len(lacking)} of {len(names)} weight files are missing in {self.source!r}: {lacking[0]}"
            )
        return [file for file in found.values() if file is not None]

    def _header(self, file: Path) -> list[Stored]:
        """The first 8 bytes are the header's length, then JSON, then the numbers (the safetensors format)."""
        size = file.stat().st_size
        with file.open("rb") as stream:
            start = stream.read(24)
            if start.startswith(POINTER):
                raise self.wrong(f"{file.name} in {self.source!r} is a Git LFS pointer, not the weights: git lfs pull")
            length = int.from_bytes(start[:8], "little")
            stream.seek(8)
            raw = stream.read(length) if 2 <= length <= size - 8 else b""
        try:
            header: dict[str, Any] = json.loads(raw)
            entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
            end = 8 + length + max((entry["data_offsets"][1] for entry in entries.values()), default=0)
            tensors = [_stored(name, entry) for name, entry in entries.items()]
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as damaged:
            raise self.wrong(
                f"{file.name} in {self.source!r} cannot be loaded: it is damaged at its start"
            ) from damaged
        if size != end:
            raise self.wrong(f"{file.name} in {self.source!r} cannot be loaded: it has {size} bytes instead of {end}")
        return tensors


def locate(name: str, source: str) -> ModelFolder:
    """The folder behind a directory's path or an id on the hub. Raises ModelUnavailable where there is none."""
    path = Path(source).expanduser()
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise ModelUnavailable(f"model {name!r}: the directory {source!r} has no config.json", model=name)
        return ModelFolder(name, str(path), path)
    if path.is_absolute() or source.startswith((".", "~")) or source.count("/") != 1:
        raise ModelUnavailable(f"model {name!r}: there is no directory {source!r}", model=name)
    try:
        config = cached_file(source, "config.json")
    except OSError as failure:
        raise ModelUnavailable(f"model {name!r}: {_why_not(source, failure)}", model=name) from failure
    return ModelFolder(name, source, Path(str(config)).parent)


def _why_not(source: str, failure: OSError) -> str:
    where = f"there is no directory {source!r}"
    if is_offline_mode():
        return f"{where}, the local cache has no model of that id, and HF_HUB_OFFLINE forbids to fetch it"
    return f"{where}, and the hub does not give a model of that id: {' '.join(str(failure).split())[:300]}"


def _stored(name: str, entry: dict[str, Any]) -> Stored:
    start, end = entry["data_offsets"]
    shape = tuple(int(size) for size in entry["shape"])
    count = Stored(name, shape, 0).count
    return Stored(name, shape, 8 * (end - start) // count if count else 0)
