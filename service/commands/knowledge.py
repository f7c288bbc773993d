"""`knowledge`: documents in, listed, searched and out, from the shell."""

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from service import log
from service.documents import add_file, files_of
from service.errors import NotThere
from service.house import opened_store
from service.sections import Settings


def add(settings: Settings, paths: Sequence[Path]) -> int:
    """Take files, and the documents of folders, into the library. Raises UserError for one that cannot be read."""
    log.configure(logging.WARNING)
    asyncio.run(_add(settings, paths))
    return 0


def list_all(settings: Settings) -> int:
    """Print a table of the documents."""
    log.configure(logging.WARNING)
    asyncio.run(_list(settings))
    return 0


def remove(settings: Settings, document_id: str) -> int:
    """Take a document out. Raises NotThere for an unknown id."""
    log.configure(logging.WARNING)
    asyncio.run(_remove(settings, document_id))
    return 0


def search(settings: Settings, text: str, k: int) -> int:
    """Print the k passages nearest in meaning; 1 when there are none."""
    log.configure(logging.WARNING)
    return asyncio.run(_search(settings, text, k))


async def _add(settings: Settings, paths: Sequence[Path]) -> None:
    files = list(files_of(paths))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        whole = progress.add_task("documents", total=len(files))
        one = progress.add_task("passages", total=None)

        def show(done: int, total: int) -> None:
            progress.update(one, completed=done, total=total)

        async with opened_store(settings) as store:
            for path in files:
                progress.update(one, description=path.name, completed=0, total=None)
                await add_file(store.library, path, show)
                progress.advance(whole)
            passages = store.library.size
    Console().print(f"{len(files)} documents read; the library has {passages} passages.", markup=False)


async def _list(settings: Settings) -> None:
    async with opened_store(settings) as store:
        table = Table("id", "title", "passages", box=None, pad_edge=False)
        for one in await store.library.documents():
            table.add_row(str(one.id), one.title, str(one.passages))
        Console().print(table)


async def _remove(settings: Settings, document_id: str) -> None:
    async with opened_store(settings) as store:
        if not await store.library.remove(document_id):
            raise NotThere(f"no document has the id {document_id!r}; `knowledge list` shows those there are")


async def _search(settings: Settings, text: str, k: int) -> int:
    console = Console(highlight=False)
    async with opened_store(settings) as store:
        found = await store.library.search(text, k)
    for passage in found:
        console.print(f"{passage.score:.3f}  {passage.title}", style="bold", markup=False)
        console.print(passage.text, markup=False)
    return 0 if found else 1
