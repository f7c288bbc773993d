"""Bodies that are made to cost: full of faults, nested under another name of JSON, or never sent to their end."""

import json
import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from service import gate
from service.embeddings_api import EmbeddingBody
from service.feedback_api import FeedbackBody
from service.knowledge_api import DocumentBody, SearchBody
from service.responses_body import ResponsesBody
from service.wire import ChatBody
from tests.service.serving import Served, served, settings, slow

ASKED = [{"role": "user", "content": "Hm?"}]
MANY = 200_000
UNKNOWN = {str(i): 1 for i in range(MANY // 4)}
BODIES: Mapping[str, type[BaseModel]] = {
    "/v1/chat/completions": ChatBody,
    "/v1/responses": ResponsesBody,
    "/v1/route": ChatBody,
    "/v1/embeddings": EmbeddingBody,
    "/v1/feedback": FeedbackBody,
    "/v1/knowledge": DocumentBody,
    "/v1/knowledge/search": SearchBody,
}
FORMS = {"/v1/feedback/{decision_id}"}
FULL: list[tuple[str, dict[str, object]]] = [
    ("/v1/chat/completions", {"messages": [1] * MANY}),
    ("/v1/chat/completions", {"messages": [{"role": "user", "content": [1] * MANY}]}),
    ("/v1/chat/completions", {"messages": [{"role": "assistant", "tool_calls": [1] * MANY}]}),
    ("/v1/chat/completions", {"messages": ASKED, "tools": [1] * MANY}),
    ("/v1/chat/completions", {"messages": ASKED, "stop": [1] * MANY}),
    ("/v1/chat/completions", {"messages": ASKED, "pointsman": {"models": [1] * MANY}}),
    ("/v1/chat/completions", {"messages": ASKED, "pointsman": {"strategies": [1] * MANY}}),
    ("/v1/chat/completions", {"messages": ASKED, "pointsman": UNKNOWN}),
    ("/v1/chat/completions", {"messages": ASKED, "functions": [1] * MANY}),
    ("/v1/responses", {"input": [1] * MANY}),
    ("/v1/responses", {"input": "Hm?", "tools": [1] * MANY}),
    ("/v1/responses", {"input": "Hm?", "include": [1] * MANY}),
    ("/v1/responses", {"input": "Hm?", "pointsman": UNKNOWN}),
    ("/v1/route", {"messages": [1] * MANY}),
    ("/v1/embeddings", {"input": [None] * MANY}),
    ("/v1/embeddings", {"input": [1] * MANY}),
    ("/v1/embeddings", {"input": [""] * MANY}),
    ("/v1/embeddings", {"input": [None] * 2000, "not ours": "x" * 2 * MANY}),
    ("/v1/feedback", {"id": "chatcmpl-1", "score": 1, **UNKNOWN}),
    ("/v1/knowledge", {"title": "One", "text": "Words.", **UNKNOWN}),
    ("/v1/knowledge/search", {"query": "Hm?", **UNKNOWN}),
]


def test_every_route_with_a_body_is_among_them(service: Served) -> None:
    paths = service.get("/openapi.json")["paths"]
    takes = {path for path, methods in paths.items() if methods.keys() & {"post", "put", "patch"}} - FORMS
    assert takes == {path for path, _ in FULL} == BODIES.keys()


@pytest.mark.parametrize(("path", "body"), FULL)
def test_400_kilobytes_of_faults_are_refused_at_the_first(service: Served, path: str, body: dict[str, object]) -> None:
    raw = json.dumps(body, separators=(",", ":")).encode()
    assert len(raw) >= 400_000
    best = 1.0
    for _ in range(3):
        begun = time.perf_counter()
        reply = service.http.post(path, content=raw, headers={"content-type": "application/json"})
        best = min(best, time.perf_counter() - begun)
        assert reply.status_code == 400, reply.text[:500]
        assert reply.json()["error"]["param"] is not None
    assert best < 0.2


@pytest.mark.parametrize(("path", "body"), FULL)
def test_however_many_faults_there_are_one_is_counted(path: str, body: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as caught:
        BODIES[path].model_validate(body)
    assert caught.value.error_count() <= 3, "one for each branch of a union"


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/v1/feedback", {"id": "chatcmpl-1", "score": 1, "scroe": 1, "thmub": "up"}, "scroe"),
        ("/v1/knowledge", {"title": "One", "txet": "Words.", "text": "Words."}, "txet"),
        ("/v1/knowledge/search", {"query": "Hm?", "n": 3}, "n"),
        ("/v1/knowledge/search", {"k": 3}, "query"),
        ("/v1/embeddings", {"input": ["Hm?", ""]}, "input"),
        ("/v1/embeddings", {"input": ""}, "input"),
    ],
)
def test_the_first_fault_is_told_by_the_name_of_its_field(
    service: Served, path: str, body: dict[str, object], param: str
) -> None:
    reply = service.http.post(path, json=body)
    assert reply.status_code == 400, reply.text
    assert reply.json()["error"]["param"] == param


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses"])
@pytest.mark.parametrize("kind", ["application/JSON", "Application/Json; charset=utf-8", "application/x+JSON"])
def test_deep_json_is_refused_by_whatever_name(service: Served, path: str, kind: str) -> None:
    body = b'{"messages": %s, "input": "Hm?", "x": %s1%s}' % (json.dumps(ASKED).encode(), b"[" * 9000, b"]" * 9000)
    reply = service.http.post(path, content=body, headers={"content-type": kind})
    assert reply.status_code == 400, reply.text
    assert "64 levels" in reply.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses"])
def test_depth_that_the_gate_cannot_see_is_no_fault_of_ours(service: Served, path: str) -> None:
    deep = '{"messages": [{"role": "user", "content": "Hm?"}], "input": "Hm?", "x\u2261": %s%s}'  # 61 22: a " in UTF-16
    body = (deep % ("[" * 50_000, "]" * 50_000)).encode("utf-16-le")
    reply = service.http.post(path, content=body, headers={"content-type": "application/json"})
    assert reply.status_code == 400, reply.text


@pytest.mark.parametrize(
    "path", ["/v1/chat/completions", "/v1/responses", "/v1/embeddings", "/v1/feedback/chatcmpl-1", "/v1/none"]
)
@pytest.mark.parametrize("begun", [b"", b'{"messages": '])
def test_a_body_that_does_not_come_gives_its_place_back(
    service: Served, monkeypatch: pytest.MonkeyPatch, path: str, begun: bytes
) -> None:
    monkeypatch.setattr(gate, "STALL", 0.2)
    host, port = service.url.removeprefix("http://").split(":")
    kind = "application/x-www-form-urlencoded" if path.endswith("chatcmpl-1") else "application/json"
    head = f"POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: {kind}\r\ncontent-length: 100\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=5) as line:
        line.sendall(head.encode() + begun)
        said = b""
        while piece := line.recv(65536):  # to its end: the connection is closed, too
            said += piece
            if path == "/v1/none":
                break
    status = int(said.split()[1])
    if path == "/v1/none":
        assert status in (404, 405), "nobody reads it"
        return
    assert status == 408, said
    error = json.loads(said.partition(b"\r\n\r\n")[2])["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert "0.2 seconds" in error["message"]


def test_a_slow_body_that_comes_is_taken_and_the_answer_may_take_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "STALL", 0.3)
    body = json.dumps({"messages": ASKED}).encode()

    def dripped() -> Iterator[bytes]:
        for at in range(0, len(body), 10):
            time.sleep(0.1)
            yield body[at : at + 10]

    with served(settings(tmp_path, {"slow": slow(tmp_path, pieces=2, pause=0.4)})) as running:
        headers = {"content-type": "application/json"}
        reply = running.http.post("/v1/chat/completions", content=dripped(), headers=headers)
    assert reply.status_code == 200, reply.text
