"""New questions are turned away while there is still room to say so."""

import threading
import time
from pathlib import Path

import httpx
import pytest

from models import memory
from models.errors import ModelBusy, NoArmLeft
from models.memory import used_share
from service.errors import fault_of
from service.shedding import LOOK, Load
from tests.service.serving import ILL, served, settings, slow


def test_too_many_at_once_are_told_to_come_again() -> None:
    load = Load(2, 0.9, memory=lambda: 0.1)
    load.in_flight = 1
    assert load.refusal() is None
    load.in_flight = 2
    refused = load.refusal()
    assert refused is not None
    assert (refused.status, refused.retry_after, load.shed_busy) == (429, 2.0, 1)


def test_a_full_line_before_a_model_is_429_with_the_wait() -> None:
    one = ModelBusy("full", model="m", retry_after=3.0)
    for fault in (fault_of(one), fault_of(NoArmLeft("none", (one,)))):
        assert (fault.status, fault.code, fault.retry_after) == (429, "model_overloaded", 3.0)


def test_memory_is_read_at_most_twice_a_second() -> None:
    now, readings = 0.0, [0.95, 0.5]
    load = Load(2, 0.9, memory=lambda: readings.pop(0), clock=lambda: now)
    for _ in range(3):
        refused = load.refusal()
        assert refused is not None
        assert "95% are used" in refused.message
    assert load.shed_memory == 3
    now = LOOK
    assert load.refusal() is None
    assert readings == []


def test_a_container_counts_without_the_files_that_it_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    most, used, stat = tmp_path / "max", tmp_path / "current", tmp_path / "stat"
    monkeypatch.setattr(memory, "CGROUP", (most, used))
    monkeypatch.setattr(memory, "STAT", stat)
    machine = used_share()
    assert 0.0 < machine < 1.0
    used.write_text("990\n")
    stat.write_text("anon 1\nactive_file 5\ninactive_file 10\n")
    most.write_text("max\n")
    assert used_share() == pytest.approx(machine, abs=0.05)
    most.write_text("1000\n")
    assert used_share() == pytest.approx(0.975)


def test_a_busy_service_turns_questions_away_in_openais_shape_and_takes_them_again(tmp_path: Path) -> None:
    models = {"slow": slow(tmp_path, pause=0.2), "ill": ILL}
    chosen = settings(tmp_path, models, server={"max_in_flight": 1})
    with served(chosen) as running:
        answers: list[httpx.Response] = []
        first = threading.Thread(target=lambda: answers.append(running.ask("one", model="direct@slow")))
        first.start()
        journal = tmp_path / "journal.txt"
        while not journal.exists():
            time.sleep(0.01)
        refused = running.ask("two", model="direct@ill")
        assert refused.status_code == 429
        body = {"model": "direct@ill", "messages": [{"role": "user", "content": "two"}]}
        assert running.http.post("/v1/route", json=body).status_code == 429, "a decision is work, too"
        assert refused.headers["retry-after"] == "2"
        assert refused.headers["x-request-id"]
        assert refused.json()["error"]["code"] == "server_busy"
        assert set(refused.json()["error"]) == {"message", "type", "param", "code"}
        assert running.http.get("/v1/models").status_code == 200, "only questions are turned away"
        first.join()
        assert answers[0].status_code == 200, "what was under way goes on"
        assert running.ask("two", model="direct@ill").status_code == 200
