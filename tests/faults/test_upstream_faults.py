"""T4: whatever the upstream does, the client gets a right answer or an error that says so, after a bounded number of
tries: never an error as answer text, never an end that looks whole and is not.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any  # JSON

import httpx
import pytest

from models import limits
from models.refusals import wait_of
from tests.faults.standing import WORDS, over, refused, remote, streamed
from tests.service.serving import Served, served, settings
from tests.upstream import Behaviour, Upstream
from tests.upstream.behaviour import LONG
from tests.upstream.replies import NOT_ASCII

TRIES = 2
"""The first and one retry."""


@dataclass(frozen=True, slots=True)
class Case:
    """A fault and what must come of it: the status of a plain request, the stub's tries for it, whether a stream has
    begun when it strikes, and the `Retry-After` that is passed on."""

    told: Behaviour
    status: int
    tries: int = TRIES
    begun: bool = False
    after: str | None = None

    @property
    def name(self) -> str:
        """As pytest shows it."""
        return f"{self.told.fault or self.told.status}{'+' + self.told.retry_after if self.told.retry_after else ''}"


FAULTS = (
    Case(Behaviour(fault="close"), 502),
    Case(Behaviour(fault="hang"), 504),
    Case(Behaviour(fault="hang_midstream"), 504, begun=True),
    Case(Behaviour(fault="truncate"), 502, begun=True),
    Case(Behaviour(fault="invalid_json"), 502, begun=True),
    Case(Behaviour(fault="error_frame"), 502, begun=True),
    Case(Behaviour(fault="empty_choices"), 502),
    Case(Behaviour(status=400), 400, tries=1),
    Case(Behaviour(status=401), 502, tries=1),
    Case(Behaviour(status=404), 502, tries=1),
    Case(Behaviour(status=413), 400, tries=1),
    Case(Behaviour(status=422), 400, tries=1),
    Case(Behaviour(status=429), 429),
    Case(Behaviour(status=429, retry_after="30"), 429, tries=1, after="30"),  # too long to wait for
    Case(Behaviour(status=500), 502),
    Case(Behaviour(status=503), 502),
    Case(Behaviour(status=503, retry_after="30"), 502, tries=1, after="30"),
    Case(Behaviour(status=504), 504),
)
FINE = {"length": (WORDS, "length"), "long_line": (WORDS + "x" * LONG, "stop"), "null_content": ("", "stop")}
FINE |= {"split_character": (NOT_ASCII + WORDS, "stop")}
"""Odd, and yet answers: their text and reason."""
ODD: tuple[dict[str, Any], ...] = (
    {"choices": "none"},
    {"choices": [None]},
    {"choices": [{"message": "Hello"}]},
    {"choices": [{"message": {"content": 7}}]},
    {"choices": [{"message": {"content": ["Hello"]}}]},
    {"choices": [{"message": {"content": "Hello", "tool_calls": [7]}}]},
    {"choices": [{"message": {"content": "Hello"}, "logprobs": {"content": [{}]}}]},
    {"choices": [{"message": {"content": "Hello"}}], "usage": {"prompt_tokens": "many"}},
    {"object": "error", "message": "nothing here"},
)
"""JSON, but no chat completion."""


@pytest.fixture(scope="module")
def up() -> Iterator[Upstream]:
    with Upstream() as upstream:
        yield upstream


@contextmanager
def hasty() -> Iterator[None]:
    """What is opened meanwhile waits next to nothing before a retry for which the server names no time."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(limits.Retry.__init__, "__defaults__", (0.02,))
        yield


@pytest.fixture(scope="module")
def alone(up: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service with one model, `one`."""
    with hasty(), served(over(tmp_path_factory.mktemp("alone"), up, "one")) as running:
        yield running


@pytest.fixture(scope="module")
def pair(up: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service with two, which asks `one` first."""
    router = {"policy": "fixed", "default_arm": "direct@one"}
    with hasty(), served(over(tmp_path_factory.mktemp("pair"), up, "one", "two", router=router)) as running:
        yield running


def ask(service: Served, up: Upstream, told: Behaviour, stream: bool) -> tuple[httpx.Response, int]:
    """A reply while the model `one` has that fault, and how often `one` was tried for it; its breaker is closed."""
    up.set("one", Behaviour())
    assert service.ask("Are you well?", "direct@one").status_code == 200
    up.set("one", told)
    before = len(up.seen)
    reply = service.ask("How are you?", stream=stream)
    return reply, sum(one.model == "one" for one in list(up.seen)[before:])


class Saying(ThreadingHTTPServer):
    """A server that answers everything with the same JSON."""

    body = b""

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class Say(BaseHTTPRequestHandler):
    """One request to it."""

    server: Saying

    def do_POST(self) -> None:
        """Answer."""
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def saying() -> Iterator[Saying]:
    """The server, in a thread of its own."""
    with Saying(("127.0.0.1", 0), Say) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("case", FAULTS, ids=lambda case: case.name)
def test_a_fault_of_the_only_model_is_an_error_after_few_tries(
    alone: Served, up: Upstream, case: Case, stream: bool
) -> None:
    reply, tries = ask(alone, up, case.told, stream)
    if stream and case.begun:
        found = streamed(reply.text)
        assert reply.status_code == 200
        assert found.error is not None
        assert not found.done
        assert found.reasons == (), "an end that is none"
        assert WORDS.startswith(found.text)
        assert tries == 1, "what the client has read is not said again"
        return
    assert reply.status_code == case.status
    assert refused(reply)["code"]
    assert tries == case.tries
    assert reply.headers.get("retry-after") == case.after


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("case", FAULTS, ids=lambda case: case.name)
def test_where_there_is_another_model_it_answers_and_the_answer_says_so(
    pair: Served, up: Upstream, case: Case, stream: bool
) -> None:
    reply, tries = ask(pair, up, case.told, stream)
    if stream and case.begun:
        found = streamed(reply.text)
        assert found.error is not None
        assert not found.done
        return
    assert reply.status_code == 200, reply.text
    if stream:
        found = streamed(reply.text)
        assert (found.text, found.done, found.error) == (WORDS, True, None)
        told = found.told
    else:
        told = reply.json()["pointsman"]
        assert reply.json()["choices"][0]["message"]["content"] == WORDS
    assert told is not None
    assert (told["arm"], told["chosen"], told["degraded"]) == ("direct@two", "direct@one", True)
    assert "'one'" in told["error"]
    assert tries == case.tries


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("fault", sorted(FINE))
def test_an_odd_answer_is_passed_on_as_it_is(alone: Served, up: Upstream, fault: Any, stream: bool) -> None:
    reply, tries = ask(alone, up, Behaviour(fault=fault), stream)
    assert reply.status_code == 200
    if stream:
        found = streamed(reply.text)
        assert (found.text, found.reasons, found.done) == (FINE[fault][0], (FINE[fault][1],), True)
    else:
        choice = reply.json()["choices"][0]
        assert (choice["message"]["content"], choice["finish_reason"]) == FINE[fault]
    assert tries == 1


def test_a_stream_that_ends_properly_but_too_soon_is_an_error(alone: Served, up: Upstream) -> None:
    reply, _ = ask(alone, up, Behaviour(fault="no_done"), stream=True)
    found = streamed(reply.text)
    assert found.error is not None
    assert "broke off" in found.error["message"]
    assert (found.done, found.reasons) == (False, ())


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_a_model_that_is_not_there_is_an_error_and_comes_back(alone: Served, up: Upstream, stream: bool) -> None:
    up.set("one", Behaviour())
    up.stop()
    try:
        reply = alone.ask("How are you?", stream=stream)
        assert (reply.status_code, refused(reply)["code"]) == (502, "model_error")
    finally:
        up.start()
    assert alone.ask("How are you?", stream=stream).status_code == 200


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_json_that_is_no_chat_completion_is_a_bad_gateway(tmp_path: Path, stream: bool) -> None:
    with saying() as odd, served(settings(tmp_path, {"odd": {**remote(odd, "odd"), "retries": 0}})) as service:
        for body in ODD:
            odd.body = json.dumps(body).encode()
            reply = service.ask("How are you?", stream=stream)
            assert (reply.status_code, refused(reply)["code"]) == (502, "model_error"), body


def test_content_in_parts_is_put_together(tmp_path: Path) -> None:
    with saying() as odd, served(settings(tmp_path, {"odd": remote(odd, "odd")})) as service:
        parts = [{"type": "text", "text": "Paris "}, {"type": "text", "text": "it is."}]
        odd.body = json.dumps({"choices": [{"message": {"content": parts}, "finish_reason": "stop"}]}).encode()
        assert service.ask("How are you?").json()["choices"][0]["message"]["content"] == "Paris it is."


@pytest.mark.parametrize("given", ["inf", "nan", "-inf", "1e999", "²", "soon", "", "9" * 400, "-5", "Mon, 99 Foo 2026"])
@pytest.mark.parametrize("name", ["retry-after", "retry-after-ms"])
def test_a_wait_that_is_no_length_of_time_is_none(name: str, given: str) -> None:
    wait = wait_of({name: given})
    assert wait is None or wait == 0.0


def test_a_senseless_wait_leaves_the_error_as_it_is(alone: Served, up: Upstream) -> None:
    reply, _ = ask(alone, up, Behaviour(status=429, retry_after="9" * 400), stream=False)
    assert reply.status_code == 429
    refused(reply)
