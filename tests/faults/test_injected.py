"""The benchmark of injected faults (benchmarks/faults.py) sees what is wrong, and counts only what was injected."""

import asyncio
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any  # JSON

import httpx
import pytest

from benchmarks.faults import Injecting, injected
from benchmarks.faults_asking import Drawn, End, Heard, Standing, draws
from benchmarks.faults_judging import RESTING, Came, Verdict, judged
from benchmarks.faults_kinds import FINE, KINDS, Promise, answer, odd_answer, promised
from benchmarks.faults_report import Counted, report
from benchmarks.faults_rows import Found, Row, beside
from benchmarks.faults_struck import Call, Striking
from tests.faults.standing import Process

TEXT = answer(7)


def drawn(kind: str, stream: bool = False, together: bool = False) -> Drawn:
    """Question 7."""
    return Drawn(7, kind, stream, together, None)


def error(code: str, message: str = "It failed.") -> dict[str, Any]:
    """An error in OpenAI's shape."""
    return {"error": {"message": message, "type": "server_error", "param": None, "code": code}}


def refused(of: Drawn, status: int, code: str, after: str | None = None, message: str = "It failed.") -> Heard:
    """What is heard of an error."""
    return Heard(of, "whole", status, "application/json", after, json.dumps(error(code, message)).encode())


def answered(of: Drawn, text: str = TEXT, by: str = "", reason: str = "stop", degraded: str = "") -> Heard:
    """What is heard of a plain answer."""
    told = {"model": by or of.kind, **({"degraded": True, "error": degraded} if degraded else {})}
    choice = {"message": {"content": text}, "finish_reason": reason}
    body = json.dumps({"id": "chatcmpl-7", "choices": [choice], "pointsman": told})
    return Heard(of, "whole", 200, "application/json", None, body.encode())


def streamed(of: Drawn, text: str, *last: dict[str, Any], end: End = "whole", tail: str = "") -> Heard:
    """What is heard of a stream: its words, other frames, how it ends."""
    frames = [{"id": "chatcmpl-7", "choices": [{"delta": {"content": text}, "finish_reason": None}]}, *last]
    body = "".join(f"data: {json.dumps(frame)}\n\n" for frame in frames) + tail
    return Heard(of, end, 200, "text/event-stream", None, body.encode())


def calls(kind: str, *struck: bool) -> list[Call]:
    """What the upstream saw."""
    return [Call(kind, one) for one in struck]


FINISH = {"id": "chatcmpl-7", "choices": [{"delta": {}, "finish_reason": "stop"}], "pointsman": {"model": "truncate"}}
DONE = "data: [DONE]\n\n"
WELL, OFF = drawn(FINE), drawn("truncate", stream=True)
BOTH = drawn("close", together=True)
RESTS = f"model 'close' failed 5 {RESTING} 9 s"
RIGHT: list[tuple[Heard, list[Call], Verdict]] = [
    (answered(WELL), calls(FINE, False), "answered"),
    (answered(drawn("close")), calls("close", True, False), "answered"),
    (answered(drawn("length"), reason="length"), calls("length", True), "answered"),
    (answered(drawn("long_line"), odd_answer("long_line", 7)), calls("long_line", True), "answered"),
    (answered(BOTH, by=FINE, degraded="x"), [*calls("close", True, True), *calls(FINE, False)], "instead"),
    (answered(BOTH, by=FINE, degraded=RESTS), calls(FINE, False), "instead"),
    (refused(drawn("close"), 502, "model_error"), calls("close", True, True), "refused"),
    (refused(drawn("hang"), 504, "model_timeout"), calls("hang", True, True), "refused"),
    (refused(drawn("wait_long"), 502, "model_error", "90"), calls("wait_long", True), "refused"),
    (refused(drawn("close"), 502, "model_error", "9", RESTS), [], "rested"),
    (streamed(OFF, "Answer 7: ", error("model_error")), calls("truncate", True), "broken off"),
    (streamed(OFF, TEXT, FINISH, tail=DONE), calls("truncate", False), "answered"),
    (streamed(OFF, "Answer", end="cut", tail="data: {"), calls("truncate", False), "cut"),
    (Heard(WELL, "left"), [], "left"),
    (Heard(WELL, "nobody"), [], "nobody"),
]
WRONG: list[tuple[str, Heard, list[Call]]] = [
    ("a model that is well was refused", refused(WELL, 502, "model_error"), calls(FINE, False)),
    ("a model that is well was refused", refused(drawn("slow"), 429, "model_busy"), []),
    ("is not Promise", refused(drawn("hang"), 502, "model_error"), calls("hang", True, True)),
    ("is not Promise", refused(drawn("close"), 502, "no_arm_left"), calls("close", True, True)),
    ("is not Promise", refused(drawn("wait_long"), 502, "model_error"), calls("wait_long", True)),
    ("is not Promise", refused(drawn("status_500"), 500, "model_error"), calls("status_500", True, True)),
    ("not struck", refused(drawn("close"), 502, "model_error"), calls("close", True, False)),
    ("not struck", refused(drawn("close"), 502, "model_error"), []),
    ("1 calls, not 2", refused(drawn("close"), 502, "model_error"), calls("close", True)),
    ("is final", refused(drawn("status_400"), 400, "model_refused"), calls("status_400", True, True)),
    ("more calls", refused(drawn("close"), 502, "model_error"), calls("close", True, True, True)),
    ("closes no model", refused(drawn("status_429"), 502, "model_error", "9", RESTS), []),
    ("could answer", refused(BOTH, 502, "model_error"), calls("close", True, True)),
    ("without the shape", Heard(drawn("close"), "whole", 502, "text/html", None, b"{}"), calls("close", True, True)),
    ("without the shape", refused(drawn("close"), 502, "model_error", None, ""), calls("close", True, True)),
    ("for a model that rests", refused(drawn("close"), 504, "model_timeout", "9", RESTS), []),
    ("1 calls, not as", answered(BOTH, by=FINE, degraded="x"), [*calls("close", True), *calls(FINE, False)]),
    ("another answer", answered(WELL, "Something else."), calls(FINE, False)),
    ("another answer", answered(drawn("length")), calls("length", True)),
    ("that failed", answered(drawn("close")), calls("close", True, True)),
    ("not asked for", answered(drawn("close"), by=FINE), [*calls("close", True, True), *calls(FINE, False)]),
    ("not called degraded", answered(BOTH, by=FINE), [*calls("close", True, True), *calls(FINE, False)]),
    ("without a fault", answered(BOTH, by=FINE, degraded="x"), calls(FINE, False)),
    ("and is not", answered(drawn("close"), degraded="x"), calls("close", False)),
    ("an end that is none", streamed(OFF, TEXT, FINISH), calls("truncate", False)),
    ("looks whole", streamed(OFF, "Answer 7: ", FINISH, error("model_error")), calls("truncate", True)),
    ("is not Promise", streamed(OFF, "Answer 7: ", error("model_timeout")), calls("truncate", True)),
    ("not struck", streamed(OFF, "Answer 7: ", error("model_error")), calls("truncate", False)),
    ("no fault does so", streamed(drawn("close", True), "Answer", error("model_error")), calls("close", True)),
    ("is not whole", streamed(OFF, "Answer", error("model_error"), tail="data: {"), calls("truncate", True)),
    ("more ids", streamed(OFF, TEXT, {**FINISH, "id": "chatcmpl-8"}, tail=DONE), calls("truncate", False)),
    ("not the stub's words", streamed(OFF, "It failed.", error("model_error")), calls("truncate", True)),
    ("after an error", streamed(OFF, "Answer", error("model_error"), FINISH), calls("truncate", True)),
    ("after the first words", refused(OFF, 502, "model_error"), calls("truncate", True)),
    ("another text", streamed(OFF, "It failed.", end="left"), calls("truncate", True)),
    ("nothing was killed", Heard(WELL, "broken", problem="ServerDisconnectedError"), calls(FINE, False)),
    ("nothing was killed", Heard(WELL, "late"), calls(FINE, False)),
    ("a model was asked", Heard(WELL, "nobody"), calls(FINE, False)),
]


@pytest.mark.parametrize(("heard", "seen", "verdict"), RIGHT, ids=lambda one: one if isinstance(one, str) else "")
def test_what_is_as_promised_has_its_verdict(heard: Heard, seen: list[Call], verdict: Verdict) -> None:
    came = judged(heard, seen)
    assert came.verdict == verdict, came.said


@pytest.mark.parametrize(("why", "heard", "seen"), WRONG, ids=lambda one: one if isinstance(one, str) else "")
def test_what_is_not_as_promised_is_wrong(why: str, heard: Heard, seen: list[Call]) -> None:
    came = judged(heard, seen)
    assert came.verdict == "wrong"
    assert why in came.said


def test_every_fault_has_its_row_in_the_table_of_the_promises() -> None:
    found = {name: promised(name) for name in KINDS}
    assert {name for name, one in found.items() if one is None} == {
        *(name for name, kind in KINDS.items() if kind.odd or not kind.row)
    }
    assert found["close"] == Promise(502, "model_error", 2, None, True)
    assert found["status_401"] == Promise(502, "model_error", 1, None, False)
    assert found["wait"] == Promise(429, "model_overloaded", 2, "1", False)
    assert found["wait_long"] == Promise(502, "model_error", 1, "90", True)
    assert found["status_413"] == Promise(400, "context_length_exceeded", 1, None, False)


OK = Row("chatcmpl-7", "ok", TEXT)
ROWS: list[tuple[Came, list[Row], str]] = [
    (Came(WELL, "answered", "", "chatcmpl-7", TEXT), [OK], ""),
    (Came(WELL, "answered", "", "chatcmpl-7", TEXT), [], "no decision"),
    (Came(WELL, "answered", "", "chatcmpl-7", TEXT), [OK, OK._replace(id="chatcmpl-8")], "more decisions"),
    (Came(WELL, "answered", "", "chatcmpl-8", TEXT), [OK], "another id"),
    (Came(WELL, "answered", "", "chatcmpl-7", TEXT), [OK._replace(text="x")], "another text"),
    (Came(WELL, "answered", "", "chatcmpl-7", TEXT), [OK._replace(status=None)], "no outcome"),
    (Came(BOTH, "instead", "", "chatcmpl-7", TEXT), [OK], "status is not degraded"),
    (Came(BOTH, "instead", "", "chatcmpl-7", TEXT), [OK._replace(status="degraded")], ""),
    (Came(OFF, "broken off", "", "chatcmpl-7", "Answer"), [Row("chatcmpl-7", "failed", "Answer")], ""),
    (Came(OFF, "broken off", "", "chatcmpl-7", "Answer"), [Row("chatcmpl-7", "cancelled", "Answer")], "is not failed"),
    (Came(OFF, "broken off", "", "chatcmpl-7", "Answer"), [Row("chatcmpl-7", "failed", "")], "another text"),
    (Came(BOTH, "refused"), [Row("chatcmpl-7", "failed", "")], ""),
    (Came(BOTH, "refused"), [], "no decision"),
    (Came(OFF, "cut", "", "chatcmpl-7", "Answer"), [Row("chatcmpl-7", None, None)], ""),
    (Came(OFF, "cut", "", "chatcmpl-7", "Answer"), [], "no decision"),
    (Came(OFF, "cut"), [], ""),
    (Came(OFF, "left", "", "chatcmpl-7", "Ans", at=3.0), [Row("chatcmpl-7", "cancelled", "Answer")], ""),
    (Came(OFF, "left", "", "chatcmpl-7", "Ans", at=3.0), [Row("chatcmpl-7", "cancelled", "")], "another text"),
    (Came(OFF, "left", "", "chatcmpl-7", "Ans", at=3.0), [Row("chatcmpl-7", None, None)], "no outcome"),
    (Came(OFF, "left", "", "chatcmpl-7", "Ans", at=9.0), [Row("chatcmpl-7", None, None)], ""),
    (Came(WELL, "nobody"), [OK], "for nobody"),
]


@pytest.mark.parametrize(("came", "rows", "why"), ROWS, ids=lambda one: one if isinstance(one, str) else "")
def test_every_id_that_was_read_is_looked_for_in_the_log(came: Came, rows: list[Row], why: str) -> None:
    found = beside([("Question 7", row) for row in rows], [came], kills=[10.0])
    assert bool(found.amiss) == bool(why), found
    assert all(why in one for one in found.amiss)


def test_only_calls_that_a_fault_struck_are_counted() -> None:
    with Striking(keep=0) as up, httpx.Client(base_url=up.url) as http:
        up.prepare(seed=0)
        for number in range(40):
            for model in (FINE, "status_400", "no_done"):
                asked = {"model": model, "messages": [{"role": "user", "content": f"Question {number}"}]}
                failed = http.post("/v1/chat/completions", json=asked).status_code != 200
                assert up.calls[number][-1] == Call(model, failed)
        assert up.asked == {FINE: 40, "status_400": 40, "no_done": 40}
        assert up.struck == {
            FINE: 0,
            "no_done": 0,
            "status_400": sum(call.struck for of in up.calls.values() for call in of),
        }
        assert 10 < up.struck["status_400"] < 40
        http.post("/v1/chat/completions", json={**asked, "stream": True})
        for _ in range(10):
            http.post("/v1/chat/completions", json={**asked, "stream": True})
        assert 0 < up.struck["no_done"] < 11


def test_a_run_injects_as_many_faults_as_were_asked_for_and_kills_the_service() -> None:
    counted = injected(40, 0, 24, kills=1, seconds=120.0)
    text = report(counted)
    assert counted.well, text
    assert counted.injected >= 40
    assert counted.injected == counted.upstream.struck.total() + counted.left + counted.locks + 1
    assert counted.left == sum(one.verdict == "left" for one in counted.came)
    assert "| times that the service was killed | 1 |" in text
    assert sum(counted.found.read.values()) > 10
    assert "It stopped short" not in text


def test_a_run_that_stops_short_says_so_and_is_no_success(tmp_path: Path) -> None:
    with Striking(keep=0) as up:
        up.prepare(seed=0)
        late = time.monotonic() - 1.0
        run = Injecting(Process(tmp_path, up), up, Standing("http://127.0.0.1:9"), n=10, kills=1, until=late)
        asyncio.run(run.work(draws(0), at_once=4))
        assert (run.injected, run.came) == (0, []), "it went on when the time was up"
        counted = Counted(10, 0, run.came, up, left=9, locks=0, kills=0, found=Found(), seconds=1.0)
        assert not counted.well
        assert "**It stopped short**: 9 of 10 faults" in report(counted)
        assert replace(counted, left=10).well
        assert not replace(counted, left=10, kills_wanted=1).well
        assert not replace(counted, left=10, found=Found(["a row"])).well
        assert not replace(counted, left=10, came=[Came(WELL, "wrong")]).well
