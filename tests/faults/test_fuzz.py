"""T9: whatever is sent to whatever route, the answer is no 5xx and every error has OpenAI's shape."""

import http.client
import json
import os
from collections.abc import Iterator
from typing import Any  # JSON

import pytest
from hypothesis import HealthCheck, given, settings

from service.app import create_app
from service.sections import Settings
from tests.faults.drawn import KNOWN, RAW, Asked, operations, requests
from tests.faults.standing import ERROR, remote
from tests.service.serving import WELL, Served, served
from tests.service.serving import settings as serving
from tests.upstream import Behaviour, Upstream

DESCRIBED = create_app(Settings()).openapi()
EXAMPLES = 25
"""Requests of each operation; those that answer questions get eight times as many."""
ASKING = ("/v1/chat/completions", "/v1/responses", "/v1/feedback")
LONG = "FUZZ_TIMES"
"""So many times more, and drawn anew each time, if this is set: a number."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("fuzz")
    with Upstream() as up:
        up.set("far", Behaviour(says=lambda asked: str(asked["messages"][-1].get("content"))))
        models = {"well": WELL, "far": remote(up, "far")}
        with served(serving(folder, models, server={"max_body_mb": 0.25})) as running:
            for i in range(2):
                assert running.ask(f"How are you on day {i}?").status_code == 200
            yield running


@pytest.mark.parametrize("operation", operations(DESCRIBED), ids=" ".join)
def test_no_request_gets_a_5xx_and_every_error_has_the_shape(service: Served, operation: tuple[str, str]) -> None:
    times = int(os.environ.get(LONG, "0"))  # noqa: TID251  # a test's own switch
    drawn = settings(
        max_examples=(8 if operation[1] in ASKING else 1) * EXAMPLES * max(1, times),
        derandomize=not times,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    known = service.get("/v1/decisions", limit=1)["data"][0]["id"]
    host, port = service.url.removeprefix("http://").split(":")
    line = http.client.HTTPConnection(host, int(port), timeout=20)

    @drawn
    @given(requests(DESCRIBED, *operation))
    def holds(asked: Asked) -> None:
        check(line, asked, known)

    try:
        for body in RAW:
            check(line, Asked(operation[0], operation[1], "", "application/json", body), known)
        holds()
    finally:
        line.close()
    assert service.http.get("/healthz").status_code == 200


def check(line: http.client.HTTPConnection, asked: Asked, known: str) -> None:
    """Send the request, about a decision that there is, and look at what comes back."""
    address = (asked.path + (f"?{asked.query}" if asked.query else "")).replace(KNOWN, known)
    headers = {"content-type": asked.kind} if asked.kind else {}
    sent = (asked.method, address, asked.body.replace(KNOWN.encode(), known.encode()), headers)
    try:
        line.request(*sent)
        reply = line.getresponse()
    except (ConnectionError, http.client.BadStatusLine):  # a line that was idle for seconds is closed: not twice
        line.close()
        line.request(*sent)
        reply = line.getresponse()
    said, kind = reply.read(), reply.getheader("content-type") or ""
    documented = reply.status == 503 and reply.getheader("retry-after") is not None
    assert reply.status < 500 or documented, (reply.status, said[:500])
    if reply.status < 400:
        if "json" in kind:
            strict(said)
        return
    assert kind == "application/json", (reply.status, kind, said[:200])
    told = strict(said)
    assert set(told) == {"error"}, told
    assert set(told["error"]) == ERROR
    assert told["error"]["message"]


def strict(text: bytes) -> Any:
    """JSON without the NaN that Python alone writes."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)
