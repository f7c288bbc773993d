"""The vectors of a text's tokens: their shape, what is left out, the same on either path, the cache, and failures."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from models import embedding
from models.embedding import BatchingEmbedder, TokenEmbedder, TokenwiseEmbedder, Vectors, open_embedder
from models.errors import ModelUnavailable
from models.fast_embedding import open_fast
from tests.models.tiny_bert import write_tiny_bert

TEXTS = ["What is 3 plus 4?", "ok", ""]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bert(tmp_path_factory.mktemp("models") / "tiny")


@pytest.mark.parametrize("fast", [True, False])
async def test_each_token_has_a_unit_row_and_special_tokens_have_none(fast: bool, tiny: Path) -> None:
    embedder = open_embedder(str(tiny), fast=fast)
    assert isinstance(embedder, TokenEmbedder)
    rows = await embedder.tokens([*TEXTS, "w " * 500])
    assert [len(row) for row in rows] == [13, 2, 0, 62]  # letters, as this tokenizer knows no words; 64 less two
    assert {row.shape[1] for row in rows} == {48}
    assert np.linalg.norm(np.concatenate(rows), axis=1) == pytest.approx(np.ones(77), abs=1e-5)
    await embedder.close()


async def test_tokens_are_those_of_sentence_transformers_within_the_bounds_of_eight_bits() -> None:
    fast, slow = open_embedder(None), open_embedder(None, fast=False)
    assert isinstance(fast, TokenEmbedder)
    assert isinstance(slow, TokenEmbedder)
    for one, other in zip(await fast.tokens(TEXTS), await slow.tokens(TEXTS), strict=True):
        assert one.shape == other.shape
        assert (one * other).sum(axis=1).min(initial=1.0) > 0.9
    await fast.close()
    await slow.close()


def test_the_row_of_a_text_is_the_mean_of_its_states_special_tokens_included(tiny: Path) -> None:
    encode = open_fast(tiny, None)
    read = encode._read("What is 3?")
    mean = encode._run(read, "states").mean(axis=0)
    assert mean / np.linalg.norm(mean) == pytest.approx(encode(["What is 3?"])[0], abs=1e-5)
    assert len(encode.tokens(["What is 3?"])[0]) == len(read.ids) - 2


class Letters:
    """Embeds each letter as its number, and remembers what it was asked."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.broken = False

    def __call__(self, texts: list[str]) -> list[Vectors]:
        self.batches.append(texts)
        if self.broken:
            raise RuntimeError("out of memory")
        return [np.array([[ord(letter), 0.0] for letter in text], np.float32).reshape(-1, 2) for text in texts]


@pytest.fixture
def letters() -> Letters:
    return Letters()


def plain(texts: list[str]) -> Vectors:
    return np.ones((len(texts), 2), np.float32)


async def test_a_text_seen_before_is_not_embedded_again(letters: Letters) -> None:
    embedder = TokenwiseEmbedder("e", 2, plain, letters)
    rows = await embedder.tokens(["ab", "c", "ab"])
    again = await embedder.tokens([" c ", "d"])
    assert letters.batches == [["ab", "c"], ["d"]]
    assert [row[:, 0].tolist() for row in (*rows, *again)] == [[1, 1], [1], [1, 1], [1], [1]]
    await embedder.close()


async def test_many_at_once_never_lose_what_was_kept(letters: Letters, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "CACHED_TOKENS", 3)
    embedder = TokenwiseEmbedder("e", 2, plain, letters)
    asked = [[chr(97 + (i + j) % 9) * (j + 1) for j in range(5)] for i in range(40)]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(embedder.tokens(row)) for row in asked]
    assert [[len(rows) for rows in task.result()] for task in tasks] == [[1, 2, 3, 4, 5]] * 40
    await embedder.close()


async def test_others_are_embedded_between_the_batches_of_many_texts(letters: Letters) -> None:
    asked: list[int] = []

    def encode(texts: list[str]) -> Vectors:
        asked.append(len(letters.batches))
        return plain(texts)

    embedder = TokenwiseEmbedder("e", 2, encode, letters)
    many = asyncio.create_task(embedder.tokens([f"text {i}" for i in range(40)]))
    await asyncio.sleep(0)
    await embedder.embed(["urgent"])
    await many
    assert len(letters.batches) == 5
    assert asked[0] < 5
    await embedder.close()


async def test_a_failure_reaches_the_caller_and_the_next_call_works(letters: Letters) -> None:
    embedder = TokenwiseEmbedder("e", 2, plain, letters)
    letters.broken = True
    with pytest.raises(ModelUnavailable, match="out of memory"):
        await embedder.tokens(["ab"])
    letters.broken = False
    assert len((await embedder.tokens(["ab"]))[0]) == 2
    await embedder.close()


async def test_vectors_that_are_not_finite_are_an_error(tmp_path: Path) -> None:
    folder = write_tiny_bert(tmp_path / "tiny")
    weights = load_file(folder / "model.safetensors")
    weights["embeddings.LayerNorm.weight"][:] = np.nan
    save_file(weights, folder / "model.safetensors")
    embedder = open_embedder(str(folder))
    assert isinstance(embedder, TokenEmbedder)
    with pytest.raises(ModelUnavailable, match="not finite"):
        await embedder.tokens(["hello"])
    await embedder.close()


async def test_an_embedder_of_texts_alone_says_so_by_its_kind() -> None:
    embedder = BatchingEmbedder("e", 2, plain)
    assert not isinstance(embedder, TokenEmbedder)
    await embedder.close()
