"""Several processes over one database: what one is told, the others learn, once and in the same order."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from sqlalchemy import delete, event, update

from models.types import Message, Request
from router.policies import load_policy
from router.trust import Trusted, trust
from router.turns import Turns
from router.types import Ended, Feedback, Outcome, RouterSettings
from router.unplaced import SIDE
from service.feedback_api import FeedbackBody, judge
from service.house import House, opened
from store import Store, open_store
from store.tables import TABLES
from strategies.core import Constraints
from tests.router.yard import Words
from tests.service.serving import settings
from tests.store.runs import USAGE, decision, tell_run


@dataclass(slots=True)
class Process:
    """What stands for a process of the service: a store, and what it has learned."""

    store: Store
    policy: Trusted
    learned: list[Feedback] = field(default_factory=list)
    turns: Turns = field(init=False)

    def __post_init__(self) -> None:
        self.turns = Turns(self.learn)

    def learn(self, feedback: Feedback) -> None:
        self.learned.append(feedback)
        self.policy.learn(feedback)

    async def rate(self, decision_id: str, reward: float, rater: str = "user", preferred: str | None = None) -> None:
        async with self.turns:
            rated = await self.store.ratings.rate(decision_id, reward, rater=rater, preferred=preferred)
            for feedback in () if rated.repeated else rated.feedback:
                self.learn(feedback)

    async def look(self) -> int:
        async with self.turns:
            return await self.store.news.catch_up()

    @property
    def said(self) -> list[tuple[str, str, float]]:
        return [(one.decision_id, one.rater, one.reward) for one in self.learned]


@asynccontextmanager
async def process(url: str, folder: Path) -> AsyncIterator[Process]:
    """A process that has folded the log and follows the others."""
    store = await asyncio.to_thread(open_store, url, Words(), folder / "events")
    made = Process(store, trust(load_policy("thompson", RouterSettings(seed=1))))
    newest = store.news.newest()
    for one in store.history.feedback(until=newest):
        made.learn(one)
    store.news.follow(newest, made.learn)
    yield made
    await store.close()


async def eventually(holds: Callable[[], bool], seconds: float) -> None:
    """Wait until it holds, for so long at most."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it did not come true in time"
        await asyncio.sleep(0.02)


async def test_all_learn_the_same_once_and_in_the_same_order(url: str, tmp_path: Path) -> None:
    async with process(url, tmp_path) as one, process(url, tmp_path) as two:
        ids = [tell_run(one.store.recorder, decision(f"Question {i}")).id for i in range(4)]
        await one.rate(ids[0], 1.0)
        await two.rate(ids[1], 0.0)
        await two.rate(ids[2], 0.0, preferred=ids[3])
        await one.rate(ids[1], 0.5, "another")
        assert len(two.learned) == 4
        assert await two.look() == 1
        assert (await one.look(), await two.look()) == (0, 0)
        assert [(key, reward) for key, _, reward in one.said] == [
            (ids[0], 1.0),
            (ids[1], 0.0),
            (ids[2], 0.0),
            (ids[3], 1.0),
            (ids[1], 0.5),
        ]
        assert two.said == one.said
    async with process(url, tmp_path) as late:
        assert late.said == one.said
        assert await late.look() == 0


async def test_what_comes_while_the_log_is_read_at_the_start_is_learned_once(url: str, tmp_path: Path) -> None:
    async with process(url, tmp_path) as one, process(url, tmp_path) as two:
        first, second = (tell_run(one.store.recorder, decision(f"Question {i}")) for i in range(2))
        await one.rate(first.id, 1.0)
        newest = two.store.news.newest()
        await one.rate(second.id, 0.0)
        assert [row.decision_id for row in two.store.history.feedback(until=newest)] == [first.id]
        two.store.news.follow(newest, two.learn)
        assert await two.look() == 1
        assert two.said == [(second.id, "user", 0.0)]


async def test_a_burst_in_two_processes_leaves_both_with_the_same_beliefs(url: str, tmp_path: Path) -> None:
    async with process(url, tmp_path) as one, process(url, tmp_path) as two:
        arms = ("direct@well", "direct@ill")
        ids = [tell_run(one.store.recorder, decision(f"Question {i}", arms[i % 2])).id for i in range(100)]
        await one.store.recorder.flush()

        async def tell(who: Process, rater: str, better: int) -> None:
            for i, key in enumerate(ids):
                await who.rate(key, float(i % 2 == better), rater)

        async with asyncio.TaskGroup() as group:
            group.create_task(tell(one, "ann", 0))
            group.create_task(tell(two, "bob", 1))
        await one.look()
        await two.look()
        assert one.said == two.said
        assert len(set(one.said)) == len(one.said) == 200
        assert one.policy.beliefs() == two.policy.beliefs()


async def test_a_failure_is_learned_at_once_where_it_happened_and_once_everywhere(url: str, tmp_path: Path) -> None:
    async with process(url, tmp_path) as one, process(url, tmp_path) as two:
        made = decision()
        outcome = Outcome(made.id, made.arm, USAGE, 0.5, 2, "failed", "UnreadableReply: x", None, True)
        one.store.news.tell(made.id, Ended(outcome, made, ""))
        tell_run(one.store.recorder, made, status="failed")
        await one.store.recorder.flush()
        assert (await one.look(), await two.look(), await two.look()) == (0, 1, 0)
        assert two.said == [(made.id, "engine", 0.0)]


async def test_a_judgement_whose_giver_left_while_it_was_kept_is_learned_all_the_same(url: str, tmp_path: Path) -> None:
    async with process(url, tmp_path) as one:
        made = tell_run(one.store.recorder, decision())
        await one.store.recorder.flush()
        committing, left = threading.Event(), threading.Event()

        def hold(_: object) -> None:
            committing.set()
            left.wait(10)

        event.listen(one.store.database.engine, "commit", hold)
        rating = asyncio.create_task(one.rate(made.id, 1.0))
        await asyncio.to_thread(committing.wait, 10)
        rating.cancel()
        await asyncio.wait([rating])
        left.set()
        assert (rating.cancelled(), one.learned) == (True, [])
        await eventually(lambda: one.store.news.newest() > 0, 10)
        assert await one.look() == 1
        assert one.said == [(made.id, "user", 1.0)]


async def test_side_requests_teach_nobody_and_a_damaged_row_stops_nothing(url: str, tmp_path: Path) -> None:
    async with process(url, tmp_path) as one, process(url, tmp_path) as two:
        side = tell_run(one.store.recorder, replace(decision(), policy=SIDE))
        torn, sound = (tell_run(one.store.recorder, decision(f"Question {i}")) for i in range(2))
        for made in (side, torn, sound):
            await one.rate(made.id, 1.0)
        decisions = TABLES["decisions"]
        with one.store.database.write() as connection:
            connection.execute(update(decisions).where(decisions.c.id == torn.id).values(arm="none"))
        assert await two.look() == 1
        assert two.said == [(sound.id, "user", 1.0)]


async def test_what_comes_after_the_last_row_was_deleted_is_learned(url: str, tmp_path: Path) -> None:
    async with process(url, tmp_path) as one, process(url, tmp_path) as two:
        first, second = (tell_run(one.store.recorder, decision(f"Question {i}")) for i in range(2))
        await one.rate(first.id, 1.0)
        assert await two.look() == 1
        with one.store.database.write() as connection:
            connection.execute(delete(TABLES["feedback"]))
        assert await two.look() == 0
        await one.rate(second.id, 1.0)
        assert await two.look() == 1


async def test_examples_and_documents_of_others_are_noticed(url: str, tmp_path: Path) -> None:
    async with process(url, tmp_path) as one, process(url, tmp_path) as two:
        assert two.store.offers() == frozenset()
        for i in range(4):
            await one.rate(tell_run(one.store.recorder, decision(f"Question {i}")).id, 1.0)
        await one.store.library.add("Herons", b"They eat fish.\n\nThey eat frogs.\n\n" * 20, "text/plain")
        await two.look()
        await two.store.library.look()
        assert two.store.offers() == {"documents", "examples"}
        assert len(await two.store.history.examples(Words().one("Question"), 9)) == 4


def request(question: str) -> Request:
    """A plain question."""
    return Request((Message("user", question),))


async def answered(house: House, question: str, arm: str) -> str:
    """The id of an answer by that arm."""
    made = await house.engine.decide(request(question), arm)
    async for _ in house.run(made):
        pass
    return made.id


async def likeliest(house: House) -> str:
    """Which arm it would choose for such questions, without exploring."""
    made = await house.engine.decide(request("How are you on day 99?"), constraints=Constraints(explore=False))
    return str(made.arm)


async def test_thumbs_in_one_house_move_the_choices_of_another_within_two_seconds(url: str, tmp_path: Path) -> None:
    chosen = settings(tmp_path, store={"url": url}, router={"seed": 7, "policy": "thompson"})
    async with opened(chosen) as one, opened(chosen) as two:
        bad = await likeliest(two)
        good = next(arm for arm in ("direct@well", "direct@ill") if arm != bad)
        for i in range(12):
            for arm, thumb in ((good, "up"), (bad, "down")):
                body = FeedbackBody.model_validate({"id": await answered(one, f"On day {i}?", arm), "thumb": thumb})
                await judge(str(body.id), body, one)
        await eventually(lambda: two.policy.beliefs() == one.policy.beliefs(), 2)
        assert (await likeliest(one), await likeliest(two)) == (good, good)
