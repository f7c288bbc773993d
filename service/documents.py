"""Reading documents into the library: files and folders, at the start in the background, or for the command line."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import structlog

from models.errors import BadRequest, PointsmanError
from store.library import DocumentInfo, Library, Progress

SUFFIXES = (".md", ".txt", ".html", ".htm", ".pdf")

log = structlog.get_logger()


class Documents:
    """The documents of the settings on their way into the library; a document that is there already costs nothing."""

    def __init__(self, library: Library, given: Sequence[str]) -> None:
        self._library, self._given = library, given
        self._task: asyncio.Task[None] | None = None

    @property
    def state(self) -> str:
        """ "loading" or "ready"."""
        return "loading" if self._task is not None and not self._task.done() else "ready"

    def start(self) -> None:
        """Begin reading them in."""
        self._task = asyncio.create_task(self._read())

    async def wait(self, seconds: float | None = None) -> None:
        """Wait until all are in, or for so many seconds."""
        if self._task is not None:
            await asyncio.wait([self._task], timeout=seconds)

    async def close(self) -> None:
        """Stop reading."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _read(self) -> None:
        for path in files_of(self._given):
            try:
                await add_file(self._library, path)
            except (PointsmanError, OSError) as error:
                log.warning("document left out", path=str(path), error=str(error))


def files_of(given: Sequence[str] | Sequence[Path]) -> Iterator[Path]:
    """The files, and in folders the documents at any depth, in order. Raises BadRequest for what is not there."""
    for one in map(Path, given):
        if one.is_dir():
            yield from sorted(path for path in one.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
        elif one.is_file():
            yield one
        else:
            raise BadRequest(f"there is no file or folder {str(one)!r}")


async def add_file(library: Library, path: Path, progress: Progress | None = None) -> DocumentInfo:
    """Take one file into the library under its name. Raises UserError for one that cannot be read."""
    return await library.add(path.stem, await asyncio.to_thread(path.read_bytes), path.name, progress)
