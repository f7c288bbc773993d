"""Embedding texts: batches, the cache, failures, and the packaged model itself."""

import asyncio
from collections.abc import Iterator

import numpy as np
import pytest

from models.embedding import BatchingEmbedder, Vectors, open_embedder
from models.errors import ModelUnavailable


class Counting:
    """Encodes a text as its length, and remembers the batches it got."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.broken = False

    def __call__(self, texts: list[str]) -> Vectors:
        self.batches.append(texts)
        if self.broken:
            raise RuntimeError("out of memory")
        return np.array([[len(text), 1.0] for text in texts], dtype=np.float32)


@pytest.fixture
def encode() -> Counting:
    return Counting()


async def test_rows_come_in_the_order_of_the_texts(encode: Counting) -> None:
    embedder = BatchingEmbedder("e", 2, encode)
    rows = await embedder.embed(["ccc", "a", "ccc"])
    assert rows[:, 0].tolist() == [3.0, 1.0, 3.0]
    assert sorted(encode.batches[0]) == ["a", "ccc"]
    assert (await embedder.embed([])).shape == (0, 2)
    await embedder.close()


async def test_calls_of_one_moment_are_encoded_together(encode: Counting) -> None:
    embedder = BatchingEmbedder("e", 2, encode)
    async with asyncio.TaskGroup() as group:
        for i in range(8):
            group.create_task(embedder.embed(["x" * (i + 1)]))
    assert [len(batch) for batch in encode.batches] == [8]
    await embedder.close()


async def test_a_text_seen_before_is_not_encoded_again(encode: Counting) -> None:
    embedder = BatchingEmbedder("e", 2, encode, cached=2)
    for text in ("a  b", " a b\n", "c", "d", "a b"):
        await embedder.embed([text])
    assert encode.batches == [["a b"], ["c"], ["d"], ["a b"]]
    await embedder.close()


async def test_a_failure_reaches_the_caller_and_the_next_call_works(encode: Counting) -> None:
    embedder = BatchingEmbedder("e", 2, encode)
    encode.broken = True
    with pytest.raises(ModelUnavailable, match="out of memory"):
        await embedder.embed(["a"])
    encode.broken = False
    assert (await embedder.embed(["a"])).shape == (1, 2)
    await embedder.close()


async def test_a_caller_who_leaves_takes_nobody_with_him(encode: Counting) -> None:
    embedder = BatchingEmbedder("e", 2, encode)
    leaving = asyncio.create_task(embedder.embed(["same"]))
    staying = asyncio.create_task(embedder.embed(["same"]))
    await asyncio.sleep(0)
    leaving.cancel()
    assert (await staying)[0, 0] == 4.0
    await embedder.close()


@pytest.fixture(scope="module")
def packaged() -> Iterator[BatchingEmbedder]:
    embedder = open_embedder(None)
    yield embedder
    asyncio.run(embedder.close())


async def test_the_packaged_model_gives_unit_rows_in_which_near_texts_are_near(packaged: BatchingEmbedder) -> None:
    rows = await packaged.embed(["What is 3 plus 4?", "Add three and four.", "Who founded the city?"])
    assert rows.dtype == np.float32
    assert rows.shape == (3, packaged.size) == (3, 384)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(3), abs=1e-4)
    assert rows[0] @ rows[1] > rows[0] @ rows[2] + 0.2


def test_an_embedder_that_is_not_there_is_named() -> None:
    with pytest.raises(ModelUnavailable, match=r"'\./nowhere'"):
        open_embedder("./nowhere")


async def test_an_unforeseen_failure_leaves_nobody_waiting(encode: Counting) -> None:
    def refuse(texts: list[str]) -> Vectors:
        raise TypeError("TextInputSequence must be str") if "bad" in texts else KeyError("no such thing")

    for text in ("bad", "worse"):
        embedder = BatchingEmbedder("e", 2, refuse)
        async with asyncio.timeout(5):
            with pytest.raises(ModelUnavailable):
                await embedder.embed([text])


async def test_an_unforeseen_failure_is_told_to_those_who_wait_behind_it_too() -> None:
    def refuse(texts: list[str]) -> Vectors:
        raise KeyError("no such thing")

    embedder = BatchingEmbedder("e", 2, refuse)
    async with asyncio.timeout(5):
        with pytest.raises(ModelUnavailable):
            await asyncio.wait_for(embedder.embed([f"text {i}" for i in range(100)]), 3)
        late = [asyncio.ensure_future(embedder.embed([f"other {i}"])) for i in range(100)]
        done, waiting = await asyncio.wait(late, timeout=3)
    assert not waiting
    assert {type(one.exception()) for one in done} == {ModelUnavailable}
    await embedder.close()


async def test_half_a_character_is_embedded_as_a_question_mark(encode: Counting) -> None:
    embedder = BatchingEmbedder("e", 2, encode)
    await embedder.embed(["a\ud800b"])
    assert encode.batches == [["a?b"]]
    await embedder.close()
