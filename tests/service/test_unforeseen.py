"""Tasks in the background go on after errors that nobody foresaw, and hold nothing back once they are dead."""

import asyncio
from dataclasses import replace
from pathlib import Path

from sqlalchemy import text

from models.types import Message, Request
from router.turns import Turns
from router.types import Decision, Feedback
from service.hearing import Hearing
from service.metrics import Metrics
from service.news import Following
from store import Store, open_store
from strategies.core import Query
from tests.router.yard import Words
from tests.store.runs import decision, tell_run
from tests.store.test_news import eventually, process


async def test_others_are_followed_though_the_first_look_failed(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'test.db'}"
    async with process(url, tmp_path) as one, process(url, tmp_path) as two:
        with one.store.database.write() as connection:
            connection.execute(text("ALTER TABLE policy_versions RENAME TO away"))
        following = Following(two.store, two.turns, 0.02)
        following.start()
        await asyncio.sleep(0.1)
        with one.store.database.write() as connection:
            connection.execute(text("ALTER TABLE away RENAME TO policy_versions"))
        await one.rate(tell_run(one.store.recorder, decision()).id, 1.0)
        await eventually(lambda: len(two.learned) == 1, 5)
        await following.close()


def talk(*said: str) -> Decision:
    """A decision on the last of these, in which user and assistant take turns."""
    messages = tuple(Message(("user", "assistant")[i % 2], words) for i, words in enumerate(said))
    made = decision()
    return replace(made, query=Query(Request(messages), Words().one(said[-1])))


async def thanked(store: Store, hearing: Hearing, question: str) -> Decision:
    """An answer whose reader said thanks; the decision."""
    made = tell_run(store.recorder, talk(question), "I am well.")
    hearing.ended(made, "I am well.")
    hearing.ended(talk(question, "I am well.", "Thanks!"), None)
    return made


async def test_conversations_are_heard_after_an_error_that_nobody_foresaw(tmp_path: Path) -> None:
    store = await asyncio.to_thread(open_store, f"sqlite:///{tmp_path / 'test.db'}", Words(), tmp_path / "events")
    learned: list[Feedback] = []

    def learn(feedback: Feedback) -> None:
        learned.append(feedback)
        if len(learned) == 1:
            raise RuntimeError("a belief that cannot be held")

    hearing = Hearing(store.ratings, learn, Turns(learn), Metrics())
    made = [await thanked(store, hearing, f"How are you on day {i}?") for i in range(2)]
    await hearing.close(10)
    assert [one.decision_id for one in learned] == [one.id for one in made]
    await store.close()


async def test_nothing_waits_for_ears_that_are_dead(tmp_path: Path) -> None:
    store = await asyncio.to_thread(open_store, f"sqlite:///{tmp_path / 'test.db'}", Words(), tmp_path / "events")

    def learn(feedback: Feedback) -> None:
        raise NotADecision

    hearing = Hearing(store.ratings, learn, Turns(learn), Metrics())
    for i in range(3):
        await thanked(store, hearing, f"How are you on day {i}?")
        await eventually(hearing._task.done, 5)
    assert hearing._ended.qsize() == 0
    await hearing.close(10)
    await store.close()


class NotADecision(Exception):
    """What no list of errors names."""
