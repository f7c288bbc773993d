"""When nobody asks, arms that few have judged are placed; a request comes first, and the budget holds."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any  # JSON

import pytest

from models.errors import BadSettings, ModelUnavailable
from router.calibration import Calibration, Pair
from service.following import Runs
from service.house import opened
from service.idle import Idle, calls_per_hour, seconds_before
from tests.router.test_calibration import Shelf
from tests.router.yard import Model, yard
from tests.service.serving import WELL, Served, served, settings, slow

ROUTER = {"seed": 7, "policy": "thompson", "explore": False}
NEW = {"backend": "scripted", "extra": {"replies": {"capital": "Rome, I think."}, "reply": "I am new here."}}
JUDGE = {"backend": "scripted", "role": "judge", "extra": {"reply": "VERDICT: TIE"}}


def idle(folder: Path, models: dict[str, Any], after: float = 0.05, per_hour: int = 12) -> Any:
    """Settings of a service that calibrates when it was idle for a moment."""
    params = {"idle_calls_per_hour": float(per_hour), "idle_after_seconds": after}
    return settings(folder, models, router={**ROUTER, "params": params})


def calibrations(service: Served) -> list[dict[str, Any]]:
    """The decisions that calibration took, with their feedback."""
    lines = service.get("/v1/decisions", limit=100)["data"]
    return [service.get(f"/v1/decisions/{one['id']}") for one in lines if one["policy"] == "calibration"]


def until(found: Callable[[], bool], patience: float = 15.0) -> None:
    """Wait for something to come true."""
    deadline = time.monotonic() + patience
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def teach(service: Served, arm: str, questions: list[str]) -> None:
    """Ask one arm and rate its answers up."""
    for question in questions:
        answer = service.ask(question, arm).json()
        service.http.post("/v1/feedback", json={"id": answer["id"], "score": 1.0}).raise_for_status()


def test_a_new_arm_is_placed_while_nobody_asks_and_a_restart_keeps_it(tmp_path: Path) -> None:
    questions = [f"What is the capital of country {i}?" for i in range(4)]
    with served(settings(tmp_path, {"well": WELL, "new": NEW}, router=ROUTER)) as service:
        for question in questions:
            answer = service.ask(question).json()  # by the router: such questions are nobody's in particular
            service.http.post("/v1/feedback", json={"id": answer["id"], "correction": "Paris is the capital."})
        teach(service, "direct@well", [f"What is the capital of land {i}?" for i in range(4)])
    chosen = idle(tmp_path, {"well": WELL, "new": NEW}, per_hour=3)
    with served(chosen) as service:
        until(lambda: sum(len(row["feedback"]) for row in calibrations(service)) == 2)
        time.sleep(0.3)
        rows = calibrations(service)
        before = service.get("/v1/policies")
    assert len(rows) == 2  # a pair takes two calls; a second one would go beyond the three
    given = {row["arm"]: {one["reward"] for one in row["feedback"]} for row in rows}
    assert given == {"direct@new": {0.0}, "direct@well": {1.0}}
    for row in rows:
        assert (row["probability"], row["conversation"]) == (1.0, None)
        assert {one["rater"] for one in row["feedback"]} == {"known_answers"}
    with served(settings(tmp_path, {"well": WELL, "new": NEW}, router=ROUTER)) as service:
        assert service.get("/v1/policies")["beliefs"] == before["beliefs"]


def test_a_judge_rates_what_nobody_knows_the_answer_to(tmp_path: Path) -> None:
    models = {"well": WELL, "new": NEW, "judge": JUDGE}
    with served(idle(tmp_path, models, after=0.3, per_hour=4)) as service:
        for i in range(3):
            service.ask(f"How are you on day {i}?").raise_for_status()
        until(lambda: sum(len(row["feedback"]) for row in calibrations(service)) == 2)
        rows = calibrations(service)
    assert {row["model"] for row in rows} == {"well", "new"}
    told = [(one["rater"], one["reward"], one["weight"]) for row in rows for one in row["feedback"]]
    assert told == [("judge:judge", 0.5, 0.5)] * 2


def test_a_request_stops_what_is_under_way(tmp_path: Path) -> None:
    tired = slow(tmp_path, pieces=1000, pause=0.05)
    journal = tmp_path / "journal.txt"
    with served(settings(tmp_path, {"well": WELL, "slow": WELL}, router=ROUTER)) as service:
        answer = service.ask("How are you?").json()
        service.http.post("/v1/feedback", json={"id": answer["id"], "correction": "I am well."})
        teach(service, "direct@well", [f"How are you on day {i}?" for i in range(4)])
    with served(idle(tmp_path, {"well": WELL, "slow": tired}, after=0.2)) as service:
        until(journal.exists)
        assert service.ask("How are you?", "direct@well").json()["choices"][0]["message"]["content"] == "I am well."
        until(lambda: journal.read_text().split() == ["started", "cancelled"])
        row = next(one for one in calibrations(service) if one["model"] == "slow")
        assert (row["outcome"]["status"], row["feedback"]) == ("cancelled", [])


def test_without_a_budget_nothing_ever_runs(tmp_path: Path) -> None:
    with served(idle(tmp_path, {"well": WELL, "new": NEW}, per_hour=0)) as service:
        answer = service.ask("What is the capital?").json()
        service.http.post("/v1/feedback", json={"id": answer["id"], "correction": "Paris"})
        time.sleep(0.5)
        assert calibrations(service) == []


@pytest.mark.parametrize(
    "params", [{"idle_calls_per_hour": -1.0}, {"idle_calls_per_hour": 0.5}, {"idle_after_seconds": 0.0}]
)
async def test_settings_that_cannot_be_meant_are_refused(tmp_path: Path, params: dict[str, float]) -> None:
    with pytest.raises(BadSettings, match=next(iter(params))):
        async with opened(settings(tmp_path, router={**ROUTER, "params": params})):
            pass
    assert (calls_per_hour({}), seconds_before({})) == (0, 60.0)


class Spending(Calibration):
    """Calibration that makes three calls at each step and finds nothing; the fourth and the fifth step fail."""

    steps = 0

    async def step(self, calls: int) -> Pair | None:
        self.steps += 1
        await asyncio.sleep(0)
        if self.steps == 4:
            raise ModelUnavailable("the judge is down")
        if self.steps == 5:
            json.loads("a damaged row")
        if calls >= 3:
            self.calls += 3
        return None


async def test_calls_of_the_last_hour_count_and_a_failure_is_no_end() -> None:
    place, now = yard([Model("a")]), [0.0]
    spending = Spending(place.engine, Shelf(), ())

    async def keep(pair: Pair) -> None:
        raise AssertionError

    watch = Idle(spending, keep, Runs(), 10, after=0.001, rest=0.001, clock=lambda: now[0])
    watch.start()
    await _steps(spending, 8)
    assert (spending.calls, watch.left) == (9, 1)
    now[0] = 3601.0
    await _steps(spending, 16)
    assert spending.calls == 18
    await watch.close()
    seen = spending.steps
    await asyncio.sleep(0.05)
    assert spending.steps == seen


async def _steps(spending: Spending, n: int) -> None:
    async with asyncio.timeout(10):
        while spending.steps < n:  # noqa: ASYNC110  # nobody rings when a step is over
            await asyncio.sleep(0.005)


async def test_quiet_begins_anew_with_every_run() -> None:
    runs = Runs()
    waiting = asyncio.create_task(runs.quiet(0.5))
    for _ in range(7):
        with runs.one():
            await asyncio.sleep(0.1)
    assert not waiting.done()
    await asyncio.wait_for(waiting, 2.0)
    begun = asyncio.create_task(runs.begun())
    await asyncio.sleep(0.01)
    assert not begun.done()
    with runs.one():
        await asyncio.wait_for(begun, 2.0)
