"""What prompts begin with is read once, and whoever goes away leaves nothing behind."""

import asyncio
import gc
import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any  # what a look into the model is given

import psutil
import pytest

from models.backend import ModelSpec, connect
from models.footprint import PAGE
from models.in_process import InProcess
from models.types import Message, Reply, Request, collect
from tests.models.test_adapters import PLAIN, WIDE, write_adapter
from tests.models.tiny import write_tiny

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # peft's

LONG = "What many experts are told at first, before each of them gets a question of its own: "
NEW = 4


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("prefixes")
    base = write_tiny(home / "base")
    write_adapter(home / "one", base, 1, **PLAIN)
    write_adapter(home / "two", base, 2, **WIDE)
    return home


@pytest.fixture
def near(home: Path) -> Iterator[InProcess]:
    yield from _open(home / "base")


@pytest.fixture
def one(home: Path) -> Iterator[InProcess]:
    yield from _open(home / "one")


@pytest.fixture
def two(home: Path) -> Iterator[InProcess]:
    yield from _open(home / "two")


def _open(folder: Path) -> Iterator[InProcess]:
    backend = connect(folder.name, ModelSpec("in_process", path=str(folder), concurrency=64))
    assert isinstance(backend, InProcess)
    yield backend
    asyncio.run(backend.close())


def asking(text: str, **parameters: Any) -> Request:
    return Request((Message("user", text),), **{"max_tokens": NEW, **parameters})


async def cost(*calls: tuple[InProcess, str]) -> int:
    """The tokens that the model reads and writes for calls that come at the same moment."""
    sampler = calls[0][0]._seat.batcher.sampler
    before = sampler.tokens
    async with asyncio.TaskGroup() as group:
        for backend, text in calls:
            group.create_task(collect(backend.stream(asking(text))))
    return sampler.tokens - before


def least(text: str, shared: int = 0) -> int:
    """Tokens of one call of which whole pages are known: the rest of its prompt, and its answer but for the last."""
    return len(f"u:{text}\na:") - shared + NEW - 1


KNOWN = len(f"u:{LONG}") // PAGE * PAGE


async def test_five_calls_at_once_read_their_common_beginning_once(near: InProcess) -> None:
    texts = [LONG + f"{i}?" for i in range(5)]
    await cost((near, "warm"))  # the engine's own first request is over
    assert await cost(*((near, text) for text in texts)) == least(texts[0]) + 4 * least(texts[1], KNOWN)


async def test_a_later_call_finds_what_an_earlier_one_has_read(near: InProcess) -> None:
    await cost((near, LONG + "first"))
    assert await cost((near, LONG + "second")) == least(LONG + "second", KNOWN)


async def test_sharing_changes_no_answer(near: InProcess) -> None:
    async def say(text: str) -> Reply:
        return await collect(near.stream(asking(text, max_tokens=16)))

    texts = [LONG + f"{i}?" for i in range(5)]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(say(text)) for text in texts]
    near._seat.batcher.manager.batch_processor.cache.evict_cached_blocks()
    assert [task.result().text for task in tasks] == [(await say(text)).text for text in reversed(texts)][::-1]


async def test_an_expert_finds_its_own_pages_and_no_other_ones(one: InProcess, two: InProcess, near: InProcess) -> None:
    assert near._seat.batcher is one._seat.batcher is two._seat.batcher
    await cost((near, "warm"))
    for backend in (near, one, two):
        assert await cost((backend, LONG + "a")) == least(LONG + "a")
    for backend in (near, one, two):
        assert await cost((backend, LONG + "b")) == least(LONG + "b", KNOWN)


async def test_an_expert_that_comes_after_another_left_does_not_find_its_pages(one: InProcess, home: Path) -> None:
    await cost((one, "warm"))
    first = next(_open(home / "two"))
    await cost((first, LONG + "a"))
    await first.close()
    again = next(_open(home / "base"))  # keeps the place of the base; the next adapter gets the one that is free
    other = next(_open(home / "two"))
    try:
        assert await cost((other, LONG + "a")) == least(LONG + "a")
    finally:
        await other.close()
        await again.close()


async def test_who_is_gone_before_the_model_looks_is_never_read(near: InProcess) -> None:
    batcher = near._seat.batcher
    await cost((near, "warm"))
    before = batcher.sampler.tokens
    with batcher.pause():
        task = asyncio.create_task(collect(near.stream(asking(LONG))))
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
    await cost((near, "after"))
    assert batcher.sampler.tokens - before == least("after")


async def test_a_thousand_cancelled_requests_leave_nothing_behind(near: InProcess) -> None:
    batcher, rng, process = near._seat.batcher, random.Random(5), psutil.Process()
    await _cancelled(near, rng, 100)
    pages, threads, memory = batcher.free_pages, threading.active_count(), process.memory_info().rss
    await _cancelled(near, rng, 1000)
    assert batcher.load == 0
    assert batcher.free_pages == pages
    assert threading.active_count() == threads
    assert process.memory_info().rss - memory < 16 * 2**20
    assert len((await collect(near.stream(asking("Still there?")))).text) > 0


async def _cancelled(near: InProcess, rng: random.Random, count: int) -> None:
    """Ask and go away: at once, before the first token, between tokens, or after the end."""

    async def leave(seconds: float) -> None:
        stream = near.stream(asking(f"{rng.random()} " * 3, max_tokens=60, temperature=1.0, seed=1))
        try:
            async with asyncio.timeout(seconds):
                await collect(stream)
        except TimeoutError:
            pass
        finally:
            await stream.aclose()

    for _ in range(count // 50):
        async with asyncio.TaskGroup() as group:
            for _ in range(50):
                group.create_task(leave(rng.choice((0.0, 0.002, 0.01, 0.05))))
    await collect(near.stream(asking("x", max_tokens=2)))  # cancellations count from the next step on
    gc.collect()
