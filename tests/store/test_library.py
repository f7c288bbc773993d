"""The library: documents in, once each, found by meaning, out again; also those that other processes bring."""

import asyncio
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.embedding import open_embedder
from models.errors import BadRequest, ModelUnavailable
from store import Habits, Store, library, loaded, open_store
from store.chunks import Chunking
from store.entry import Entry
from store.lexical import Lexical
from store.loaded import Search
from store.shelf import Shelf
from strategies.core.query import Vector
from tests.router.yard import Words
from tests.store.dying import Others

ZOO = Path(__file__).resolve().parents[2] / "models" / "zoo" / "documents"
HERONS = b"# Herons\n\nThe heron stands in the reeds.\n\nIt eats fish and frogs and now and then a vole or a snake."
STEEL = b"Steel is iron with a little carbon, and without the carbon it is only iron."


async def test_a_document_is_cut_embedded_listed_found_and_removed(store: Store) -> None:
    assert (store.library.size, store.library.offers()) == (0, frozenset())
    assert await store.library.search("heron", 3) == []
    seen: list[tuple[int, int]] = []
    herons = await store.library.add("Herons", HERONS, "herons.md", lambda done, of: seen.append((done, of)))
    steel = await store.library.add("Steel", STEEL, "text/plain")
    assert seen == [(1, 1)]
    assert (herons.title, herons.media_type, herons.bytes, herons.passages) == (
        "Herons",
        "text/markdown",
        len(HERONS),
        1,
    )
    assert store.library.offers() == {"documents"}
    assert [one.title for one in await store.library.documents()] == ["Herons", "Steel"]
    assert (await store.library.documents())[0] == herons
    found = await store.library.search(STEEL.decode(), 5)
    assert [one.title for one in found] == ["Steel", "Herons"]
    assert 1.0001 > found[0].score > found[1].score
    assert found[0].text == STEEL.decode()
    assert await store.library.remove(steel.id)
    assert not await store.library.remove(steel.id)
    assert [one.title for one in await store.library.search(STEEL.decode(), 5)] == ["Herons"]
    assert await store.library.remove(herons.id)
    assert (store.library.size, store.library.offers()) == (0, frozenset())


async def test_the_same_document_twice_is_one(store: Store) -> None:
    first = await store.library.add("Herons", HERONS, "herons.md")
    assert await store.library.add("Other name", HERONS, "text/markdown") == first
    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(store.library.add("Steel", STEEL, "text/plain"))
    assert len(await store.library.documents()) == 2
    assert len(await store.library.search("anything", 10)) == 2


async def test_the_same_words_in_another_file_are_the_same_document(store: Store) -> None:
    first = await store.library.add("Steel", STEEL, "steel.txt")
    assert await store.library.add("Also steel", b"\xef\xbb\xbf" + STEEL + b"\r\n\r\n", "steel.md") == first
    assert await store.library.add("A page", b"<p>" + STEEL + b"</p>", "steel.html") == first
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(store.library.add("Herons", HERONS + b"\n" * i, "a.md")) for i in range(3)]
    assert len({task.result() for task in tasks}) == 1
    assert [one.title for one in await store.library.documents()] == ["Steel", "Herons"]
    assert await store.library.remove(first.id)
    assert (await store.library.add("A page", b"<p>" + STEEL + b"</p>", "steel.html")).title == "A page"


@pytest.mark.parametrize(("search", "first"), [("hybrid", "Valve"), ("dense", "Herons")])
async def test_hybrid_search_finds_by_words_what_lies_far_in_meaning(
    tmp_path: Path, search: Search, first: str
) -> None:
    embedder = Words()
    store = await asyncio.to_thread(
        open_store, f"sqlite:///{tmp_path / 'test.db'}", embedder, None, Habits(search=search)
    )
    await store.library.add("Herons", HERONS, "herons.md")
    await store.library.add("Steel", STEEL, "text/plain")
    await store.library.add("Valve", b"Nobody may open valve KX-7741 while the pump is running at night.", "text/plain")
    asked = "and then and then a (KX-7741)?"
    found = await store.library.search(asked, 3)
    assert found[0].title == first
    near = {one.title: float(embedder.one(one.text) @ embedder.one(asked)) for one in found}
    assert {one.title: one.score for one in found} == pytest.approx(near, abs=1e-5)
    await store.close()


async def test_what_is_removed_is_found_neither_by_meaning_nor_by_words(store: Store) -> None:
    steel = await store.library.add("Steel", STEEL, "text/plain")
    await store.library.add("Herons", HERONS, "herons.md")
    assert len(await store.library.search("steel and carbon", 5)) == 2
    await store.library.remove(steel.id)
    assert [one.title for one in await store.library.search("steel and carbon", 5)] == ["Herons"]


async def test_a_search_does_not_wait_for_the_index_of_words(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    await store.library.add("Herons", HERONS, "herons.md")
    goes_on = threading.Event()

    class Slow(Lexical):
        def __init__(self, entries: Sequence[Entry]) -> None:
            goes_on.wait(30)
            super().__init__(entries)

    monkeypatch.setattr(loaded, "Lexical", Slow)
    begun = time.monotonic()
    assert [one.title for one in await store.library.search("heron", 5)] == ["Herons"]
    assert time.monotonic() - begun < 5
    goes_on.set()
    assert [one.title for one in await store.library.search("reeds", 5)] == ["Herons"]


async def test_the_settings_say_how_long_a_passage_is(tmp_path: Path) -> None:
    habits = Habits(Chunking(least=2, most=16))
    store = await asyncio.to_thread(open_store, f"sqlite:///{tmp_path / 'test.db'}", Words(), None, habits)
    assert (await store.library.add("Words", b"word " * 40, "text/plain")).passages == 3
    await store.close()


@pytest.mark.parametrize(
    ("data", "kind", "says"),
    [
        (b"", "text/plain", "no text"),
        (b" \n\t", "a.md", "no text"),
        (b"<script>x</script>", "a.html", "no text"),
        (b"\xff\xfe\x00", "a.txt", "UTF-8"),
        (b"not a pdf", "a.pdf", "PDF"),
        (b"x", "application/zip", "application/zip"),
        (b"x", "noending", "noending"),
    ],
)
async def test_a_document_that_cannot_be_read_is_refused(tmp_path: Path, data: bytes, kind: str, says: str) -> None:
    store = await asyncio.to_thread(open_store, f"sqlite:///{tmp_path / 'test.db'}", Words())
    with pytest.raises(BadRequest, match=says):
        await store.library.add("A title", data, kind)
    assert await store.library.documents() == []
    await store.close()


async def test_documents_are_there_after_a_restart_and_from_another_process(url: str, tmp_path: Path) -> None:
    first = await asyncio.to_thread(open_store, url, Words(), tmp_path / "events")
    await first.library.add("Herons", HERONS, "herons.md")
    second = await asyncio.to_thread(open_store, url, Words(), tmp_path / "events")
    assert second.library.offers() == {"documents"}
    assert [one.title for one in await second.library.search("heron", 1)] == ["Herons"]
    steel = await second.library.add("Steel", STEEL, "text/plain")
    assert [one.title for one in await first.library.search(STEEL.decode(), 1)] == ["Steel"]
    await second.library.remove(steel.id)
    assert [one.title for one in await first.library.search(STEEL.decode(), 5)] == ["Herons"]
    await first.close()
    await second.close()


async def test_another_embedder_places_the_passages_anew(url: str, tmp_path: Path) -> None:
    first = await asyncio.to_thread(open_store, url, Words(), tmp_path / "events")
    await first.library.add("Herons", HERONS, "herons.md")
    await first.library.add("Steel", STEEL, "text/plain")
    await first.close()
    second = await asyncio.to_thread(open_store, url, Others(), tmp_path / "events")
    found = await second.library.search(STEEL.decode(), 2)
    assert [one.title for one in found] == ["Steel", "Herons"]
    assert found[0].score == pytest.approx(1.0, abs=1e-5)
    await second.close()


async def test_an_embedder_that_fails_is_asked_again_at_the_next_search(url: str, tmp_path: Path) -> None:
    class Weak(Others):
        fails = True

        async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
            if self.fails:
                raise ModelUnavailable("no memory", model="others")
            return await super().embed(texts)

    first = await asyncio.to_thread(open_store, url, Words(), tmp_path / "events")
    await first.library.add("Steel", STEEL, "text/plain")
    await first.close()
    weak = Weak()
    second = await asyncio.to_thread(open_store, url, weak, tmp_path / "events")
    with pytest.raises(ModelUnavailable):
        await second.library.search("steel", 1)
    weak.fails = False
    assert [one.title for one in await second.library.search("steel", 1)] == ["Steel"]
    await second.close()


async def test_a_question_finds_the_paragraph_of_the_zoo_that_answers_it(tmp_path: Path) -> None:
    embedder = open_embedder(None)
    store = await asyncio.to_thread(open_store, f"sqlite:///{tmp_path / 'test.db'}", embedder)
    path = ZOO / "register-of-people-part-1.md"
    await store.library.add(path.stem, path.read_bytes(), path.name)
    paragraphs = [part for part in path.read_text().split("\n\n") if not part.startswith("#")]
    assert store.library.size == len(paragraphs)
    for paragraph in paragraphs[::10]:
        name = " ".join(paragraph.split()[:2])
        found = await store.library.search(f"Where does {name} live?", 1)
        assert found[0].text.startswith(name)
    await store.close()
    await embedder.close()


class Held(Others):
    """Another embedder, which embeds documents only when it may."""

    def __init__(self) -> None:
        self.may, self.asked = asyncio.Event(), 0

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if len(texts[0].split()) > 2:
            self.asked += 1
            await self.may.wait()
        return await super().embed(texts)


async def test_searches_wait_together_and_once_for_documents_that_are_placed_anew(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loaded, "EMBED_WAIT", 0.6)
    first = await asyncio.to_thread(open_store, url, Words(), tmp_path / "events")
    await first.library.add("Steel", STEEL, "text/plain")
    await first.close()
    held = Held()
    second = await asyncio.to_thread(open_store, url, held, tmp_path / "events")
    begun = time.monotonic()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(second.library.search("steel", 1)) for _ in range(6)]
    assert 0.5 < time.monotonic() - begun < 1.2
    assert [task.result() for task in tasks] == [[]] * 6
    assert second.library.offers() == {"documents"}
    begun = time.monotonic()
    assert await second.library.search("steel", 1) == []
    assert time.monotonic() - begun < 0.4
    held.may.set()
    await asyncio.sleep(0.5)
    assert [one.title for one in await second.library.search("steel", 1)] == ["Steel"]
    assert held.asked == 1
    await second.close()


async def test_a_document_that_is_removed_while_it_is_placed_anew_does_not_come_back(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await asyncio.to_thread(open_store, url, Words(), tmp_path / "events")
    steel = await first.library.add("Steel", STEEL, "text/plain")
    herons = await first.library.add("Herons", HERONS, "herons.md")
    await first.close()
    committed, goes_on = threading.Event(), threading.Event()

    class Slow(Shelf):
        def embed_anew(self, document_id: str, embedder: str, vectors: Vector) -> bool:
            kept = super().embed_anew(document_id, embedder, vectors)
            if document_id == steel.id:
                committed.set()
                goes_on.wait(5)
            return kept

    monkeypatch.setattr(library, "Shelf", Slow)
    second = await asyncio.to_thread(open_store, url, Others(), tmp_path / "events")
    searching = asyncio.create_task(second.library.search("steel", 2))
    assert await asyncio.to_thread(committed.wait, 5)
    removing = asyncio.create_task(second.library.remove(steel.id))
    await asyncio.sleep(0.2)
    goes_on.set()
    assert await removing
    await searching
    assert [one.id.split("/")[0] for one in await second.library.search("steel", 5)] == [herons.id]
    assert second.library.size == 1
    await second.close()


async def test_a_large_library_is_indexed_by_words_once_for_many_changes_and_a_small_one_at_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[int] = []

    class Counted(Lexical):
        def __init__(self, entries: Sequence[Entry]) -> None:
            built.append(len(entries))
            super().__init__(entries)

    async def add(i: int) -> None:
        await store.library.add("Note", f"The note of number kx{i} is short and says nothing else.".encode(), "a.txt")
        await store.library.search(f"kx{i}", 1)
        await asyncio.sleep(0.05)

    many = "\n\n".join(f"The passage of number {i} says that it is a passage." for i in range(1000))
    await store.library.add("Many", many.encode(), "a.txt")
    await store.library.search("passage", 1)
    await asyncio.sleep(0.3)
    monkeypatch.setattr(loaded, "Lexical", Counted)
    monkeypatch.setattr(loaded, "SMALL", 100)
    for i in range(5):
        await add(i)
    assert built == []
    for i in range(5, 12):
        await add(i)
    assert 1 <= len(built) <= 2
    monkeypatch.setattr(loaded, "WORDS_EVERY", 0.0)
    monkeypatch.setattr(loaded, "WORDS_SHARE", 1.0)
    await add(12)
    assert built[-1] == 1013
    monkeypatch.setattr(loaded, "WORDS_EVERY", 60.0)
    monkeypatch.setattr(loaded, "SMALL", 5000)
    await add(13)
    assert built[-1] == 1014
