"""T8, the short one: after many mixed requests nothing is left open (the long one: benchmarks/gateway.py --soak)."""

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import httpx
import psutil
import pytest

from tests.faults.standing import WORDS, over, send, streamed
from tests.service.serving import Served, served
from tests.upstream import Behaviour, Upstream

N, AT_ONCE = 400, 16


@pytest.fixture
def up() -> Iterator[Upstream]:
    with Upstream(keep=0) as upstream:
        upstream.set("slow", Behaviour(chunks=50, pace=0.02))
        upstream.set("ill", Behaviour(status=500, failure_rate=0.5))
        yield upstream


@dataclass(frozen=True, slots=True)
class Open:
    """What is open in this process, which is the service, its upstream and its clients in one."""

    files: int
    tasks: int
    threads: int


def opened() -> Open:
    """Now. The tasks are those of all loops, which asyncio itself keeps only for the running one."""
    tasks = [one for one in asyncio.tasks._all_tasks if not one.done()]  # type: ignore[attr-defined]  # no public way
    me = psutil.Process()
    return Open(me.num_fds(), len(tasks), me.num_threads())


def mixed(service: Served, n: int) -> None:
    """So many requests: whole, streamed, left in the middle, left before the first word, refused, failing upstream."""
    numbers = count()

    def client() -> None:
        with httpx.Client(base_url=service.url, timeout=30.0) as http:
            while (i := next(numbers)) < n:
                one(http, i)

    def one(http: httpx.Client, i: int) -> None:
        asked = {"messages": [{"role": "user", "content": f"What is {i}?"}]}
        match i % 8:
            case 0 | 1:
                reply = http.post("/v1/chat/completions", json={**asked, "model": "direct@one"})
                assert reply.json()["choices"][0]["message"]["content"] == WORDS
            case 2 | 3:
                reply = http.post("/v1/chat/completions", json={**asked, "model": "direct@one", "stream": True})
                assert streamed(reply.text).text == WORDS
            case 4:
                with send(service, model="direct@slow", stream=True) as line:
                    line.recv(1)
            case 5:
                with send(service, model="direct@slow"):
                    time.sleep(0.01)
            case 6:
                assert http.post("/v1/chat/completions", json={"model": "nobody", **asked}).status_code == 404
            case _:
                stream = i % 16 == 15
                reply = http.post("/v1/chat/completions", json={**asked, "model": "direct@ill", "stream": stream})
                assert reply.status_code in (200, 502)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for done in [pool.submit(client) for _ in range(AT_ONCE)]:
            done.result()


def test_after_many_mixed_requests_nothing_more_is_open_than_before(tmp_path: Path, up: Upstream) -> None:
    with served(over(tmp_path, up, "one", "slow", "ill")) as service:
        mixed(service, 8 * AT_ONCE)  # what is kept open for the next request is open then
        before = settled(opened())
        mixed(service, N)
        deadline = time.monotonic() + 10
        while not fits(after := opened(), before):
            assert time.monotonic() < deadline, (before, after)
            time.sleep(0.1)
        assert up.open_now == 0
        assert "\npointsman_requests_in_progress 1.0" in service.http.get("/metrics").text  # the one that asks


def settled(now: Open, patience: float = 5.0) -> Open:
    """The least that is open within some time."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        time.sleep(0.1)
        later = opened()
        if later == now:
            return now
        now = later
    return now


def fits(now: Open, before: Open) -> bool:
    """Whether no more is open than before, but for the lines to the upstream that are kept for a while."""
    return now.tasks <= before.tasks and now.threads <= before.threads + 2 and now.files <= before.files + AT_ONCE
