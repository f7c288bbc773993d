"""A process that is killed while it writes to the library leaves no half document, and what it left is taken up."""

import asyncio
import multiprocessing
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from store import open_store
from store.tables import TABLES
from tests.router.yard import Words
from tests.store.dying import Others, add_and_die, search_and_die

TEXTS = {f"Bird {i}": f"The bird of number {i} stands in the reeds all day and waits for a fish." for i in range(3)}


async def killed(target: Callable[[str, str, int], None], url: str, statement: str, nth: int = 1) -> None:
    """Run the target in a process of its own, which is killed."""
    child = multiprocessing.get_context("spawn").Process(target=target, args=(url, statement, nth))
    child.start()
    await asyncio.to_thread(child.join)
    assert child.exitcode == -9


@pytest.mark.parametrize("statement", ["INSERT INTO passages", "COMMIT"])
async def test_a_kill_while_a_document_comes_in_leaves_none_of_it(url: str, tmp_path: Path, statement: str) -> None:
    await killed(add_and_die, url, statement)
    store = await asyncio.to_thread(open_store, url, Words(), tmp_path / "events")
    assert await store.library.documents() == []
    assert store.library.size == 0
    added = await store.library.add("Herons", b"They eat fish.\n\nThey eat frogs.\n\n" * 20, "text/plain")
    assert (added.passages, len(await store.library.search("fish", 100))) == (added.passages, added.passages)
    await store.close()


async def test_a_kill_while_documents_are_placed_anew_leaves_each_with_one_embedder(url: str, tmp_path: Path) -> None:
    store = await asyncio.to_thread(open_store, url, Words(), tmp_path / "events")
    for title, text in TEXTS.items():
        await store.library.add(title, text.encode(), "text/plain")
    await store.close()
    await killed(search_and_die, url, "UPDATE documents", 2)
    store = await asyncio.to_thread(open_store, url, Others(), tmp_path / "events")
    documents, passages = TABLES["documents"], TABLES["passages"]
    wanted = select(documents.c.embedder, passages.c.embedding).join(passages).order_by(documents.c.embedder)
    with store.database.engine.connect() as connection:
        found = [(name, len(raw) // 4) for name, raw in connection.execute(wanted)]
    assert found == [("others", 24), ("words", 16), ("words", 16)]
    for title, text in TEXTS.items():
        assert (await store.library.search(text, 3))[0].title == title
    assert len(await store.library.search("bird", 9)) == 3
    await store.close()
