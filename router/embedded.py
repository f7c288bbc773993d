"""Embeddings of many texts, kept on disk: what was embedded once is read the next time."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import BadZipFile

import numpy as np

from models.embedding import Embedder
from strategies.core.query import Vector

AT_ONCE = 512
"""Texts that are embedded and kept together: so much work at most is lost when it is interrupted."""
PROBE = "The pointsman sets the track for each train."
"""A text whose embedding tells embedders apart that bear one name."""


async def embedded(
    embedder: Embedder, texts: Sequence[str], folder: Path | None, tell: Callable[[int], None] = lambda done: None
) -> Vector:
    """Unit embeddings, float32 [n, size]; those that `folder` holds are read, the others are added to it.

    `tell` hears how many of the texts are there. A folder that cannot be written or read (None: no folder) costs time,
    never the answer. Raises ModelUnavailable.
    """
    digests = _digests(texts)
    shelf = None if folder is None else await _shelf(embedder, folder)
    known = {} if shelf is None else shelf.read(set(digests))
    wanted = {digest: text for digest, text in zip(digests, texts, strict=True) if digest not in known}
    waiting = sorted(wanted, key=lambda digest: len(wanted[digest]))  # texts of a length make quick batches
    tell(len(texts) - len(waiting))
    for start in range(0, len(waiting), AT_ONCE):
        batch = waiting[start : start + AT_ONCE]
        rows = await embedder.embed([wanted[digest] for digest in batch])
        known.update(zip(batch, rows, strict=True))
        if shelf is not None:
            shelf.add(batch, rows)
        tell(len(texts) - len(waiting) + start + len(batch))
    if not texts:
        return np.zeros((0, embedder.size), dtype=np.float32)
    return np.stack([known[digest] for digest in digests])


def _digests(texts: Sequence[str]) -> list[bytes]:
    return [hashlib.sha256(text.encode("utf-8", "replace")).digest()[:16] for text in texts]


async def _shelf(embedder: Embedder, folder: Path) -> "_Shelf":
    probe = (await embedder.embed([PROBE]))[0]
    mark = hashlib.sha256(np.round(probe, 3).tobytes()).hexdigest()[:12]
    name = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in embedder.name)
    return _Shelf(folder / f"{name}-{mark}", embedder.size)


@dataclass(frozen=True, slots=True)
class _Shelf:
    """The files of one embedder: each holds some digests, uint8 [n, 16], and their rows, float32 [n, size]."""

    folder: Path
    size: int

    def read(self, wanted: set[bytes]) -> dict[bytes, Vector]:
        """What is there of the wanted digests."""
        found: dict[bytes, Vector] = {}
        for path in sorted(self.folder.glob("*.npz")) if self.folder.is_dir() else ():
            found.update(self._rows(path, wanted))
        return found

    def _rows(self, path: Path, wanted: set[bytes]) -> Iterator[tuple[bytes, Vector]]:
        try:
            with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                kept = [bytes(row) for row in file["digests"]]
                if wanted.isdisjoint(kept):
                    return
                rows = file["rows"]
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            return  # a file that was cut off, or is none of ours: its texts are embedded again
        if rows.shape == (len(kept), self.size) and np.isfinite(rows).all():
            yield from ((digest, row) for digest, row in zip(kept, rows, strict=True) if digest in wanted)

    def add(self, digests: Sequence[bytes], rows: Vector) -> None:
        """Keep some rows, in one file that is there as a whole or not at all."""
        name = hashlib.sha256(b"".join(sorted(digests))).hexdigest()[:24]
        kept = np.frombuffer(b"".join(digests), dtype=np.uint8).reshape(len(digests), -1)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with TemporaryDirectory(dir=self.folder) as draft:
                path = Path(draft, f"{name}.npz")
                np.savez(path, digests=kept, rows=rows.astype(np.float32))
                path.replace(self.folder / path.name)
        except OSError:
            return  # a full or read-only disk: the next time takes as long as this one
