"""T7: one deadline holds over retries, inner calls and fallbacks, and what was found until then is the answer."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # JSON

import httpx
import pytest

from tests.faults.standing import over, refused, remote, streamed
from tests.service.serving import Served, served, settings
from tests.upstream import Behaviour, Upstream

SLACK = 0.6
"""Seconds above the deadline that a busy machine may take."""


@pytest.fixture
def up() -> Iterator[Upstream]:
    with Upstream() as upstream:
        yield upstream


@dataclass(frozen=True, slots=True)
class Timed:
    """A reply and the seconds it took."""

    reply: httpx.Response
    seconds: float


def ask(service: Served, model: str = "auto", **more: Any) -> Timed:
    """One question, timed."""
    begun = time.monotonic()
    return Timed(service.ask("What is 2 + 2?", model, **more), time.monotonic() - begun)


@pytest.mark.parametrize(
    "told", [Behaviour(fault="hang"), Behaviour(status=503, retry_after="2")], ids=["hang", "retry"]
)
def test_a_callers_deadline_ends_calls_and_waits_for_retries(tmp_path: Path, up: Upstream, told: Behaviour) -> None:
    up.set("one", told)
    with served(settings(tmp_path, {"one": remote(up, "one", timeout=30.0, retries=10)})) as service:
        got = ask(service, pointsman={"max_seconds": 0.5})
        assert (got.reply.status_code, refused(got.reply)["code"]) == (504, "deadline_exceeded")
        assert 0.4 < got.seconds < 0.5 + SLACK


def test_the_services_own_deadline_holds_for_whoever_names_none(tmp_path: Path, up: Upstream) -> None:
    up.set("*", Behaviour(fault="hang"))
    models = {name: remote(up, name, timeout=30.0, retries=10) for name in ("one", "two", "three")}
    with served(settings(tmp_path, models, server={"max_seconds": 0.8})) as service:
        for wish in ({}, {"max_seconds": 60}):
            got = ask(service, pointsman=wish)
            assert got.reply.status_code == 504
            assert got.seconds < 0.8 + SLACK


def test_inner_calls_share_the_deadline_and_the_best_so_far_is_the_answer(tmp_path: Path, up: Upstream) -> None:
    up.set("one", Behaviour(says='I say "2 + 2 = 5".', delay=0.3))
    table = remote(up, "one", timeout=30.0)
    chosen = settings(tmp_path, {"one": table}, strategies={"enabled": ["direct", "self_reflection"]})
    with served(chosen) as service:
        got = ask(service, "self_reflection@one", pointsman={"max_seconds": 0.75})
        told = got.reply.json()
        assert got.reply.status_code == 200
        assert told["choices"][0]["message"]["content"] == 'I say "2 + 2 = 5".'
        assert told["pointsman"]["degraded"]
        assert sum(one.path.endswith("/chat/completions") for one in up.seen) == 3, "the model was asked once more"
        assert got.seconds < 0.75 + SLACK
        assert service.decision(told["id"], "degraded")["feedback"] == [], "the caller's limit is no arm's fault"


def test_a_stream_that_runs_out_of_time_ends_with_what_was_read_and_says_so(tmp_path: Path, up: Upstream) -> None:
    up.set("one", Behaviour(fault="hang_midstream"))
    with served(settings(tmp_path, {"one": remote(up, "one", timeout=30.0)})) as service:
        got = ask(service, stream=True, pointsman={"max_seconds": 0.5})
        found = streamed(got.reply.text)
        assert found.text.startswith("word0 word1")
        assert (found.reasons, found.done) == (("length",), True)
        assert found.told is not None
        assert found.told["degraded"]
        assert got.seconds < 0.5 + SLACK


def test_a_models_own_timeout_holds_for_each_try(tmp_path: Path, up: Upstream) -> None:
    up.set("one", Behaviour(fault="hang"))
    with served(over(tmp_path, up, "one")) as service:  # half a second, one retry
        got = ask(service)
        assert (got.reply.status_code, refused(got.reply)["code"]) == (504, "model_timeout")
        assert 1.0 < got.seconds < 1.0 + 0.375 + SLACK


def test_a_model_that_trickles_does_not_outlive_its_timeout(tmp_path: Path, up: Upstream) -> None:
    up.set("one", Behaviour(chunks=100, pace=0.1))
    with served(over(tmp_path, up, "one")) as service:
        got = ask(service, stream=True)
        found = streamed(got.reply.text)
        assert found.error is not None
        assert found.error["code"] == "model_timeout"
        assert got.seconds < 0.5 + SLACK
