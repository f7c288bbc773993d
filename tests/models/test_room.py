"""Room for so many calls, and the line before it: fair to runs, bounded, and without gaps."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import pytest

from models.backend import Internals
from models.caller import RUN
from models.errors import ModelBusy
from models.room import MEMORY, Room
from models.scripted import Scripted
from models.types import Chunk, Request, Usage, collect
from models.waiting import Waiting
from tests.models.failing import ASK, until


class Doors:
    """A back-end whose calls end one by one, when they are let out; `began` names their runs in order."""

    name = "d"
    offers: frozenset[str] = frozenset()
    internals: Internals | None = None

    def __init__(self) -> None:
        self.began: list[str] = []
        self._ends: list[asyncio.Event] = []

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        self.began.append(RUN.get())
        end = asyncio.Event()
        self._ends.append(end)
        await end.wait()
        yield Chunk(text="out", finish_reason="stop", usage=Usage(1, 1))

    async def close(self) -> None:
        """Nothing to give back."""

    async def let_one_out(self) -> None:
        """End the oldest call under way, and let whoever is next come in."""
        self._ends.pop(0).set()
        await settle()


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


class Line:
    """Calls of several runs on one room."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.tasks: list[asyncio.Task[object]] = []

    async def ask(self, run: str, times: int = 1) -> None:
        for _ in range(times):
            self.send(run)
        await settle()

    def send(self, run: str) -> "asyncio.Task[object]":
        """A call that has not begun yet."""
        token = RUN.set(run)
        self.tasks.append(asyncio.create_task(self._call()))
        RUN.reset(token)
        return self.tasks[-1]

    async def _call(self) -> object:
        return (await collect(self.room.stream(ASK))).text


@asynccontextmanager
async def standing(room: Room) -> AsyncIterator[Line]:
    """The line; who still waits at the end is sent away."""
    line = Line(room)
    try:
        yield line
    finally:
        for task in line.tasks:
            task.cancel()
        await asyncio.wait(line.tasks)


async def test_no_more_calls_at_once_than_there_is_room() -> None:
    most = 0

    async def answer(request: Request) -> str:
        nonlocal most
        most = max(most, inner.running)
        await asyncio.sleep(0.01)
        return "ok"

    inner = Scripted("s", answer)
    room = Room(inner, 2)
    async with asyncio.TaskGroup() as group:
        for _ in range(6):
            group.create_task(collect(room.stream(ASK)))
    assert most == 2
    assert len(inner.requests) == 6
    assert (room.in_use, room.queued) == (0, 0)


async def test_a_call_given_up_makes_room() -> None:
    room = Room(Scripted("s", "one two", pace=5.0), 1)
    first = room.stream(ASK)
    await anext(first)
    await first.aclose()
    async with asyncio.timeout(2):
        assert (await anext(room.stream(ASK))).text == "one"


async def test_turns_go_round_the_runs_so_that_many_calls_of_one_do_not_hold_up_the_others() -> None:
    doors = Doors()
    async with standing(Room(doors, 1)) as line:
        await line.ask("strategy", 20)
        await line.ask("question")
        await line.ask("pair", 2)
        for _ in range(6):
            await doors.let_one_out()
    assert doors.began == ["strategy", "strategy", "question", "pair", "strategy", "pair", "strategy"]


async def test_calls_outside_a_run_wait_in_the_order_in_which_they_came() -> None:
    doors = Doors()
    async with standing(Room(doors, 1)) as line:
        await line.ask("", 3)
        await line.ask("run")
        for _ in range(3):
            await doors.let_one_out()
        assert doors.began == ["", "", "", "run"]


async def test_a_line_that_is_full_refuses_at_once_and_tells_when_to_come_again() -> None:
    doors, now = Doors(), 0.0
    room = Room(doors, 2, queue=3, clock=lambda: now)
    async with standing(room) as line:
        await line.ask("", 2)
        now = 6.0
        await doors.let_one_out()
        await line.ask("", 4)
        assert (room.in_use, room.queued) == (2, 3)
        with pytest.raises(ModelBusy, match=r"'d' is busy: 2 calls run and 3 wait.*models\.d\.queue") as refusal:
            await collect(room.stream(ASK))
        assert refusal.value.retry_after == 4 / 2 * 6.0
        assert not refusal.value.retryable


async def test_a_full_line_gives_up_a_call_of_the_run_that_has_most_in_it() -> None:
    doors = Doors()
    async with standing(Room(doors, 1, queue=4)) as line:
        await line.ask("greedy", 5)
        await line.ask("question")
        given_up = [task for task in line.tasks if task.done()]
        assert given_up == [line.tasks[4]], "the youngest of the longest line must give way"
        assert isinstance(given_up[0].exception(), ModelBusy)
        for _ in range(2):
            await doors.let_one_out()
        assert doors.began == ["greedy", "greedy", "question"]
        await line.ask("greedy", 3)
        refused = [task for task in line.tasks[6:] if task.done()]
        assert len(refused) == 1, "it may not push out its own or the others' calls"


async def test_those_that_give_up_waiting_leave_no_gap() -> None:
    doors = Doors()
    room = Room(doors, 1, queue=2)
    async with standing(room) as line:
        await line.ask("a")
        await line.ask("b")
        await line.ask("c")
        line.tasks[1].cancel()
        await settle()
        assert room.queued == 1
        await line.ask("d")
        assert room.queued == 2
        await doors.let_one_out()
        await doors.let_one_out()
        assert doors.began == ["a", "c", "d"]


async def test_a_call_that_finds_only_given_up_ones_in_a_full_line_takes_the_place_of_one() -> None:
    doors = Doors()
    room = Room(doors, 1, queue=3)
    async with standing(room) as line:
        await line.ask("a")
        await line.ask("greedy", 3)
        newcomers = [line.send(run) for run in ("b", "c")]  # they come before those that are given up have left
        for task in line.tasks[1:4]:
            task.cancel()
        await settle()
        assert [task.done() for task in newcomers] == [False, False]
        assert room.queued == 2
        for _ in range(3):
            await doors.let_one_out()
        assert [task.done() for task in newcomers] == [True, True]
        assert (room.in_use, room.queued) == (0, 0)


async def test_a_call_just_given_up_is_not_the_one_that_gives_way() -> None:
    doors = Doors()
    async with standing(Room(doors, 1, queue=4)) as line:
        await line.ask("a")
        await line.ask("greedy", 3)
        await line.ask("question")
        line.send("b")
        line.tasks[3].cancel()
        await settle()
        assert [task.done() for task in line.tasks] == [False, False, False, True, False, False]


async def test_a_turn_that_comes_to_a_call_that_is_just_given_up_goes_to_the_next() -> None:
    doors = Doors()
    room = Room(doors, 1)
    async with standing(room) as line:
        await line.ask("a")
        await line.ask("b")
        await line.ask("c")
        doors._ends.pop(0).set()
        await until(lambda: room.queued == 1)
        line.tasks[1].cancel()  # its turn has come, but it has not run yet
        await settle()
        assert doors.began == ["a", "c"]
        await doors.let_one_out()
        assert (room.in_use, room.queued) == (0, 0)


async def test_the_wait_is_foreseen_from_what_calls_took() -> None:
    doors, now = Doors(), 0.0
    room = Room(doors, 2, clock=lambda: now)
    assert room.waiting == Waiting()
    async with standing(room) as line:
        await line.ask("a", 2)
        assert room.waiting == Waiting(0.0), "nothing is known of a call's duration yet"
        now = 3.0
        await doors.let_one_out()
        assert room.waiting == Waiting(0.0), "a place is free"
        await line.ask("b", 4)
        assert room.waiting == Waiting(4 / 2 * 3.0)


async def test_the_mean_follows_calls_that_become_slower() -> None:
    doors, now = Doors(), 0.0
    room = Room(doors, 1, clock=lambda: now)
    async with standing(room) as line:
        for seconds in [1.0] * 100 + [9.0] * 3 * MEMORY:
            await line.ask("a")
            now += seconds
            await doors.let_one_out()
        await line.ask("a")
        assert room.waiting.seconds > 8.0
