"""The stub upstream: every behaviour as a client on a raw socket or over httpx meets it, and what the stub saw."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any  # JSON

import httpx
import pytest

from tests.checkout import ROOT
from tests.upstream import Behaviour, Fault, Upstream
from tests.upstream.behaviour import LONG

WORDS = " ".join(f"word{i}" for i in range(20))


@pytest.fixture
def up() -> Iterator[Upstream]:
    with Upstream() as upstream:
        yield upstream


def body(stream: bool = False, model: str = "m", **more: Any) -> dict[str, Any]:
    return {"model": model, "stream": stream, "messages": [{"role": "user", "content": "Hi"}], **more}


def ask(up: Upstream, **more: Any) -> httpx.Response:
    return httpx.post(f"{up.url}/v1/chat/completions", json=body(**more), timeout=5.0, verify=False)


def events(text: str) -> list[Any]:
    """The data of server-sent events; what is no JSON stays text."""
    found: list[Any] = []
    for part in text.split("\n\n"):
        if data := part.removeprefix("data: "):
            try:
                found.append(json.loads(data))
            except ValueError:
                found.append(data)
    return found


def said(text: str) -> str:
    """The text of a stream."""
    chunks = [event for event in events(text) if isinstance(event, dict)]
    return "".join(c["delta"].get("content") or "" for event in chunks for c in event.get("choices", []))


def raw(up: Upstream, stream: bool = False, model: str = "m") -> socket.socket:
    """A socket that has sent one request."""
    sent = json.dumps(body(stream, model)).encode()
    line = socket.create_connection((up.host, up.port), timeout=5.0)
    line.sendall(f"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: {len(sent)}\r\n\r\n".encode() + sent)
    return line


def rest(line: socket.socket, seconds: float = 5.0) -> bytes:
    """All that comes until the end of the connection, or until nothing comes for so long."""
    line.settimeout(seconds)
    found = b""
    try:
        while data := line.recv(65536):
            found += data
    except TimeoutError:
        return found + b"<silence>"
    except ConnectionResetError:
        pass
    return found


@pytest.mark.parametrize("prefix", ["", "/v1"])
def test_it_answers_whole_or_streamed_with_and_without_v1(up: Upstream, prefix: str) -> None:
    with httpx.Client(base_url=up.url + prefix, verify=False) as http:
        whole = http.post("/chat/completions", json=body()).json()
        streamed = http.post("/chat/completions", json=body(stream=True))
        assert [row["id"] for row in http.get("/models").json()["data"]] == ["stub"]
        vectors = http.post("/embeddings", json={"model": "e", "input": ["a", "bcd"]}).json()["data"]
    assert whole["choices"][0]["message"] == {"role": "assistant", "content": WORDS}
    assert whole["usage"]["completion_tokens"] == 20
    assert streamed.headers["content-type"].startswith("text/event-stream")
    assert said(streamed.text) == WORDS
    assert len(events(streamed.text)) == 1 + 20 + 1 + 1  # the role, the words, the reason, [DONE]
    assert events(streamed.text)[-1] == "[DONE]"
    assert [row["embedding"][1] for row in vectors] == [1.0, 3.0]
    assert up.connections == 1, "the connection is kept"


def test_a_stream_tells_usage_only_if_asked(up: Upstream) -> None:
    told = events(ask(up, stream=True, stream_options={"include_usage": True}).text)
    assert [event["choices"] for event in told if "usage" in event] == [[]]
    assert not any("usage" in event for event in events(ask(up, stream=True).text)[:-1])


def test_it_says_what_a_test_wants_and_can_make_it_of_the_question(up: Upstream) -> None:
    up.set("fixed", Behaviour(says="Grüße aus Köln", chunks=2))
    up.set("echo", Behaviour(says=lambda asked: f"You said {asked['messages'][-1]['content']}"))
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    up.set("tools", Behaviour(says=lambda _: {"content": None, "tool_calls": [call]}))
    assert said(ask(up, model="fixed", stream=True).text) == "Grüße aus Köln"
    assert ask(up, model="echo").json()["choices"][0]["message"]["content"] == "You said Hi"
    assert said(ask(up, model="echo", stream=True).text) == "You said Hi"
    whole, streamed = ask(up, model="tools").json(), events(ask(up, model="tools", stream=True).text)
    assert whole["choices"][0]["message"]["tool_calls"] == [call]
    assert whole["choices"][0]["finish_reason"] == streamed[-2]["choices"][0]["finish_reason"] == "tool_calls"
    assert [event["choices"][0]["delta"]["tool_calls"] for event in streamed[1:-2]] == [[call]]


@pytest.mark.parametrize("stream", [False, True])
def test_it_waits_before_the_headers_and_between_the_pieces(up: Upstream, stream: bool) -> None:
    up.set("m", Behaviour(delay=0.2, chunks=5, pace=0.05))
    begun = time.perf_counter()
    with httpx.stream("POST", f"{up.url}/v1/chat/completions", json=body(stream), verify=False) as reply:
        headers = time.perf_counter() - begun
        reply.read()
    assert headers >= 0.2
    assert time.perf_counter() - begun >= (0.45 if stream else 0.2)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [404, 429, 500, 503])
def test_a_status_comes_as_an_openai_error(up: Upstream, status: int, stream: bool) -> None:
    up.set("m", Behaviour(status=status))
    reply = ask(up, stream=stream)
    assert reply.status_code == status
    assert reply.headers["content-type"] == "application/json"
    assert reply.json()["error"]["code"] == str(status)
    assert "retry-after" not in reply.headers
    up.set("m", Behaviour(status=status, retry_after="7"))
    assert ask(up, stream=stream).headers["retry-after"] == "7"
    assert ask(up, model="other").status_code == 200


def test_faults_can_be_set_for_a_path_and_for_everything_and_changed_while_it_runs(up: Upstream) -> None:
    up.set("/embeddings", Behaviour(status=404))
    assert httpx.post(f"{up.url}/v1/embeddings", json={"model": "m", "input": "a"}, verify=False).status_code == 404
    assert ask(up).status_code == 200
    up.set("*", Behaviour(status=503))
    assert ask(up).status_code == 503
    up.set("*", Behaviour())
    assert ask(up).status_code == 200


def test_a_share_of_the_requests_fails_the_same_ones_for_the_same_seed(up: Upstream) -> None:
    def drawn(seed: int) -> list[int]:
        up.set("m", Behaviour(status=500, failure_rate=0.3, seed=seed))
        return [ask(up).status_code for _ in range(60)]

    first = drawn(1)
    assert 5 <= first.count(500) <= 32
    assert first.count(200) + first.count(500) == 60
    assert drawn(1) == first
    assert drawn(2) != first


def test_only_the_first_so_many_may_fail(up: Upstream) -> None:
    up.set("m", Behaviour(status=503, failures=2))
    assert [ask(up).status_code for _ in range(4)] == [503, 503, 200, 200]


@pytest.mark.parametrize("stream", [False, True])
def test_a_hanging_server_sends_nothing_and_notices_who_leaves(up: Upstream, stream: bool) -> None:
    up.set("m", Behaviour(fault="hang"))
    with closing(raw(up, stream)) as line:
        assert rest(line, 0.2) == b"<silence>"
        assert up.open_now == 1
        left = time.monotonic()
    up.until(lambda up: len(up.aborted) == 1)
    assert up.open_now == 0
    assert left <= (up.aborted[0].aborted or 0.0) < left + 1.0
    assert up.aborted[0].finished is None


@pytest.mark.parametrize("stream", [False, True])
def test_a_server_can_fall_silent_in_the_middle(up: Upstream, stream: bool) -> None:
    up.set("m", Behaviour(fault="hang_midstream"))
    with closing(raw(up, stream)) as line:
        got = rest(line, 0.2)
        assert b"200 OK" in got
        assert b"word9" in got
        assert b"word19" not in got
        assert got.endswith(b"<silence>")
    up.until(lambda up: len(up.aborted) == 1)


@pytest.mark.parametrize("stream", [False, True])
def test_a_connection_can_be_closed_in_the_middle_of_the_answer(up: Upstream, stream: bool) -> None:
    up.set("m", Behaviour(fault="truncate"))
    with pytest.raises(httpx.RemoteProtocolError):
        ask(up, stream=stream)
    with closing(raw(up, stream)) as line:
        got = rest(line)
    assert b"word9" in got
    assert b"[DONE]" not in got
    assert not got.endswith(b"<silence>")


def test_a_stream_can_end_properly_without_done(up: Upstream) -> None:
    up.set("m", Behaviour(fault="no_done"))
    told = events(ask(up, stream=True).text)
    assert "[DONE]" not in told
    assert all(choice["finish_reason"] is None for event in told for choice in event["choices"])
    assert len(told) == 1 + 10


@pytest.mark.parametrize("stream", [False, True])
def test_a_connection_can_be_closed_without_a_byte(up: Upstream, stream: bool) -> None:
    up.set("m", Behaviour(fault="close"))
    with closing(raw(up, stream)) as line:
        assert rest(line) == b""


@pytest.mark.parametrize("fault", ["invalid_json", "empty_choices", "null_content", "length", "error_frame"])
def test_faults_of_content_in_a_plain_reply(up: Upstream, fault: Fault) -> None:
    up.set("m", Behaviour(fault=fault))
    reply = ask(up)
    assert reply.status_code == 200
    if fault == "invalid_json":
        with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
            reply.json()
        return
    told = reply.json()
    match fault:
        case "empty_choices":
            assert told["choices"] == []
        case "null_content":
            assert told["choices"][0]["message"]["content"] is None
        case "length":
            assert told["choices"][0]["finish_reason"] == "length"
        case "error_frame":
            assert set(told) == {"error"}


def test_faults_of_content_in_a_stream(up: Upstream) -> None:
    def told(fault: Fault) -> list[Any]:
        up.set("m", Behaviour(fault=fault))
        return events(ask(up, stream=True).text)

    assert sum(isinstance(event, str) for event in told("invalid_json")) == 2  # the broken line and [DONE]
    assert all(event["choices"] == [] for event in told("empty_choices")[1:-1])
    assert {event["choices"][0]["delta"].get("content") for event in told("null_content")[1:-1]} == {None}
    assert told("length")[-2]["choices"][0]["finish_reason"] == "length"
    framed = told("error_frame")
    assert [set(event) == {"error"} for event in framed] == [False, False, False, True]


@pytest.mark.parametrize("stream", [False, True])
def test_a_line_can_be_very_long(up: Upstream, stream: bool) -> None:
    up.set("m", Behaviour(fault="long_line"))
    reply = ask(up, stream=stream)
    assert max(len(line) for line in reply.text.splitlines()) > LONG


@pytest.mark.parametrize("stream", [False, True])
def test_a_packet_can_end_inside_a_character(up: Upstream, stream: bool) -> None:
    up.set("m", Behaviour(fault="split_character"))
    with closing(raw(up, stream)) as line:
        line.settimeout(5.0)
        packets: list[bytes] = []
        while b"word19" not in b"".join(packets):
            packets.append(line.recv(65536))
    torn = 0
    for packet in packets:
        try:
            packet.removesuffix(b"\r\n").decode()
        except UnicodeDecodeError:
            torn += 1
    assert torn >= 2
    reply = ask(up, stream=stream)
    text = said(reply.text) if stream else reply.json()["choices"][0]["message"]["content"]
    assert text == f"naïve café ☕ {WORDS}"


def test_it_records_what_it_was_asked(up: Upstream) -> None:
    httpx.post(
        f"{up.url}/v1/chat/completions",
        json=body(model="m", seed=3),
        headers={"Authorization": "Bearer k"},
        verify=False,
    )
    (seen,) = up.seen
    assert (seen.method, seen.path, seen.model) == ("POST", "/v1/chat/completions", "m")
    assert seen.headers["authorization"] == "Bearer k"
    assert seen.body["seed"] == 3
    up.until(lambda _: seen.finished is not None)  # the last byte may be here before it is written down
    assert seen.aborted is None


def test_it_counts_what_is_open_and_the_most_that_were(up: Upstream) -> None:
    up.set("m", Behaviour(fault="hang"))
    lines = [raw(up) for _ in range(5)]
    up.until(lambda up: up.open_now == 5)
    for line in lines[:3]:
        line.close()
    up.until(lambda up: up.open_now == 2 and len(up.aborted) == 3)
    assert (up.most_open, up.connections) == (5, 5)
    for line in lines[3:]:
        line.close()


def test_a_client_that_reads_to_the_end_and_leaves_has_aborted_nothing(up: Upstream) -> None:
    for stream in (False, True):
        ask(up, stream=stream)
    up.until(lambda up: up.counts()["connected"] == 0)
    assert up.aborted == []
    assert up.open_now == 0


def test_requests_in_one_packet_are_answered_in_order(up: Upstream) -> None:
    up.set("*", Behaviour(says=lambda asked: asked["model"], delay=0.01))
    parts = [json.dumps(body(model=name)).encode() for name in ("first", "second")]
    sent = b"".join(b"POST /chat/completions HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(p) + p for p in parts)
    with closing(socket.create_connection((up.host, up.port), timeout=5.0)) as line:
        line.sendall(sent)
        got = rest(line, 0.3)
    assert got.count(b"200 OK") == 2
    assert got.index(b'"content": "first"') < got.index(b'"content": "second"')


def test_a_stopped_server_refuses_and_comes_back_at_the_same_port(up: Upstream) -> None:
    port = up.port
    up.stop()
    with pytest.raises(httpx.ConnectError):
        ask(up)
    up.start()
    assert up.port == port
    assert ask(up).status_code == 200


def test_stopping_ends_answers_under_way(up: Upstream) -> None:
    up.set("m", Behaviour(fault="hang_midstream"))
    with closing(raw(up, stream=True)) as line:
        assert b"200 OK" in line.recv(4096)
        up.stop()
        assert not rest(line).endswith(b"<silence>")


def test_it_runs_as_a_process_with_what_the_command_line_sets() -> None:
    command = [sys.executable, "-m", "tests.upstream", "--names", "a,b", "--set", "a", "status=429,retry_after=2"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            refused = httpx.post(f"{url}/v1/chat/completions", json=body(model="a"), verify=False)
            assert (refused.status_code, refused.headers["retry-after"]) == (429, "2")
            assert httpx.post(f"{url}/v1/chat/completions", json=body(model="b"), verify=False).status_code == 200
            assert [row["id"] for row in httpx.get(f"{url}/v1/models", verify=False).json()["data"]] == ["a", "b"]
            assert httpx.get(f"{url}/stub/seen", verify=False).json()["requests"] == 4
        finally:
            process.terminate()
        assert process.wait(10) == 0


def test_a_setting_that_there_is_not_is_told() -> None:
    command = [sys.executable, "-m", "tests.upstream", "--set", "a", "colour=red"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1
    assert "not 'colour'" in done.stderr
