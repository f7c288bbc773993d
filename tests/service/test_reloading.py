"""New settings while the service runs: bad ones change nothing, good ones hold from then on, nothing is cut off."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # TOML values

import httpx
import pytest
from structlog.testing import capture_logs

from models.errors import BadSettings, NoArmLeft
from models.types import Message, Request
from router.types import Decided, Ended, Event
from service.feedback_api import FeedbackBody, judge
from service.ground import grounded
from service.house import House
from service.reloading import Houses
from service.sections import Settings
from tests.checkout import ROOT
from tests.faults.standing import remote
from tests.models.tiny import write_tiny
from tests.service.serving import ILL, WELL, settings, slow
from tests.upstream import Behaviour, Upstream

HELLO = Request((Message("user", "How are you?"),))


@dataclass
class Moving:
    """Houses whose settings a test changes."""

    houses: Houses
    read: list[Callable[[], Settings]]

    async def to(self, new: Settings) -> bool:
        """Reload with these."""
        self.read[0] = lambda: new
        return await self.houses.reload()


@asynccontextmanager
async def moving(first: Settings) -> AsyncIterator[Moving]:
    """The service's houses, the first one open."""
    async with grounded(first) as ground:
        read = [lambda: first]
        houses = Houses(ground, first, lambda: read[0]())
        try:
            await houses.open()
            yield Moving(houses, read)
        finally:
            await houses.close()


async def ask(house: House, model: str = "auto") -> list[Event]:
    """One answer, to its end."""
    decision = await house.engine.decide(HELLO, model)
    return [event async for event in house.run(decision)]


def text(events: list[Event]) -> str:
    """What was answered."""
    return next(event.text for event in events if isinstance(event, Ended))


async def test_new_requests_are_answered_under_the_new_settings_and_the_log_says_under_which(tmp_path: Path) -> None:
    async with moving(settings(tmp_path, {"one": WELL})) as service:
        before = service.houses.now
        first = await ask(before)
        assert await service.to(settings(tmp_path, {"two": ILL}))
        second = await ask(service.houses.now)
        assert (text(first), text(second)) == ("I am well.", "I am ill.")
        snapshots = [event.decision.snapshot for run in (first, second) for event in run if isinstance(event, Decided)]
        assert len(set(snapshots)) == 2
        assert service.houses.told == {"snapshot": snapshots[1], "refused": False, "setting": None}
        await before.store.recorder.flush()
        rows = await before.store.log.decisions(limit=5)
        kept = [(await before.store.log.decision(row["id"]) or {})["snapshot"] for row in reversed(rows)]
        assert kept == snapshots


async def test_what_was_fitted_counts_among_the_settings_and_everybody_tells_the_same_digest(tmp_path: Path) -> None:
    chosen = settings(tmp_path, {"one": WELL})
    found = []
    for fitted in (None, "{}", '{"one": {"regions": []}}', '{"one": {"regions": []}}'):
        if fitted is not None:
            (tmp_path / "mixture_of_prompts.json").write_text(fitted)
        async with moving(chosen) as service:
            with capture_logs() as lines:
                assert await service.to(chosen)
            house = service.houses.now
            (decided,) = [event.decision for event in await ask(house) if isinstance(event, Decided)]
            line = next(line for line in lines if line["event"] == "new settings are in force")
            assert decided.snapshot == house.snapshot == service.houses.told["snapshot"] == line["snapshot"]
            found.append(decided.snapshot)
    assert len(set(found)) == 3
    assert found[2] == found[3]


async def test_the_digest_is_the_same_whichever_models_a_server_has(tmp_path: Path) -> None:
    found = set()
    with Upstream(names=("far",)) as upstream:
        chosen = settings(tmp_path, {"one": WELL}, servers={"box": {"api_base": f"{upstream.url}/v1"}})
        for names in (("far",), ("far", "further"), ()):
            upstream.names = names
            async with moving(chosen) as service:
                (decided,) = [e.decision for e in await ask(service.houses.now, "direct@one") if isinstance(e, Decided)]
                assert sorted(service.houses.now.backends) == sorted([*names, "one"])
                found |= {decided.snapshot, service.houses.told["snapshot"]}
    assert len(found) == 1


@pytest.mark.parametrize(
    ("wrong", "setting", "why"),
    [
        ({"router": {"default_arm": "direct@nobody"}}, None, "default_arm"),
        ({"router": {"policy": "nothing"}}, None, "nothing"),
        ({"models": {"x": {"backend": "nothing"}}}, None, "backend"),
        ({"server": {"port": 9}}, "server", r"\[server\] has changed"),
    ],
)
async def test_settings_that_cannot_be_meant_change_nothing_and_are_told(
    tmp_path: Path, wrong: dict[str, Any], setting: str | None, why: str
) -> None:
    async with moving(settings(tmp_path, {"one": WELL})) as service:
        before = service.houses.now
        models = wrong.pop("models", {"one": ILL})
        with capture_logs() as lines:
            assert not await service.to(settings(tmp_path, models, **wrong))
        assert service.houses.now is before
        assert text(await ask(service.houses.now)) == "I am well."
        assert (service.houses.told["refused"], service.houses.told["setting"]) == (True, setting)
        (line,) = [line for line in lines if line["event"] == "the new settings are not used"]
        assert re.search(why, line["reason"])
        assert await service.to(settings(tmp_path, {"one": ILL})), "the next good ones are taken"
        assert service.houses.told["refused"] is False


async def test_a_file_that_cannot_be_read_changes_nothing(tmp_path: Path) -> None:
    async with moving(settings(tmp_path, {"one": WELL})) as service:

        def broken() -> Settings:
            raise BadSettings("my.toml: not valid TOML")

        service.read[0] = broken
        with capture_logs() as lines:
            assert not await service.houses.reload()
        assert service.houses.told["refused"] is True
        assert [line["reason"] for line in lines] == ["my.toml: not valid TOML"]
        assert text(await ask(service.houses.now)) == "I am well."


async def test_what_is_under_way_ends_under_the_old_settings(tmp_path: Path) -> None:
    late = slow(tmp_path, pieces=6, pause=0.05)
    async with moving(settings(tmp_path, {"one": late})) as service:
        house = service.houses.now
        under_way = asyncio.create_task(ask(house))
        await asyncio.wait_for(house.runs.begun(), 5)
        await asyncio.sleep(0.05)
        assert await service.to(settings(tmp_path, {"one": WELL}))
        assert text(await ask(service.houses.now)) == "I am well."
        ended = await under_way
        assert ended[-1].outcome.status == "ok"  # type: ignore[union-attr]  # Ended is the last event
        assert text(ended) != "I am well."


async def test_judgements_go_to_the_policy_that_chooses_now(tmp_path: Path) -> None:
    def judged(house: House) -> object:
        return house.policy.beliefs()["judged"]

    async with moving(settings(tmp_path)) as service:
        first = (await ask(service.houses.now))[0]
        assert isinstance(first, Decided)
        await service.houses.now.store.ratings.rate(first.decision.id, 1.0)
        assert await service.to(settings(tmp_path, router={"seed": 7, "quality": 0.2}))
        assert judged(service.houses.now) == 1, "what was judged before is known after"


async def test_a_run_that_fails_after_the_move_and_a_judgement_of_its_house_are_learned_in_the_new_one(
    tmp_path: Path,
) -> None:
    with Upstream(Behaviour(status=500, delay=0.8)) as upstream:
        models = {"one": remote(upstream, "one", timeout=5.0, retries=0), "two": WELL}
        store = {"url": f"sqlite:///{tmp_path / 'test.db'}", "poll_seconds": 0.3}
        async with moving(settings(tmp_path, models, store=store)) as service:
            house = service.houses.now
            judged = (await ask(house, "direct@two"))[0]
            assert isinstance(judged, Decided)
            under_way = asyncio.create_task(ask(house, "direct@one"))
            await asyncio.wait_for(house.runs.begun(), 5)
            assert await service.to(settings(tmp_path, models, store=store, router={"seed": 9}))
            body = FeedbackBody.model_validate({"id": judged.decision.id, "thumb": "up"})
            assert len((await judge(judged.decision.id, body, house))["learned"]) == 1
            with pytest.raises(NoArmLeft):
                await under_way
            await until(lambda: service.houses.now.policy.beliefs()["judged"] == 2)
            await service.houses.now.store.news.catch_up()
            assert service.houses.now.policy.beliefs()["judged"] == 2, "each once"


async def until(holds: Callable[[], bool]) -> None:
    """Wait until it holds, five seconds at most."""
    deadline = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def test_a_model_in_this_process_is_kept_and_closed_with_the_last_house_that_uses_it(tmp_path: Path) -> None:
    write_tiny(tmp_path / "tiny")
    here: dict[str, Any] = {"backend": "in_process", "path": str(tmp_path / "tiny")}
    async with moving(settings(tmp_path, {"near": here})) as service:
        pool = service.houses._ground.pool
        (kept,) = pool._open.values()
        assert await service.to(settings(tmp_path, {"near": {**here, "concurrency": 3}, "other": WELL}))
        assert [one.backend for one in pool._open.values()] == [kept.backend], "it was not loaded again"
        assert await service.to(settings(tmp_path, {"other": WELL}))
        for task in list(service.houses._leaving):
            await asyncio.wait_for(task, 10)
        assert pool._open == {}, "nobody uses it any more"


@pytest.mark.parametrize("workers", [1, 2])
def test_a_sighup_that_comes_before_the_service_has_started_is_acted_on_once_it_has(
    tmp_path: Path, workers: int
) -> None:
    text = f'[store]\nurl = "sqlite:///{tmp_path / "log.db"}"\n[models.m]\nbackend = "scripted"\n'
    file, new = tmp_path / "my.toml", tmp_path / "new.toml"
    new.write_text(text + 'extra = { reply = "two" }\n')
    os.mkfifo(file)
    command = [sys.executable, "-m", "service", "serve", "--config", str(file), "--port", "0"]
    command += ["--workers", str(workers)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            with file.open("w") as settings_file:  # opens when the service begins to read it
                os.kill(process.pid, signal.SIGHUP)
                new.replace(file)
                settings_file.write(text + 'extra = { reply = "one" }\n')
            assert process.stdout is not None
            hello = process.stdout.readline()
            assert hello, f"it ended with {process.wait()}"
            body = {"model": "direct@m", "messages": [{"role": "user", "content": "Well?"}]}
            deadline, said = time.monotonic() + 15, {""}
            while said != {"two"}:
                assert time.monotonic() < deadline
                replies = [httpx.post(f"{hello.split()[3]}/v1/chat/completions", json=body) for _ in range(4)]
                said = {reply.json()["choices"][0]["message"]["content"] for reply in replies}
        finally:
            process.terminate()
            process.wait(20)


def test_sighup_reads_the_file_again_and_a_broken_file_keeps_the_service_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "my.toml"

    def write(reply: str, more: str = "") -> None:
        file.write_text(
            f'[store]\nurl = "sqlite:///{tmp_path / "log.db"}"\n[models.m]\nbackend = "scripted"\n'
            f'extra = {{ reply = "{reply}" }}\n{more}'
        )

    def answer(http: httpx.Client) -> str:
        body = {"model": "direct@m", "messages": [{"role": "user", "content": "Well?"}]}
        said: str = http.post("/v1/chat/completions", json=body).json()["choices"][0]["message"]["content"]
        return said

    def until(holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not holds():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    write("one")
    command = [sys.executable, "-m", "service", "serve", "--config", str(file), "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().split()[3]
            with httpx.Client(base_url=address, timeout=20) as http:
                assert answer(http) == "one"
                write("two", more="[models.m")
                os.kill(process.pid, signal.SIGHUP)
                until(lambda: http.get("/readyz").json()["settings"]["refused"])
                assert answer(http) == "one"
                write("two")
                os.kill(process.pid, signal.SIGHUP)
                until(lambda: answer(http) == "two")
                assert http.get("/readyz").json()["settings"]["refused"] is False
        finally:
            process.terminate()
            process.wait(20)
