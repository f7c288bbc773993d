"""The space of questions: only unit vectors of the embedder at work have a place in it."""

import numpy as np
import pytest

from store.lines import to_bytes, utc
from store.space import Space, is_placed
from store.tables import QueryRow
from tests.router.yard import Words

SPACE = Space.of(Words())
KEPT = Words().one("how far is it")


def row(raw: bytes, embedder: str = "words") -> QueryRow:
    """A question as the log holds it."""
    return QueryRow(id="d", at=utc(0.0), text="?", request={}, constraints={}, embedder=embedder, embedding=raw)


def test_an_embedding_comes_back_as_it_was_kept() -> None:
    assert (SPACE.vector(row(to_bytes(KEPT))) == KEPT).all()


@pytest.mark.parametrize(
    "kept", [row(to_bytes(KEPT), "others"), row(to_bytes(KEPT[:8])), row(to_bytes(KEPT)[:-1]), row(b"")]
)
def test_what_another_embedder_or_nobody_wrote_has_no_place(kept: QueryRow) -> None:
    found = SPACE.vector(kept)
    assert np.isnan(found).all()
    assert found.shape == (SPACE.size,)


@pytest.mark.parametrize("factor", [0.0, 0.5, 2.0, 1e30, np.inf, np.nan])
def test_a_vector_that_is_not_of_length_one_has_no_place(factor: float) -> None:
    with np.errstate(invalid="ignore"):
        bent = (KEPT * np.float32(factor)).astype(np.float32)
    assert not is_placed(bent)
    assert np.isnan(SPACE.vector(row(to_bytes(bent)))).all()
    assert is_placed(KEPT * np.float32(1.01))
