"""The library: documents in, once each, found by meaning, out again; also those that other processes bring."""

import asyncio
from pathlib import Path

import pytest

from models.embedding import open_embedder
from models.errors import BadRequest
from store import Store, open_store
from tests.router.yard import Words

ZOO = Path(__file__).resolve().parents[2] / "models" / "zoo" / "documents"
HERONS = b"# Herons\n\nThe heron stands in the reeds.\n\nIt eats fish and frogs and now and then a vole or a snake."
STEEL = b"Steel is iron with a little carbon, and without the carbon it is only iron."


class Others(Words):
    """Another embedder, with larger vectors."""

    name, size = "others", 24


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
