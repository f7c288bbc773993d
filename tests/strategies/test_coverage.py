"""Choosing demonstrations by coverage: the recall of tokens, singly and as a set, and what stands next to the query."""

import numpy as np
import pytest
from numpy.typing import NDArray

from models.embedding import Embedder, open_embedder
from models.scripted import Scripted
from models.types import Message, Request
from strategies.core import Context, Query
from strategies.core.coverage import by_bsr, by_set, recall, token_vectors
from strategies.core.picking import picked
from tests.strategies.stage import WordEmbedder

Vectors = NDArray[np.float32]
AXES = np.eye(4, dtype=np.float32)
# Two near-duplicates cover the first three tokens of four best; the third candidate alone covers the last one.
TWINS = np.array([[1, 1, 1, 0], [1, 1, 0.9, 0], [0, 0, 0, 1]], np.float32)


def test_recall_is_the_best_match_of_each_token_of_the_query_and_neither_precision_nor_f1() -> None:
    query = AXES[:2]
    assert recall(query, [AXES[:1], AXES, AXES[2:]]).tolist() == [[1, 0], [1, 1], [0, 0]]
    assert by_bsr(recall(query, [AXES[:1], AXES]), k=1) == [1]  # half of what the long one says is beside the query


def test_recall_takes_the_largest_cosine_and_an_empty_candidate_covers_nothing() -> None:
    slanted = np.array([[0.6, 0.8, 0, 0], [-1, 0, 0, 0]], np.float32)
    rows = recall(AXES[:2], [slanted, AXES[:0]])
    assert rows == pytest.approx(np.array([[0.6, 0.8], [0, 0]]), abs=1e-6)


def test_a_candidate_that_is_the_query_scores_one() -> None:
    generator = np.random.default_rng(3)
    query = generator.normal(size=(7, 16)).astype(np.float32)
    query /= np.linalg.norm(query, axis=1, keepdims=True)
    other = np.roll(query, 1, axis=1)
    rows = recall(query, [other, query])
    assert rows[1].mean() == pytest.approx(1.0, abs=1e-6)
    assert rows[0].mean() < 0.9


def test_the_best_two_are_near_duplicates_where_the_best_set_takes_what_is_missing() -> None:
    assert by_bsr(TWINS, k=2) == [1, 0]
    assert by_set(TWINS, k=2) == [2, 0]


def test_the_best_stands_last_in_either_order() -> None:
    rows = np.array([[0.2], [0.9], [0.5]], np.float32)
    assert by_bsr(rows, k=3) == [0, 2, 1]
    assert by_set(rows, k=3)[-1] == 1


def test_the_score_of_the_set_rises_until_the_cover_is_begun_anew() -> None:
    generator = np.random.default_rng(5)
    rows = generator.random((12, 5)).astype(np.float32)
    picks = by_set(rows, k=12)[::-1]
    assert sorted(picks) == list(range(12))
    cover, resets = np.full(5, -np.inf), 0
    for i, pick in enumerate(picks):
        others = [j for j in range(12) if j not in picks[:i]]
        if cover.sum() != -np.inf and max(np.maximum(cover, rows[j]).sum() for j in others) <= cover.sum() + 1e-5:
            cover, resets = np.full(5, -np.inf), resets + 1
        most = max(np.maximum(cover, rows[j]).sum() for j in others)
        assert np.maximum(cover, rows[pick]).sum() == pytest.approx(most, abs=1e-5)
        assert most > cover.sum()
        cover = np.maximum(cover, rows[pick])
    assert resets > 0


def test_after_the_query_is_covered_a_new_cover_begins_with_the_best_that_is_left() -> None:
    rows = np.array([[1, 1], [0.9, 0.9], [0.8, 0.1], [0.1, 0.8]], np.float32)
    assert by_set(rows, k=2) == [1, 0]
    assert by_set(rows, k=4)[::-1][:2] == [0, 1]


@pytest.mark.parametrize("choose", [by_bsr, by_set])
def test_what_does_not_fit_the_budget_is_passed_over(choose: type) -> None:
    rows = np.array([[1, 1], [0.9, 0.8], [0.1, 0.2]], np.float32)
    assert choose(rows, k=3, lengths=[50, 20, 20], budget=45) == [2, 1]
    assert choose(rows, k=3, lengths=[50, 20, 20], budget=70) == [1, 0]
    assert choose(rows, k=3, lengths=[50, 20, 20], budget=5) == []


def test_the_weights_of_the_tokens_count() -> None:
    rows = np.array([[1, 0], [0, 1]], np.float32)
    assert by_bsr(rows, k=1, weights=np.array([1, 3], np.float32)) == [1]
    assert by_set(rows, k=1, weights=np.array([3, 1], np.float32)) == [0]


@pytest.mark.parametrize("choose", [by_bsr, by_set])
def test_no_candidates_and_no_words_are_no_trouble(choose: type) -> None:
    assert choose(np.zeros((0, 3), np.float32), k=2) == []
    assert len(choose(np.zeros((3, 0), np.float32), k=2)) == 2
    assert choose(TWINS, k=0) == []


async def shown(embedder: Embedder, query: str, candidates: list[str], k: int, as_set: bool = True) -> list[int]:
    """The candidates that a strategy would show."""
    asked = Query(Request((Message("user", query),)), (await embedder.embed([query]))[0])
    ctx = Context(asked, Scripted("m", lambda _: ""), lambda _: None, embedder=embedder)
    return await picked(ctx, candidates, k, as_set=as_set)


async def test_an_embedder_without_tokens_has_its_words_embedded_one_by_one() -> None:
    rows = await token_vectors(WordEmbedder(), ["red nuts, red", ""])
    assert [row.shape for row in rows] == [(4, 256), (0, 256)]
    assert np.array_equal(rows[0][0], rows[0][3])
    chosen = await shown(WordEmbedder(), "red nuts in a box", ["blue nuts", "red sky", "red nuts", "a box"], k=2)
    assert chosen == [3, 2]


async def test_equal_candidates_count_once_and_the_first_stands_for_them() -> None:
    rows = ["how many nuts", "where is it", "how  many nuts ", "how many pears"]
    assert await shown(WordEmbedder(), "how many nuts", rows, k=4, as_set=False) == [1, 3, 0]


async def test_the_set_of_the_shipped_embedder_covers_both_halves_of_a_question() -> None:
    embedder = open_embedder(None)
    rows = ["How do I sort a list in Python?", "How can I sort lists in Python?", "Where can one buy ripe pears?"]
    query = "Sort this list in Python by the price of pears"
    assert set(await shown(embedder, query, rows, k=2, as_set=False)) == {0, 1}
    assert 2 in await shown(embedder, query, rows, k=2)
    await embedder.close()
