"""T3: a client that leaves, wherever its question is, stops what was done for it upstream, and the row says so."""

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any  # JSON

import pytest

from router.types import Event
from service.following import follow
from strategies.core import Noted
from tests.faults.standing import WORDS, over, remote, send
from tests.service.serving import Served, served, settings
from tests.upstream import Behaviour, Upstream

SOON = 1.0
"""Seconds within which the upstream must see it."""
QUIET = 0.3
"""Seconds in which no further call may start."""

FLAGGED = 'The sum is wrong here: "2 + 2 = 5".'
"""A draft that the check of arithmetic flags, and a critique that quotes it."""


@pytest.fixture
def up() -> Iterator[Upstream]:
    with Upstream() as upstream:
        yield upstream


def calls(up: Upstream) -> int:
    """The chat completions that it was asked for."""
    return sum(one.path.endswith("/chat/completions") for one in up.seen)


def aborted_soon(up: Upstream, left: float, n: int = 1) -> None:
    """The upstream sees that many aborts in time, and is asked for nothing more."""
    up.until(lambda up: len(up.aborted) >= n)
    assert max(one.aborted or 0.0 for one in up.aborted) - left < SOON
    before = calls(up)
    time.sleep(QUIET)
    assert (len(up.aborted), up.open_now, calls(up)) == (n, 0, before)


def cancelled(service: Served) -> dict[str, Any]:
    """The newest row, which must say that its client left."""
    return service.decision(service.get("/v1/decisions", limit=1)["data"][0]["id"], "cancelled")


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_one_who_leaves_the_queue_is_never_asked_for(tmp_path: Path, up: Upstream, stream: bool) -> None:
    up.set("one", Behaviour(fault="hang"))
    table = remote(up, "one", concurrency=1, timeout=30.0, retries=0)
    with served(settings(tmp_path, {"one": table})) as service:
        first = send(service, stream=stream)
        up.until(lambda up: calls(up) == 1)
        second = send(service, stream=stream)
        waiting(service, 1.0)
        second.close()
        row = cancelled(service)
        assert [call["error"] for call in row["calls"]] == ["cancelled"]
        assert row["answer"] == ""
        waiting(service, 0.0)
        assert (calls(up), up.aborted) == (1, [])
        left = time.monotonic()
        first.close()
        aborted_soon(up, left)


def test_one_who_leaves_in_the_second_of_five_calls_stops_the_other_three(tmp_path: Path, up: Upstream) -> None:
    up.set("one", Behaviour(says=FLAGGED))
    with served(over(tmp_path, up, "one", strategies={"enabled": ["direct", "self_reflection"]})) as service:
        whole = service.ask("What is 2 + 2?", "self_reflection@one").json()
        assert (whole["pointsman"]["calls"], calls(up)) == (5, 5)
        up.set("one", Behaviour(says=FLAGGED, delay=0.3))
        line = send(service, model="self_reflection@one", stream=True)
        up.until(lambda up: calls(up) == 5 + 2)
        left = time.monotonic()
        line.close()
        aborted_soon(up, left)
        row = cancelled(service)
        assert [(call["label"], call["error"]) for call in row["calls"]] == [
            ("draft", None),
            ("critique 1", "cancelled"),
        ]
        assert row["outcome"]["completion_tokens"] == 20, "the first call's tokens were spent"


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_one_who_leaves_before_the_first_word_is_noticed_upstream(tmp_path: Path, up: Upstream, stream: bool) -> None:
    up.set("one", Behaviour(fault="hang"))
    with served(settings(tmp_path, {"one": remote(up, "one", timeout=30.0)})) as service:
        line = send(service, stream=stream)
        up.until(lambda up: calls(up) == 1)
        left = time.monotonic()
        line.close()
        aborted_soon(up, left)
        assert [call["error"] for call in cancelled(service)["calls"]] == ["cancelled"]


def test_one_who_leaves_in_mid_stream_leaves_a_row_with_what_was_read(tmp_path: Path, up: Upstream) -> None:
    up.set("one", Behaviour(chunks=20, pace=0.1))
    with served(settings(tmp_path, {"one": remote(up, "one", timeout=30.0)})) as service:
        line = send(service, stream=True)
        got = b""
        while b"word2" not in got:
            got += line.recv(65536)
        left = time.monotonic()
        line.close()
        aborted_soon(up, left)
        row = cancelled(service)
        assert row["answer"].startswith("word0 word1 word2")
        assert len(row["answer"]) < len(WORDS)
        (call,) = row["calls"]
        assert (call["error"], call["reply"]) == ("cancelled", row["answer"])
        assert 3 <= row["outcome"]["completion_tokens"] < 20


@pytest.mark.parametrize("leaves", [2, 5])
def test_many_who_leave_at_once_leave_nothing_open(tmp_path: Path, up: Upstream, leaves: int) -> None:
    up.set("one", Behaviour(fault="hang_midstream"))
    with served(settings(tmp_path, {"one": remote(up, "one", timeout=30.0)})) as service:
        lines = [send(service, stream=i % 2 == 0) for i in range(leaves)]
        up.until(lambda up: calls(up) == leaves)
        left = time.monotonic()
        for line in lines:
            line.close()
        aborted_soon(up, left, leaves)
        waiting(service, 0.0)
        up.set("one", Behaviour())
        assert service.ask("Are you well?").status_code == 200


@pytest.mark.parametrize("turns", range(8))
async def test_a_leave_that_comes_together_with_an_event_is_not_lost(turns: int) -> None:
    come = asyncio.Event()

    async def run() -> AsyncGenerator[Event, None]:
        await come.wait()
        yield Noted("half of it")
        await asyncio.Event().wait()

    async def read() -> None:
        async with aclosing(follow(run(), 10.0)) as events:
            async for _ in events:
                pass

    reader = asyncio.create_task(read())
    await asyncio.sleep(0.01)
    come.set()
    for _ in range(turns):
        await asyncio.sleep(0)  # one turn of the loop: at one of them the event and the leave meet
    reader.cancel()
    done, _ = await asyncio.wait([reader], timeout=1.0)
    assert done, "the reader goes on"


def waiting(service: Served, n: float, patience: float = 5.0) -> None:
    """Wait until so many calls wait for their turn."""
    deadline = time.monotonic() + patience
    while f'pointsman_model_queue_length{{model="one"}} {n}' not in service.http.get("/metrics").text:
        assert time.monotonic() < deadline
        time.sleep(0.02)
