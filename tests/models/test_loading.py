"""Models that are loaded when they are asked and unloaded when others need the room."""

import asyncio
import gc
import threading
import weakref
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any  # a model that the test looks into

import pytest

from models import weights as weights_module
from models.adapters import CONFIG
from models.backend import Internals, ModelSpec, connect
from models.errors import ModelBusy, ModelUnavailable, NoMemory
from models.in_process import InProcess
from models.limits import limit
from models.loading import OnDemand, Shelf, on_demand
from models.memory import GB, Ledger, Reservation
from models.states import states
from models.types import Chunk, Message, Request, Usage, collect
from models.waiting import Waiting, waiting_of
from tests.models.failing import ASK, until
from tests.models.tiny import write_tiny

# --- On models of the test's own


class Clock:
    """Time as the test says."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class House:
    """Models of one unit of memory each on a machine that has room for so many."""

    def __init__(self, room: int, patience: float = 5.0) -> None:
        self.ledger = Ledger(lambda device: room * 1000)
        self.ledger.allow(room / GB)
        self.clock = Clock()
        self.shelf = Shelf(patience, self.clock)
        self.loads: list[str] = []
        self.most = 0
        self.gate = threading.Event()
        self.gate.set()
        self._now = 0

    def model(self, name: str, unload_after: float | None = None) -> OnDemand:
        spec = ModelSpec("in_process", load="demand", unload_after=unload_after)
        return OnDemand(name, spec, self.shelf, offers=frozenset(), revision="r", device="cpu", opener=self.open)

    def open(self, name: str, spec: ModelSpec) -> "Loaded":
        held = self.ledger.reserve(name, "cpu", 1, 0)
        self._now += 1
        self.most = max(self.most, self._now)
        self.gate.wait(5)
        self._now -= 1
        self.loads.append(name)
        return Loaded(name, held)

    @property
    def held(self) -> list[str]:
        return sorted(self.ledger.held("cpu"))


class Loaded:
    """A loaded model: it says its name, and "slow" ones wait to be let go on."""

    offers: frozenset[str] = frozenset()
    internals: Internals | None = None
    go_on: asyncio.Event

    def __init__(self, name: str, held: Reservation) -> None:
        self.name, self._held = name, held

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        yield Chunk(text=self.name)
        if request.messages[-1].text == "slow":
            await Loaded.go_on.wait()
        assert self._held._ledger.held("cpu").get(self.name), "unloaded under a call"
        yield Chunk(finish_reason="stop", usage=Usage(1, 1))

    async def close(self) -> None:
        self._held.close()


SLOW = Request((Message("user", "slow"),))


async def ask(model: OnDemand, request: Request = ASK) -> str:
    return (await collect(model.stream(request))).text


async def test_a_model_is_loaded_by_its_first_call_and_stays() -> None:
    house = House(2)
    one = house.model("one")
    assert one.waiting == Waiting(10.0, warm=False)
    assert [await ask(one) for _ in range(3)] == ["one"] * 3
    assert house.loads == ["one"]
    assert one.waiting == Waiting()


async def test_calls_at_once_load_it_once_and_one_model_loads_at_a_time() -> None:
    house = House(3)
    models = [house.model(name) for name in ("one", "two", "three")]
    async with asyncio.TaskGroup() as group:
        for model in models * 4:
            group.create_task(ask(model))
    assert sorted(house.loads) == ["one", "three", "two"]
    assert house.most == 1


async def test_the_least_recently_used_makes_room() -> None:
    house = House(2)
    one, two, three = (house.model(name) for name in ("one", "two", "three"))
    for now, model in enumerate([one, two, one, three]):
        house.clock.now = now
        await ask(model)
    assert house.held == ["one", "three"]
    house.clock.now = 4
    await ask(two)
    assert house.held == ["three", "two"]
    assert [two.waiting.warm, one.waiting.warm] == [True, False]


async def test_a_model_is_never_unloaded_under_a_call_and_the_load_waits_for_the_first_to_end() -> None:
    house, Loaded.go_on = House(1), asyncio.Event()
    one, two = house.model("one"), house.model("two")
    running = one.stream(SLOW)
    await anext(running)
    waiting = asyncio.create_task(ask(two))
    await asyncio.sleep(0.05)
    assert house.held == ["one"]
    Loaded.go_on.set()
    assert [chunk.finish_reason async for chunk in running] == ["stop"]
    assert await waiting == "two"
    assert house.held == ["two"]


async def test_where_all_stay_busy_the_call_is_refused_in_time() -> None:
    house, Loaded.go_on = House(1, patience=0.05), asyncio.Event()
    one, two = house.model("one"), house.model("two")
    running = one.stream(SLOW)
    await anext(running)
    with pytest.raises(ModelBusy, match="'two' waits for memory that 'one' hold") as refusal:
        await ask(two)
    assert refusal.value.retry_after
    await running.aclose()
    assert await ask(two) == "two"


async def test_a_model_that_fits_nowhere_says_so_and_costs_nobody_his_place() -> None:
    house = House(1)
    wide = house.model("wide")

    def open_wide(name: str, spec: ModelSpec) -> Loaded:
        return Loaded(name, house.ledger.reserve(name, "cpu", 5, 0))

    wide._open = open_wide
    with pytest.raises(NoMemory, match="'wide' does not fit"):
        await ask(wide)
    assert (wide.users, wide.waiting.warm) == (0, False)


async def test_a_model_that_can_never_fit_is_refused_and_unloads_nobody() -> None:
    house = House(3)
    house.ledger.reserve("fixed", "cpu", 1, 0)
    one, two, wide = house.model("one"), house.model("two"), house.model("wide")
    for model in (one, two):
        await ask(model)

    def open_wide(name: str, spec: ModelSpec) -> Loaded:
        return Loaded(name, house.ledger.reserve(name, "cpu", size, 0))

    wide._open = open_wide
    size = 3  # all that there is, but one part of it can never be had
    for _ in range(2):
        with pytest.raises(NoMemory, match="'wide' does not fit") as refusal:
            await ask(wide)
        assert not refusal.value.retryable
    assert house.held == ["fixed", "one", "two"]
    size = 2
    assert await ask(wide) == "wide"
    assert house.held == ["fixed", "wide"]


async def test_memory_that_has_become_free_does_not_count_while_a_model_that_stays_holds_some() -> None:
    house, free = House(0), {"cpu": 10}
    house.ledger = Ledger(lambda device: free[device])
    house.ledger.reserve("fixed", "cpu", 1, 0)
    one, wide = house.model("one"), house.model("wide")
    wide._open = lambda name, spec: Loaded(name, house.ledger.reserve(name, "cpu", 9, 0))
    await ask(one)
    free["cpu"] = 100
    with pytest.raises(NoMemory, match="'wide' does not fit"):
        await ask(wide)
    assert house.held == ["fixed", "one"]


async def test_nobody_is_unloaded_for_a_model_that_nobody_waits_for_any_more() -> None:
    house = House(1)
    one, two = house.model("one"), house.model("two")
    await ask(one)
    gate = threading.Event()

    def open_later(name: str, spec: ModelSpec) -> Loaded:
        gate.wait(5)
        return house.open(name, spec)

    two._open = open_later
    waiting = asyncio.create_task(ask(two))
    await until(house.shelf.moving.locked)
    waiting.cancel()
    await asyncio.wait([waiting])
    gate.set()
    await until(lambda: not house.shelf.moving.locked())
    assert house.held == ["one"]
    assert await ask(two) == "two"


async def test_who_leaves_while_the_load_waits_for_a_busy_model_ends_the_load() -> None:
    house, Loaded.go_on = House(1), asyncio.Event()
    one, two = house.model("one"), house.model("two")
    running = one.stream(SLOW)
    await anext(running)
    waiting = asyncio.create_task(ask(two))
    await asyncio.sleep(0.03)
    waiting.cancel()
    await asyncio.wait([waiting])
    await until(lambda: not house.shelf.moving.locked())
    await running.aclose()
    assert house.held == ["one"]


async def test_a_model_whose_caller_left_while_it_loaded_grows_old_as_well() -> None:
    house = House(1)
    house.gate.clear()
    one = house.model("one", unload_after=0.05)
    task = asyncio.create_task(ask(one))
    await asyncio.sleep(0.02)
    task.cancel()
    await asyncio.wait([task])
    house.gate.set()
    await until(lambda: house.loads == ["one"])
    await until(lambda: not house.held)
    assert await ask(one) == "one"
    await one.close()


async def test_a_caller_that_leaves_while_it_loads_does_not_stop_it_for_the_others() -> None:
    house = House(1)
    house.gate.clear()
    one = house.model("one")
    first, second = asyncio.create_task(ask(one)), asyncio.create_task(ask(one))
    await asyncio.sleep(0.02)
    first.cancel()
    await asyncio.wait([first])
    house.gate.set()
    assert await second == "one"
    assert (house.loads, one.users) == (["one"], 0)


async def test_a_failed_load_is_told_to_all_that_wait_and_is_tried_again_for_the_next() -> None:
    house = House(1)
    one, fails = house.model("one"), [True]

    def fail_once(name: str, spec: ModelSpec) -> Loaded:
        if fails and fails.pop():
            raise ModelUnavailable("torn", model=name)
        return house.open(name, spec)

    one._open = fail_once
    tasks = [asyncio.create_task(ask(one)) for _ in range(2)]
    await asyncio.wait(tasks)
    assert [str(task.exception()) for task in tasks] == ["torn", "torn"]
    assert await ask(one) == "one"


async def test_loading_is_foreseen_as_long_as_it_took_the_last_time_and_behind_other_loads() -> None:
    house = House(1)
    one, two = house.model("one"), house.model("two")
    house.gate.clear()
    task = asyncio.create_task(ask(one))
    await asyncio.sleep(0.05)
    house.clock.now = 4.0
    assert one.waiting == Waiting(6.0, warm=False)
    assert two.waiting == Waiting(16.0, warm=False)
    house.gate.set()
    await task
    await ask(two)
    assert one.waiting == Waiting(4.0, warm=False)


async def test_a_model_that_nobody_asks_for_a_while_is_unloaded() -> None:
    house, Loaded.go_on = House(2), asyncio.Event()
    one = house.model("one", unload_after=0.08)
    running = one.stream(SLOW)
    await anext(running)
    await asyncio.sleep(0.12)
    one._grow_old()  # as if the timer had run out just before the call came
    await asyncio.sleep(0.02)
    assert house.held == ["one"], "it is in use"
    Loaded.go_on.set()
    async for _ in running:
        pass
    await asyncio.sleep(0.04)
    await ask(one)
    await asyncio.sleep(0.05)
    assert house.held == ["one"], "the last call came just now"
    await until(lambda: not house.held)
    assert await ask(one) == "one"
    await one.close()
    assert house.held == []


@pytest.mark.parametrize("all_end", [True, False])
async def test_the_end_of_a_model_or_of_all_waits_for_no_place(all_end: bool) -> None:
    house, Loaded.go_on = House(1, patience=60.0), asyncio.Event()
    one, two = house.model("one"), house.model("two")
    running = one.stream(SLOW)
    await anext(running)
    waiting = asyncio.create_task(ask(two))
    await asyncio.sleep(0.02)
    async with asyncio.timeout(2):
        if all_end:
            house.shelf.close()
        else:
            await two.close()
        await asyncio.wait([waiting])
    assert isinstance(waiting.exception(), NoMemory)
    await running.aclose()
    if not all_end:
        three = house.model("three")
        assert await ask(three) == "three", "the others still load"
        await three.close()
    await one.close()
    assert house.held == []


# --- On real models


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return [write_tiny(tmp_path_factory.mktemp("tiny"), seed=seed) for seed in (5, 6)]


@pytest.fixture
def budget(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    """An account of its own for the models that a test opens."""
    ledger = Ledger()
    monkeypatch.setattr(weights_module, "LEDGER", ledger)
    yield ledger
    assert ledger.held("cpu") == {}


def spec(folder: Path, **more: Any) -> ModelSpec:
    return ModelSpec("in_process", path=str(folder), device="cpu", concurrency=1, load="demand", **more)


HI = Request((Message("user", "Hi"),), max_tokens=4)


async def test_two_models_share_the_room_of_one_and_answer_as_if_they_were_alone(
    folders: list[Path], budget: Ledger
) -> None:
    alone = []
    for folder in folders:
        backend = connect("alone", spec(folder))
        assert isinstance(backend, InProcess)
        alone.append(((await collect(backend.stream(HI))).text, backend.offers, backend.revision))
        size = budget.held("cpu")["alone"]
        await backend.close()
    budget.allow(1.5 * size / GB)
    shelf = Shelf()
    models = [on_demand(name, spec(folder), shelf) for name, folder in zip("ab", folders, strict=True)]
    assert budget.held("cpu") == {}
    assert [(one.offers, one.revision) for one in models] == [(offers, revision) for _, offers, revision in alone]
    limited = [limit(one, one._spec) for one in models]
    assert not states(limited[0]).warm
    for _ in range(2):
        for one, (text, _, _) in zip(limited, alone, strict=True):
            assert (await collect(one.stream(HI))).text == text
            assert list(budget.held("cpu")) == [one.name]
    assert 0.0 < waiting_of(limited[0]).seconds < 10.0, "what loading took"
    for one in limited:
        await one.close()


async def test_what_is_unloaded_is_gone_from_memory(
    folders: list[Path], budget: Ledger, request: pytest.FixtureRequest
) -> None:
    gc.disable()
    request.addfinalizer(gc.enable)
    model = on_demand("a", spec(folders[0], unload_after=0.01), Shelf())
    assert model.internals is not None
    weights = weakref.ref(await model.internals.probe(lambda found, tokenizer: found))
    assert weights() is not None
    await until(lambda: not model.waiting.warm)
    await until(lambda: not model._shelf.moving.locked())
    assert weights() is None, "without waiting for the next collection"
    await model.close()


async def test_a_look_inside_loads_the_model_too(folders: list[Path], budget: Ledger) -> None:
    model = on_demand("a", spec(folders[0]), Shelf())
    assert model.internals is not None
    assert await model.internals.probe(lambda found, tokenizer: type(found).__name__) == "LlamaForCausalLM"
    assert [piece async for piece in model.internals.decode(lambda found, tokenizer: iter("xy"))] == ["x", "y"]
    assert (model.users, model.waiting.warm) == (0, True)
    await model.close()


async def test_an_adapter_brings_its_base_and_its_revision_is_known_before(
    folders: list[Path], budget: Ledger, tmp_path: Path
) -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(folders[0])
    get_peft_model(base, LoraConfig(r=2, target_modules=["q_proj"])).save_pretrained(str(tmp_path))
    assert (tmp_path / CONFIG).is_file()
    told = spec(tmp_path, extra={"base": str(folders[0])})
    loaded = connect("expert", told)
    assert isinstance(loaded, InProcess)
    revision = loaded.revision
    await loaded.close()
    model = on_demand("expert", told, Shelf())
    assert model.revision == revision
    assert budget.held("cpu") == {}
    assert (await collect(model.stream(HI))).usage.completion_tokens > 0
    await model.close()


def test_a_folder_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"no config\.json"):
        on_demand("a", spec(tmp_path), Shelf())
