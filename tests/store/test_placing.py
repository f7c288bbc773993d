"""Questions that were not embedded when they were asked get their place when somebody judges them."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from router.normal import embedded
from router.types import Decision
from router.unplaced import SIDE, nowhere
from store import Store, open_store
from store.redaction import Redaction
from store.tables import QueryRow
from strategies.core.query import Origin
from tests.router.yard import Words
from tests.store.runs import decision, tell_run


def unplaced(origin: Origin = Origin()) -> Decision:  # noqa: B008  # frozen
    """A decision whose question was not embedded."""
    made = decision()
    return replace(made, query=replace(made.query, embedding=nowhere(Words.size), origin=origin))


def opened(url: str, tmp_path: Path) -> Store:
    """The store at this URL."""
    return open_store(url, Words(), tmp_path / "events")


async def test_a_question_gets_its_place_with_its_first_judgement(url: str, tmp_path: Path) -> None:
    store = opened(url, tmp_path)
    made, other = unplaced(), unplaced()
    for one in (made, other):
        tell_run(store.recorder, one)
    rated = await store.ratings.rate(made.id, 1.0)
    expected = Words().one(embedded(made.query.text))
    assert np.allclose(rated.feedback[0].embedding, expected)
    assert [np.allclose(one.embedding, expected) for one in store.history.feedback()] == [True]
    placed = [one.id for one in store.history.decisions()]
    assert placed == [made.id], "nobody judged the other one"
    await store.close()


async def test_a_question_whose_text_was_not_kept_gets_no_place(url: str, tmp_path: Path) -> None:
    store = open_store(url, Words(), tmp_path / "events", redaction=Redaction(keep_texts=False))
    made = unplaced()
    tell_run(store.recorder, made)
    rated = await store.ratings.rate(made.id, 1.0)
    assert [bool(np.isnan(one.embedding).all()) for one in rated.feedback] == [True], "learned for its arm alone"
    await store.close()


async def test_a_judgement_of_a_side_request_is_kept_and_teaches_nothing(url: str, tmp_path: Path) -> None:
    store = opened(url, tmp_path)
    made = replace(unplaced(Origin(side="title")), policy=SIDE)
    tell_run(store.recorder, made)
    rated = await store.ratings.rate(made.id, 1.0)
    assert rated.feedback == ()
    assert not rated.repeated
    assert (await store.ratings.rate(made.id, 1.0)).repeated
    assert list(store.history.feedback()) == []
    assert list(store.history.decisions()) == []
    assert [one.aside for one in store.history.outcomes()] == [True]
    assert (await store.log.decision(made.id))["feedback"][0]["reward"] == 1.0  # type: ignore[index]
    await store.close()


async def test_who_asked_is_kept(url: str, tmp_path: Path) -> None:
    store = opened(url, tmp_path)
    origin = Origin("k1", "ann", "m7", "r9", None, {"chat": "c3"})
    made = decision()
    tell_run(store.recorder, replace(made, query=replace(made.query, origin=origin, conversation="c3")))
    await store.recorder.flush()
    with store.database.read() as session:
        row = session.get_one(QueryRow, made.id)
    assert (row.key, row.message, row.side, row.conversation) == ("k1", "m7", None, "c3")
    assert row.origin == {"user": "ann", "request": "r9", "chat": "c3"}
    await store.close()
