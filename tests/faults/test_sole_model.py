"""T6: the only model is never taken out; what callers do wrong is held against no model; an open breaker is shown."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from models import breaker
from service.sections import Settings
from tests.faults.standing import refused, remote
from tests.service.serving import Served, served, settings
from tests.upstream import Behaviour, Upstream


@pytest.fixture
def up() -> Iterator[Upstream]:
    with Upstream() as upstream:
        yield upstream


def untried(folder: Path, upstream: Upstream, *names: str) -> Settings:
    """A service over these models that tries nothing twice."""
    return settings(folder, {name: remote(upstream, name, retries=0) for name in names})


def state(service: Served, model: str) -> float:
    """The state of its breaker as /metrics tells it: 0 closed, 1 half open, 2 open."""
    named = f'pointsman_model_breaker_state{{model="{model}"}} '
    return float(
        next(line for line in service.http.get("/metrics").text.splitlines() if line.startswith(named))[len(named) :]
    )


def calls(up: Upstream, model: str) -> int:
    """How often it was asked."""
    return sum(one.model == model for one in up.seen)


@pytest.mark.parametrize("told", [Behaviour(status=500), Behaviour(status=404), Behaviour(fault="close")], ids=str)
def test_the_only_model_is_asked_again_however_often_it_failed(tmp_path: Path, up: Upstream, told: Behaviour) -> None:
    with served(untried(tmp_path, up, "one")) as service:
        up.set("one", told)
        for _ in range(breaker.FAILURES + 3):
            before = calls(up, "one")
            refused(service.ask("How are you?"))
            assert calls(up, "one") > before
        up.set("one", Behaviour())
        assert service.ask("How are you?").status_code == 200


@pytest.mark.parametrize("status", [400, 404, 422, 413, 429])
def test_what_the_caller_did_wrong_closes_no_model(tmp_path: Path, up: Upstream, status: int) -> None:
    with served(untried(tmp_path, up, "one", "two")) as service:
        up.set("one", Behaviour(status=status, retry_after="60" if status == 429 else None))
        for _ in range(breaker.FAILURES + 3):
            refused(service.ask("How are you?", "direct@one", pointsman={"models": ["one"]}))
        assert state(service, "one") == 0
        up.set("one", Behaviour())
        assert service.ask("How are you?", "direct@one").json()["pointsman"]["arm"] == "direct@one"


def test_one_of_two_that_keeps_failing_rests_shows_it_and_is_tried_again(
    tmp_path: Path, up: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker.Breaker.__init__, "__defaults__", (None, 3, 1.0, time.monotonic))
    with served(untried(tmp_path, up, "one", "two")) as service:
        up.set("one", Behaviour(status=500))
        for _ in range(3):
            refused(service.ask("How are you?", "direct@one"))
        assert (state(service, "one"), state(service, "two")) == (2, 0)
        before = calls(up, "one")
        error = refused(service.ask("How are you?", "direct@one"))
        assert "tried again in" in error["message"]
        assert calls(up, "one") == before
        up.set("one", Behaviour())
        time.sleep(1.1)
        assert state(service, "one") == 1
        assert service.ask("How are you?", "direct@one").status_code == 200
        assert state(service, "one") == 0


def test_when_all_of_them_fail_each_question_is_a_try(tmp_path: Path, up: Upstream) -> None:
    with served(untried(tmp_path, up, "one", "two")) as service:
        up.set("*", Behaviour(status=500))
        for _ in range(breaker.FAILURES + 2):
            refused(service.ask("How are you?"))
        before = len(up.seen)
        refused(service.ask("How are you?"))
        assert len(up.seen) > before
        up.set("*", Behaviour())
        assert service.ask("How are you?").status_code == 200
