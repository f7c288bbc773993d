"""What Prometheus reads: every number is right, every name documented, no label holds what a stranger chose."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from models.backend import ModelSpec
from models.breaker import Breaker
from models.errors import ModelUnavailable
from models.limits import limit
from models.memory import GB, Ledger
from models.scripted import Scripted
from models.types import Message, Reply, Request, Usage, collect
from router.policies import load_policy
from router.trust import trust
from router.types import Arm, Decided, Decision, Ended, Feedback, Outcome, RouterSettings
from router.unplaced import SIDE
from service.metrics import Metrics
from service.watching import Standing
from store.database import Database
from store.recorder import Recorder
from strategies.core import Called, Query
from strategies.core.query import Origin
from tests.service.serving import WELL, Served, served, settings, slow

CHOSEN, OTHER = Arm("large", "direct"), Arm("small", "direct")
QUERY = Query(Request((Message("user", "a secret question"),)), np.zeros(2, np.float32))


def samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every value by its name and its labels."""
    found = [one for family in text_string_to_metric_families(text) for one in family.samples]
    return {(one.name, frozenset(one.labels.items())): one.value for one in found}


class Read:
    """A reading of `/metrics`."""

    def __init__(self, text: str) -> None:
        self.text, self._values = text, samples(text)

    def __call__(self, name: str, **labels: str) -> float:
        """The value of that name with exactly these labels."""
        return self._values[(f"pointsman_{name}", frozenset(labels.items()))]

    def has(self, name: str, **labels: str) -> bool:
        """Whether there is such a value."""
        return (f"pointsman_{name}", frozenset(labels.items())) in self._values

    @property
    def names(self) -> dict[str, set[str]]:
        """From the name of each family, as queries write it, to its labels that are in use."""
        found: dict[str, set[str]] = {}
        for family in text_string_to_metric_families(self.text):
            name = family.name + {"counter": "_total", "info": "_info"}.get(family.type, "")
            found[name] = {label for one in family.samples for label in one.labels} - {"le"}
        return found


def read(service: Served) -> Read:
    """What the service tells now."""
    return Read(service.http.get("/metrics").raise_for_status().text)


def told(*events: Decided | Called | Ended) -> Read:
    """What is told after these events."""
    metrics = Metrics()
    for event in events:
        metrics.tell("id", event)
    return Read(metrics.text().decode())


def chosen(probability: float = 1.0, policy: str = "layered", side: str | None = None) -> Decision:
    """A decision for one of two arms."""
    odds = {CHOSEN: probability, OTHER: 1 - probability}
    query = Query(QUERY.request, QUERY.embedding, origin=Origin(side=side))
    return Decision("id", CHOSEN, policy, odds, {}, "why", query, seconds=0.002, embed_seconds=0.003)


def ended(arm: Arm, status: str = "ok", error: str | None = None, decision: Decision | None = None) -> Ended:
    """The end of a run of two seconds, whose first token came after one."""
    outcome = Outcome("id", arm, Usage(), 2.0, 1, status, error, 1.0)
    return Ended(outcome, decision or chosen(), "")


def test_what_calls_take_is_counted_by_model() -> None:
    usage = Usage(30, 12, 0.5, gpu_seconds=0.25, usd=0.002)
    good = Called("answer", "large", QUERY.request, Reply("fine", usage=usage), 0.0, 0.5)
    bad = Called("answer", "large", QUERY.request, None, 0.0, 0.1, "ModelTimeout: a secret")
    found = told(good, good, bad)
    assert found("tokens_total", model="large", kind="prompt") == 60
    assert found("tokens_total", model="large", kind="completion") == 24
    assert found("usd_total", model="large") == pytest.approx(0.004)
    assert found("gpu_seconds_total", model="large") == 0.5
    assert found("calls_total", model="large", status="ok") == 2
    assert found("calls_total", model="large", status="failed") == 1
    assert found("call_seconds_sum", model="large") == pytest.approx(1.1)


def test_a_model_without_prices_has_spent_nothing_that_is_known() -> None:
    found = told(Called("answer", "large", QUERY.request, Reply("fine", usage=Usage(3, 1)), 0.0, 0.5))
    assert not found.has("usd_total", model="large")
    assert not found.has("gpu_seconds_total", model="large")


def test_runs_are_counted_by_who_answered_and_by_who_chose() -> None:
    found = told(ended(CHOSEN), ended(CHOSEN, "cancelled"), ended(OTHER, "degraded", "ModelTimeout: a secret"))
    assert found("decisions_total", arm="direct@large", policy="layered", status="ok") == 1
    assert found("decisions_total", arm="direct@large", policy="layered", status="cancelled") == 1
    assert found("decisions_total", arm="direct@small", policy="layered", status="degraded") == 1
    assert found("fallbacks_total", arm="direct@large", error="ModelTimeout") == 1
    assert found("first_token_seconds_sum", model="large") == 2
    assert found("first_token_seconds_count", model="small") == 1
    assert found("run_seconds_sum", strategy="direct") == 6
    assert "secret" not in found.text


def test_exploring_is_choosing_another_arm_than_the_likeliest() -> None:
    found = told(Decided(chosen(0.9)), Decided(chosen(0.5)), Decided(chosen(0.1)))
    assert found("explored_total", policy="layered") == 1
    assert found("decide_seconds_count") == 3
    assert found("decide_seconds_sum") == pytest.approx(0.015)


def test_side_requests_are_counted_by_their_kind_and_explore_nothing() -> None:
    found = told(Decided(chosen(0.1, SIDE, "title")))
    assert found("side_requests_total", kind="title") == 1
    assert found("decide_seconds_count") == 0
    assert not found.has("explored_total", policy=SIDE)


def test_a_served_request_is_in_the_numbers(own: Served) -> None:
    answer = own.ask("How are you?", "direct@ill").json()
    own.http.post("/v1/feedback", json={"id": answer["id"], "thumb": "up"})
    found = read(own)
    assert found("requests_in_progress") == 1  # the one that reads
    assert found("decisions_total", arm="direct@ill", policy="layered", status="ok") == 1
    assert found("tokens_total", model="ill", kind="completion") == answer["usage"]["completion_tokens"]
    assert found("overhead_seconds_count") == 1
    assert found("feedback_total", kind="thumb") == 1
    assert found("judgements_learned") == 1
    assert found("policy_version", policy="layered") == 0
    assert found("log_lost") == 0
    assert 'pointsman_build_info{python="3' in found.text
    assert "process_resident_memory_bytes" in found.text


def until(true: Callable[[], bool]) -> None:
    """Wait for it; at most five seconds."""
    deadline = time.monotonic() + 5
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_calls_under_way_and_in_line_are_shown_by_model(tmp_path: Path) -> None:
    models = {"slow": {**slow(tmp_path, pieces=400, pause=0.05), "concurrency": 1}, "well": WELL}
    with served(settings(tmp_path, models)) as service, ThreadPoolExecutor(3) as many:
        leaving = threading.Event()

        def ask() -> None:
            with service.http.stream("POST", "/v1/chat/completions", json=question("direct@slow")):
                leaving.wait(10)

        waiting = [many.submit(ask) for _ in range(3)]
        until(lambda: read(service)("model_queue_length", model="slow") == 2)
        found = read(service)
        leaving.set()
        assert found("model_in_progress", model="slow") == 1
        assert found("model_in_progress", model="well") == found("model_queue_length", model="well") == 0
        assert found("model_warm", model="slow") == 1
        assert found("model_breaker_state", model="slow") == 0
        assert found("requests_in_progress") == 4
        for one in waiting:
            one.cancel()


def question(model: str) -> Mapping[str, object]:
    """A streamed question."""
    return {"model": model, "stream": True, "messages": [{"role": "user", "content": "Go."}]}


class Refusing(Scripted):
    """A model that is never there."""

    def __init__(self) -> None:
        super().__init__("away", self._refuse)

    def _refuse(self, request: Request) -> str:
        raise ModelUnavailable("away", model="away")


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    """The recorder of a log in which nothing is written."""
    database = Database(f"sqlite:///{tmp_path / 'test.db'}")
    opened = Recorder(database, tmp_path / "spool", "words")
    yield opened
    opened.close()
    database.close()


async def test_a_breaker_that_opens_and_memory_that_is_held_are_shown(recorder: Recorder) -> None:
    spec = ModelSpec("scripted", retries=0)
    fellows = list[Breaker]()
    away, here = limit(Refusing(), spec, fellows), limit(Scripted("here", "hi"), spec, fellows)
    ledger = Ledger(lambda device: 8 * GB)
    ledger.reserve("here", "cuda:0", GB, GB // 2)
    policy = trust(load_policy("fixed", RouterSettings()))
    metrics = Metrics()
    metrics.watch(Standing({"away": away, "here": here}, recorder, policy, ledger))
    for _ in range(5):
        with pytest.raises(ModelUnavailable):
            await collect(away.stream(QUERY.request))
    policy.learn(Feedback("id", CHOSEN, QUERY.embedding, 1.0))
    found = Read(metrics.text().decode())
    assert found("model_breaker_state", model="away") == 2
    assert found("model_breaker_state", model="here") == 0
    assert 9 < found("model_wait_seconds", model="away") <= 10
    assert found("model_memory_bytes", model="here", device="cuda:0") == 1.5 * GB
    assert found("judgements_learned") == 1
    metrics.watch(Standing({}, recorder, policy, ledger))
    assert not Read(metrics.text().decode()).has("model_warm", model="here")


def test_what_was_turned_away_is_counted_by_its_reason(tmp_path: Path) -> None:
    key = "a-key-of-the-settings"
    with served(settings(tmp_path, server={"api_keys": [key], "max_body_mb": 0.001, "max_in_flight": 1})) as service:
        service.ask("How are you?")
        service.http.headers["authorization"] = f"Bearer {key}"
        service.ask("How are you?" * 200)
        service.http.post("/v1/chat/completions", json={"model": "no such model", "messages": []})
        found = read(service)
    assert found("rejected_total", reason="invalid_api_key") == 1
    assert found("rejected_total", reason="too_large") == 1
    assert found.names["pointsman_rejected_total"] == {"reason"}
    assert found.text.count("pointsman_rejected_total{") == 2


def test_no_label_holds_what_a_stranger_chose(own: Served) -> None:
    own.ask("A secret?", "direct@well")
    before = len(samples(read(own).text))
    for i in range(20):
        own.http.get(f"/v1/secret{i}", params={"secret": i})
        own.ask("A secret?", f"secret{i}@well", user=f"secret{i}")
        own.http.request(f"SECRET{i}", "/v1/chat/completions")
        own.http.get(f"/v1/decisions/secret{i}", headers={"x-request-id": f"secret{i}"})
    found = read(own)
    assert "secret" not in found.text.lower()
    assert len(samples(found.text)) < before + 20
