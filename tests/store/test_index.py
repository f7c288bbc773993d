"""The index by meaning: exact while it is small, 16 bits a number above, complete in what it lets go of."""

import faiss
import numpy as np
import pytest

from store import index
from store.entry import Entry
from store.index import Index
from strategies.core.query import Vector


def rows(n: int, size: int = 48) -> Vector:
    """Random unit vectors, float32 [n, size]."""
    drawn = np.random.default_rng(5).normal(size=(n, size)).astype(np.float32)
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True))


def entries(n: int) -> list[Entry]:
    """Passages of ten to a document."""
    return [Entry(f"p{i}", f"d{i // 10}", "T", f"text {i}") for i in range(n)]


@pytest.mark.parametrize("exact", [20, 10_000])
def test_the_nearest_are_found_with_their_cosines_on_either_side_of_the_border(
    monkeypatch: pytest.MonkeyPatch, exact: int
) -> None:
    monkeypatch.setattr(index, "EXACT", exact)
    vectors, asked = rows(400), rows(401)[400]
    made = Index(48)
    for start in range(0, 400, 10):
        made.add(entries(400)[start : start + 10], vectors[start : start + 10])
    order = np.argsort(-(vectors @ asked))
    assert made.nearest(asked, 10) == [f"p{i}" for i in order[:10]]
    found = made.passages(made.nearest(asked, 10), asked, 3)
    assert [one.text for one in found] == [f"text {i}" for i in order[:3]]
    near = 1e-3 if exact == 20 else 1e-6
    assert [one.score for one in found] == pytest.approx([float(vectors[i] @ asked) for i in order[:3]], abs=near)
    assert isinstance(made._faiss, faiss.IndexScalarQuantizer) is (exact == 20)


@pytest.mark.parametrize("exact", [20, 10_000])
def test_what_is_removed_is_gone_and_the_rest_is_still_found(monkeypatch: pytest.MonkeyPatch, exact: int) -> None:
    monkeypatch.setattr(index, "EXACT", exact)
    vectors = rows(60)
    made = Index(48)
    made.add(entries(60), vectors)
    made.remove({"d0", "d3", "nowhere"})
    assert (len(made), made.documents) == (40, frozenset({"d1", "d2", "d4", "d5"}))
    for i in range(60):
        kept = i // 10 not in (0, 3)
        assert (made.nearest(vectors[i], 1) == [f"p{i}"]) is kept
        assert len(made.passages([f"p{i}"], vectors[i], 1)) == kept
    assert len(made.nearest(vectors[0], 100)) == 40


def test_a_document_that_is_here_does_not_come_in_again() -> None:
    made = Index(48)
    made.add(entries(10), rows(10))
    version = made.version
    made.add(entries(10), rows(10))
    assert (len(made), made.version) == (10, version)
