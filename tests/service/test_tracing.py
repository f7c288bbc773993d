"""Traces: one for each run, by OpenTelemetry's names, at a collector that may be away without anybody noticing."""

import asyncio
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any  # TOML values

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.semconv._incubating.attributes import error_attributes, gen_ai_attributes

from models.backend import ModelSpec
from models.types import Message, Request, Usage
from router.types import Decided, Decision, Ended, Outcome
from service import otlp
from service.otlp import Sent, Traces, open_traces, provider_of
from service.sections import Settings
from service.tracing import Spans, Told
from strategies.core.query import Query
from tests.checkout import ROOT
from tests.service.collector import Collected, collector, facts
from tests.service.serving import ILL, WELL, served, settings, slow
from tests.service.test_wire import decision

CALLER = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
TWO = {"strategies": {"enabled": ["direct", "self_reflection"]}}


def traced(folder: Path, there: Collected, models: Mapping[str, Any] | None = None, **tables: Any) -> Settings:
    """A service that sends its traces there; `telemetry` are further keys of that table."""
    telemetry = {"otlp_endpoint": there.url, "service_name": "ours", **tables.pop("telemetry", {})}
    return settings(folder, models, telemetry=telemetry, **tables)


def tell_all(traces: Traces, decision_id: str, chosen: Decision) -> None:
    """A run of nothing but its beginning and its end."""
    traces.tell(decision_id, Decided(chosen))
    traces.tell(decision_id, Ended(Outcome(decision_id, chosen.arm, Usage(), 0.1, 0), chosen, "half: \ud83d"))


def test_a_request_is_one_trace_with_the_decision_and_every_call_below_it(tmp_path: Path) -> None:
    models = {"well": {"backend": "scripted", "extra": {"reply": "I am well.", "delay": 0.05}}, "ill": ILL}
    with collector() as there:
        with served(traced(tmp_path, there, models, **TWO)) as service:
            asked = time.time_ns()
            body = {"pointsman": {"conversation": "talk-7"}}
            answer = service.ask("How are you?", "self_reflection@well", **body).json()
            answered = time.time_ns()
        (root,) = there.of(Span.SPAN_KIND_SERVER)
        told = facts(iter(root.attributes))
        calls = there.of(Span.SPAN_KIND_CLIENT)
        (choice,) = there.of(Span.SPAN_KIND_INTERNAL)
    assert there.services == {"ours"}
    assert (root.name, choice.name) == ("chat well", "decide")
    assert {one.name for one in calls} == {"chat well", "chat ill"}
    assert told["gen_ai.operation.name"] == "chat"
    assert told["gen_ai.request.model"] == told["gen_ai.response.model"] == "well"
    assert told["gen_ai.response.id"] == answer["id"]
    assert told["gen_ai.conversation.id"] == "talk-7"
    assert told["gen_ai.response.finish_reasons"] == ["stop"]
    assert told["gen_ai.usage.input_tokens"] == answer["usage"]["prompt_tokens"]
    assert told["gen_ai.usage.output_tokens"] == answer["usage"]["completion_tokens"]
    assert told["pointsman.arm"] == "self_reflection@well"
    assert told["pointsman.status"] == "ok"
    assert len(calls) == told["pointsman.calls"] == answer["pointsman"]["calls"] > 1
    assert {one.parent_span_id for one in (*calls, choice)} == {root.span_id}
    assert {one.trace_id for one in (*calls, choice)} == {root.trace_id}
    assert asked <= root.start_time_unix_nano <= choice.start_time_unix_nano <= choice.end_time_unix_nano
    assert [facts(iter(one.attributes))["pointsman.label"] for one in calls] == ["draft", "peer", "critique 1"]
    times = [at for one in calls for at in (one.start_time_unix_nano, one.end_time_unix_nano)]
    assert times == sorted(times)
    assert calls[0].end_time_unix_nano - calls[0].start_time_unix_nano > 50_000_000
    assert choice.end_time_unix_nano <= times[0] + 1_000_000
    assert times[-1] <= root.end_time_unix_nano <= answered
    of_call = facts(iter(calls[0].attributes))
    assert of_call["gen_ai.provider.name"] == "scripted"
    spent = sum(int(str(facts(iter(one.attributes))["gen_ai.usage.output_tokens"])) for one in calls)
    assert spent == told["gen_ai.usage.output_tokens"]
    chosen = facts(iter(choice.attributes))
    assert chosen["pointsman.propensity"] == 1.0
    assert chosen["pointsman.policy"] == "layered"


def test_every_name_that_is_not_ours_is_one_of_the_conventions(tmp_path: Path) -> None:
    known = {value for value in vars(gen_ai_attributes).values() if isinstance(value, str)}
    known |= {value for value in vars(error_attributes).values() if isinstance(value, str)}
    with collector() as there:
        chosen = traced(tmp_path, there, {"slow": slow(tmp_path, fail_after=0), "well": WELL})
        with served(chosen) as service:
            body = {"temperature": 0.5, "top_p": 0.9, "max_tokens": 9, "seed": 3, "pointsman": {"conversation": "c"}}
            assert service.ask("How are you?", "direct@slow", **body).status_code == 502
            assert service.ask("How are you?", "direct@well", **body).status_code == 200
    names = {name for span in there.spans for name in facts(iter(span.attributes))}
    foreign = {name for name in names if not name.startswith("pointsman.")}
    assert foreign - known == set()
    assert {"gen_ai.request.temperature", "gen_ai.request.max_tokens", "error.type"} <= foreign


def test_the_trace_of_the_caller_goes_on(tmp_path: Path) -> None:
    with collector() as there, served(traced(tmp_path, there)) as service:
        for flags in ("01", "00"):
            service.http.headers["traceparent"] = f"00-{CALLER}-{PARENT}-{flags}"
            service.ask("How are you?")
    (root,) = there.of(Span.SPAN_KIND_SERVER)  # a caller that samples nothing is heeded, too
    assert root.trace_id.hex() == CALLER
    assert root.parent_span_id.hex() == PARENT


@pytest.mark.parametrize("header", ["00-0-0-01", "x" * 5000, "ü"])
def test_a_trace_that_cannot_be_read_is_none(tmp_path: Path, header: str) -> None:
    with collector() as there, served(traced(tmp_path, there)) as service:
        sent = {b"traceparent": header.encode()}
        body = {"model": "auto", "messages": [{"role": "user", "content": "How are you?"}]}
        assert service.http.post("/v1/chat/completions", json=body, headers=sent).status_code == 200
    (root,) = there.of(Span.SPAN_KIND_SERVER)
    assert root.parent_span_id == b""


def test_none_is_traced_where_the_share_is_none(tmp_path: Path) -> None:
    with collector() as there, served(traced(tmp_path, there, telemetry={"sample": 0.0})) as service:
        service.ask("How are you?")
    assert there.spans == []


@pytest.mark.parametrize("captured", [False, True])
def test_words_of_users_and_models_are_in_spans_only_where_that_is_asked_for(tmp_path: Path, captured: bool) -> None:
    with collector() as there:
        chosen = traced(
            tmp_path,
            there,
            store={"url": f"sqlite:///{tmp_path / 'test.db'}", "redact": ["hunter2"]},
            telemetry={"capture_content": captured},
            **TWO,
        )
        with served(chosen) as service:
            service.ask("My word is hunter2, is it a capital?", "self_reflection@well")
    everything = "".join(map(str, there.spans))
    assert "hunter2" not in everything
    assert ("is it a capital" in everything) is captured
    assert ("Paris" in everything) is captured
    (root,) = there.of(Span.SPAN_KIND_SERVER)
    if captured:
        asked = json.loads(str(facts(iter(root.attributes))["gen_ai.input.messages"]))
        content = "My word is [redacted], is it a capital?"
        assert asked == [{"role": "user", "parts": [{"type": "text", "content": content}]}]


def test_a_failure_is_told_by_its_kind_and_the_fallback_is_in_the_same_trace(tmp_path: Path) -> None:
    with collector() as there:
        models = {"slow": slow(tmp_path, fail_after=0), "well": {**WELL, "usd_per_1m_out": 1e6}}
        fixed = {"policy": "fixed", "default_arm": "direct@slow"}
        with served(traced(tmp_path, there, models, router=fixed)) as service:
            assert service.ask("Where is the capital?").json()["pointsman"]["degraded"]
            assert service.ask("Where is the capital?", "direct@slow").status_code == 502
    degraded, failed = there.of(Span.SPAN_KIND_SERVER)
    told = facts(iter(degraded.attributes))
    assert (told["pointsman.status"], told["pointsman.arm"]) == ("degraded", "direct@well")
    assert told["pointsman.usage.usd"] == pytest.approx(told["gen_ai.usage.output_tokens"])
    assert [event.name for event in degraded.events] == ["failure", "note"]
    assert degraded.status.code == Status.STATUS_CODE_UNSET
    assert failed.status.code == Status.STATUS_CODE_ERROR
    assert facts(iter(failed.attributes))["error.type"] == "ModelUnavailable"
    (call,) = [one for one in there.of(Span.SPAN_KIND_CLIENT) if one.parent_span_id == failed.span_id]
    assert call.status.code == Status.STATUS_CODE_ERROR
    assert "slow broke" not in "".join(map(str, there.spans))  # an error's words may quote the question


def test_a_collector_that_is_silent_delays_no_answer_and_the_end_only_a_little(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(otlp, "PATIENCE", 0.5)
    monkeypatch.setattr(otlp, "EVERY", 0.05)
    with collector(silent=True) as there:
        with served(traced(tmp_path, there)) as service:
            service.ask("How are you?")
            assert there.asked.wait(5)
            begun = time.monotonic()
            assert [service.ask("How are you?").status_code for _ in range(5)] == [200] * 5
            assert time.monotonic() - begun < 0.5
            begun = time.monotonic()
        assert time.monotonic() - begun < 2.5


def test_a_collector_that_is_not_there_breaks_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp, "PATIENCE", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        nowhere = f"http://127.0.0.1:{probe.getsockname()[1]}/v1/traces"
    with served(traced(tmp_path, Collected(nowhere))) as service:
        assert service.ask("How are you?").status_code == 200


def test_runs_beyond_what_may_wait_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp, "WAITING", 3)
    holding, written = threading.Event(), list[str]()

    class Stuck(Spans):
        def write(self, run: Told) -> None:
            holding.wait(5)
            written.append(run.decision.id)

    traces = Sent(Stuck(TracerProvider().get_tracer("test"), {}), lambda: None)
    for i in range(20):
        one = decision()
        tell_all(traces, str(i), one)
    holding.set()
    asyncio.run(traces.close())
    assert 3 <= len(written) <= 4


def test_the_end_of_the_service_waits_only_so_long_for_the_last_traces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp, "PATIENCE", 0.1)
    released = threading.Event()

    def shut_down() -> None:
        released.wait(10)

    traces = Sent(Spans(TracerProvider().get_tracer("test"), {}), shut_down)
    begun = time.monotonic()
    asyncio.run(traces.close())
    released.set()
    assert 0.1 <= time.monotonic() - begun < 2


def test_half_a_character_from_a_client_loses_no_batch() -> None:
    with collector() as there:
        table = {"otlp_endpoint": there.url, "capture_content": True}
        traces = open_traces(Settings.model_validate({"telemetry": table}))
        request = Request((Message("user", "half: \ud83d"),))
        one = decision()
        query = Query(request, one.query.embedding, conversation="\ud83d")
        tell_all(traces, "odd", replace(one, query=query))
        asyncio.run(traces.close())
    (root,) = there.of(Span.SPAN_KIND_SERVER)
    assert facts(iter(root.attributes))["gen_ai.conversation.id"] == "?"


def test_without_a_collector_nothing_of_the_library_is_loaded() -> None:
    code = (
        "import sys; from service.app import create_app; from service.otlp import open_traces; "
        "from service.sections import Settings; open_traces(Settings()); "
        "print(sorted(name for name in sys.modules if 'opentelemetry.sdk' in name))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("spec", "provider"),
    [
        (ModelSpec("remote", model="anthropic/claude"), "anthropic"),
        (ModelSpec("remote", model="Qwen/Qwen3", api_base="http://gpu:8000/v1"), "openai"),
        (ModelSpec("deployments", deployments=(ModelSpec("remote", api_base="http://gpu:8000/v1"),)), "openai"),
        (ModelSpec("in_process"), "in_process"),
        (ModelSpec("ours/my_server.py"), "custom"),
    ],
)
def test_whose_a_model_is_can_be_told_from_its_settings(spec: ModelSpec, provider: str) -> None:
    assert provider_of(spec) == provider
