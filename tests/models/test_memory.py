"""The account of memory: what fits, what is refused before it is loaded, what shrinks, and what is given back."""

import asyncio
import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from models import engines, memory
from models import weights as weights_module
from models.backend import ModelSpec, connect
from models.batching import Batcher, slots_bytes
from models.errors import BadSettings, ModelUnavailable, NoMemory
from models.footprint import PAGE
from models.in_process import InProcess
from models.memory import GB, Ledger, Reservation, free_bytes, in_words
from models.types import Message, Request, collect
from models.weights import Weights, load
from tests.models.tiny import CONTEXT, write_tiny

PAGE_BYTES = PAGE * 2 * 2 * 16 * 4
"""Of the tiny model: keys and values, two layers, one head of 16 float32 numbers."""
FULL = -(-CONTEXT // PAGE) + 1
"""Pages of one full context."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def budget(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    """An account of its own for the models that a test opens."""
    ledger = Ledger()
    monkeypatch.setattr(weights_module, "LEDGER", ledger)
    yield ledger
    assert ledger.held("cpu") == {}


def spec(folder: Path, concurrency: int = 8) -> ModelSpec:
    return ModelSpec("in_process", path=str(folder), device="cpu", concurrency=concurrency)


def weights_of(folder: Path) -> int:
    weights = load("probe", spec(folder))
    assert weights.reservation is not None
    weights.reservation.close()
    return weights.reservation.weights


def test_four_fifths_of_what_is_free_at_the_first_opening_can_be_held() -> None:
    free = {"cpu": 1000, "cuda:0": 100}
    ledger = Ledger(lambda device: free[device])
    first = ledger.reserve("a", "cpu", 500, 100)
    free["cpu"] = 10  # what the first took is no longer free, and must not count twice
    second = ledger.reserve("b", "cpu", 150, 50)
    with pytest.raises(ModelUnavailable):
        ledger.reserve("c", "cpu", 1, 0)
    ledger.reserve("d", "cuda:0", 80, 0)
    assert ledger.held("cpu") == {"a": 600, "b": 200}
    second.close()
    second.close()
    assert ledger.held("cpu") == {"a": 600}
    first.close()
    with pytest.raises(ModelUnavailable):
        ledger.reserve("e", "cpu", 9, 0)


def test_a_refusal_says_what_is_needed_what_is_left_who_holds_it_and_what_to_change() -> None:
    ledger = Ledger(lambda device: 0)
    ledger.allow(4)
    ledger.reserve("llama", "cuda:0", 2 * GB, GB)
    with pytest.raises(ModelUnavailable) as refusal:
        ledger.reserve("qwen", "cuda:0", 3 * GB, 2 * GB, GB // 2)
    said = str(refusal.value)
    assert refusal.value.model == "qwen"
    assert "model 'qwen' does not fit in the memory of cuda:0: it needs 3.5 GB (3 GB for its weights, 512 MB" in said
    assert "1 GB of 4 GB are left; held: llama 3 GB." in said
    assert "int8" in said
    assert "server.model_memory_gb" in said


def test_a_refusal_carries_what_is_needed_what_an_empty_device_would_have_and_who_holds_how_much() -> None:
    free = {"cpu": 1000}
    ledger = Ledger(lambda device: free[device])
    for name, size in (("a", 300), ("b", 200), ("a", 100)):
        ledger.reserve(name, "cpu", size, 0)
    free["cpu"] = 600
    with pytest.raises(NoMemory) as refusal:
        ledger.reserve("c", "cpu", 400, 100, 50)
    assert (refusal.value.needed, refusal.value.held) == (450, {"a": 400, "b": 200})
    assert (refusal.value.budget, refusal.value.alone) == (800, 960)
    free["cpu"] = 0
    with pytest.raises(NoMemory) as refusal:
        ledger.reserve("c", "cpu", 400, 0)
    assert (refusal.value.budget, refusal.value.alone) == (800, 800)
    ledger.allow(700 / GB)
    with pytest.raises(NoMemory) as refusal:
        ledger.reserve("c", "cpu", 400, 0)
    assert (refusal.value.budget, refusal.value.alone) == (700, 700)


def test_a_cache_shrinks_to_what_is_left_but_not_below_its_least(caplog: pytest.LogCaptureFixture) -> None:
    ledger = Ledger(lambda device: 1250)
    with caplog.at_level(logging.WARNING, "memory"):
        assert ledger.reserve("a", "cpu", 500, 400, 100).cache == 400
    assert caplog.messages == []
    with caplog.at_level(logging.WARNING, "memory"):
        assert ledger.reserve("b", "cpu", 20, 400, 80).cache == 80
    assert "model 'b': its key-value cache takes 80 bytes instead of 400 bytes" in caplog.messages[0]
    with pytest.raises(ModelUnavailable):
        ledger.reserve("c", "cpu", 0, 400, 1)


def test_the_first_of_several_models_leaves_room_for_the_caches_of_the_others() -> None:
    ledger = Ledger(lambda device: 0)
    ledger.allow(1, models=3)
    caches = [ledger.reserve(name, "cpu", GB // 10, GB, GB // 100).cache for name in "abc"]
    assert min(caches) >= GB // 10
    assert sum(ledger.held("cpu").values()) <= GB
    assert max(caches) < GB // 2


def test_reservations_at_once_from_many_threads_never_go_over_the_budget() -> None:
    ledger = Ledger(lambda device: 1000)
    granted: list[Reservation] = []

    def take(i: int) -> None:
        try:
            granted.append(ledger.reserve(f"m{i}", "cpu", 90, 10))
        except ModelUnavailable:
            return

    threads = [threading.Thread(target=take, args=(i,)) for i in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(granted) == 8
    assert sum(ledger.held("cpu").values()) == 800


def test_a_containers_limit_counts_as_what_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    most, used = tmp_path / "max", tmp_path / "current"
    monkeypatch.setattr(memory, "CGROUP", (most, used))
    unlimited = free_bytes("cpu")
    assert unlimited > 2**20
    most.write_text("max\n")
    used.write_text("5000\n")
    assert free_bytes("cpu") > 2**20
    most.write_text("7000\n")
    assert free_bytes("cpu") == 2000


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 bytes"), (1536, "1.5 kB"), (15 * 2**20, "15 MB"), (GB * 1010 // 1000, "1.01 GB")]
)
def test_bytes_are_told_in_words(count: int, words: str) -> None:
    assert in_words(count) == words


async def test_a_model_that_does_not_fit_is_refused_and_fits_once_another_is_closed(
    folder: Path, budget: Ledger
) -> None:
    one = weights_of(folder) + 2 * FULL * PAGE_BYTES
    budget.allow(1.5 * one / GB)
    first = connect("first", spec(folder, 1))
    with pytest.raises(ModelUnavailable, match=r"model 'second' does not fit.*held: first 2"):
        load("second", spec(folder, 1))
    assert budget.held("cpu") == {"first": one}
    await first.close()
    second = connect("second", spec(folder, 1))
    assert (await collect(second.stream(Request((Message("user", "Hi"),), max_tokens=2)))).usage.completion_tokens == 2
    await second.close()


async def test_only_the_cache_shrinks_where_only_the_cache_does_not_fit(
    folder: Path, budget: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    own = weights_of(folder)
    budget.allow((own + 2.5 * FULL * PAGE_BYTES) / GB)
    with caplog.at_level(logging.WARNING, "memory"):
        backend = connect("wide", spec(folder, 8))
    assert isinstance(backend, InProcess)
    try:
        assert "its key-value cache takes" in caplog.text
        assert FULL * PAGE_BYTES <= budget.held("cpu")["wide"] - own <= 2.5 * FULL * PAGE_BYTES
        reply = await collect(backend.stream(Request((Message("user", "x" * 100),), max_tokens=5)))
        assert reply.usage.completion_tokens == 5
    finally:
        await backend.close()


@pytest.mark.parametrize("pages", [1.2, 30.0])
async def test_pages_and_slots_together_stay_within_what_is_reserved(
    folder: Path, budget: Ledger, pages: float
) -> None:
    own = weights_of(folder)
    budget.allow((own + pages * FULL * PAGE_BYTES) / GB)
    backend = connect("tight", spec(folder, 8))
    assert isinstance(backend, InProcess)
    try:
        asked = [Request((Message("user", "x" * (i + 1)),), max_tokens=60) for i in range(8)]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(collect(backend.stream(one))) for one in asked]
        assert all(task.result().usage.completion_tokens for task in tasks)
        batcher = backend._seat.batcher
        assert batcher.slots is not None
        taken = batcher.capacity // PAGE * PAGE_BYTES
        assert taken + batcher.slots.nbytes <= budget.held("cpu")["tight"] - own <= pages * FULL * PAGE_BYTES
        assert (batcher.slots.nbytes > 0) == (pages > 2)
    finally:
        await backend.close()


@pytest.mark.parametrize(("pages", "left"), [(1.2, 0.2), (2.0, 1.0), (3.0, 1.0)])
def test_slots_take_as_much_as_the_pages_or_what_these_leave(
    folder: Path, budget: Ledger, pages: float, left: float
) -> None:
    budget.allow((weights_of(folder) + pages * FULL * PAGE_BYTES) / GB)
    weights = load("tight", spec(folder, 8))
    assert weights.reservation is not None
    weights.reservation.close()
    assert slots_bytes(weights, FULL) == pytest.approx(left * FULL * PAGE_BYTES, abs=2)


def test_a_model_that_cannot_be_batched_gives_its_memory_back(
    folder: Path, budget: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(name: str, weights: Weights, *rest: object) -> Batcher:
        assert budget.held("cpu").keys() == {"odd"}
        raise ModelUnavailable(f"model {name!r} cannot be batched", model=name)

    monkeypatch.setattr(engines, "Batcher", fail)
    with pytest.raises(ModelUnavailable, match="cannot be batched"):
        connect("odd", spec(folder, 5))
    assert budget.held("cpu") == {}


@pytest.mark.parametrize("extra", [{"cache_mb": "many"}, {"cache_mb": 0}, {"threads": "all"}, {"threads": True}])
def test_sizes_that_are_no_numbers_are_bad_settings(folder: Path, extra: dict[str, object]) -> None:
    with pytest.raises(BadSettings, match=rf"models\.odd\.extra\.{next(iter(extra))} = .* must be a number above 0"):
        load("odd", ModelSpec("in_process", path=str(folder), extra=extra))
