"""Circumstances of judgements: the question, the answer's length and what was expected come with each."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from router.raters import preferred
from router.types import Decided, Decision, Estimate
from store import Store, open_store
from tests.router.yard import Words
from tests.store.runs import decision, tell_run


def expecting(quality: float, text: str = "How are you?", arm: str = "direct@well") -> Decision:
    """A decision whose arm was expected to be so good."""
    made = decision(text, arm=arm)
    return replace(
        made, estimates={one: Estimate(quality, 0.0, 1.0, 4.0, None, 0.5, None, 1.0, quality) for one in made.estimates}
    )


async def test_a_judgement_comes_with_its_question_the_length_of_the_answer_and_what_was_expected(store: Store) -> None:
    made = tell_run(store.recorder, expecting(0.625, "How far is it?"), answer="x" * 41)
    (feedback,) = (await store.ratings.rate(made.id, 1.0)).feedback
    assert (feedback.text, feedback.answer_tokens, feedback.expected) == ("How far is it?", 11, 0.625)


async def test_of_a_preference_it_is_expected_what_the_two_estimates_say(store: Store) -> None:
    worse = tell_run(store.recorder, expecting(0.9, arm="direct@ill"))
    better = tell_run(store.recorder, expecting(0.3))
    rated = await store.ratings.rate(worse.id, 0.0, kind="preference", preferred=better.id)
    assert [one.expected for one in rated.feedback] == pytest.approx([preferred(0.9, 0.3), preferred(0.3, 0.9)])


async def test_what_came_after_the_judgement_does_not_count(store: Store) -> None:
    made = decision()
    store.recorder.tell(made.id, Decided(made))
    (early,) = (await store.ratings.rate(made.id, 1.0)).feedback
    assert early.answer_tokens is None
    tell_run(store.recorder, made)
    await store.recorder.flush(30)
    (late,) = (await store.ratings.rate(made.id, 0.5)).feedback
    assert late.answer_tokens == 3
    assert [one.answer_tokens for one in store.history.feedback()] == [None, 3]


async def test_an_answer_without_words_or_an_arm_without_an_estimate_is_unknown(store: Store) -> None:
    silent = tell_run(store.recorder, replace(decision(), estimates={}), answer="")
    (feedback,) = (await store.ratings.rate(silent.id, 1.0)).feedback
    assert (feedback.answer_tokens, feedback.expected) == (None, None)


async def test_of_the_only_arm_allowed_nothing_was_expected(store: Store) -> None:
    only = expecting(0.5)
    nothing = {only.arm: replace(only.estimates[only.arm], n=0.0)}
    pinned = tell_run(store.recorder, replace(only, estimates=nothing))
    (feedback,) = (await store.ratings.rate(pinned.id, 1.0)).feedback
    assert feedback.expected is None
    rival = tell_run(store.recorder, expecting(0.9, arm="direct@ill"))
    rated = await store.ratings.rate(rival.id, 0.0, kind="preference", preferred=pinned.id)
    assert [one.expected for one in rated.feedback] == [None, None]


async def test_a_restart_knows_the_same_circumstances(url: str, tmp_path: Path) -> None:
    first = await asyncio.to_thread(open_store, url, Words(), tmp_path / "events")
    one = tell_run(first.recorder, expecting(0.75), answer="a long answer " * 9)
    other = tell_run(first.recorder, expecting(0.25), answer="short")
    given = [*(await first.ratings.rate(one.id, 1.0)).feedback]
    given += (await first.ratings.rate(other.id, 0.0, preferred=one.id)).feedback
    await first.close()
    second = await asyncio.to_thread(open_store, url, Words(), tmp_path / "events")
    folded = [(f.text, f.answer_tokens, f.expected) for f in second.history.feedback()]
    assert folded == [(f.text, f.answer_tokens, f.expected) for f in given]
    assert [tokens for _, tokens, _ in folded] == [32, 2, 32]
    await second.close()


async def test_thanks_alone_make_no_example(store: Store) -> None:
    made = tell_run(store.recorder, decision("sort pears"), answer="pears")
    await store.ratings.rate(made.id, 1.0, rater="implicit", kind="thanks", weight=0.1)
    assert await store.history.examples(Words().one("sort pears"), 3) == []
    await store.ratings.rate(made.id, 1.0)
    assert len(await store.history.examples(Words().one("sort pears"), 3)) == 1
