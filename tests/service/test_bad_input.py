"""Bad input gets a clear error in OpenAI's shape, and the service goes on."""

from pathlib import Path
from typing import Any  # JSON

import openai
import pytest

from tests.service.serving import Served, served, settings

ASKED = [{"role": "user", "content": "How are you?"}]


def called(*calls: object, **more: object) -> list[dict[str, Any]]:
    """A conversation in which the assistant called functions so."""
    return [*ASKED, {"role": "assistant", "content": None, "tool_calls": list(calls), **more}, *ASKED]


def error(service: Served, status: int, body: Any = None, **request: Any) -> dict[str, Any]:
    """The error that the body gets; checks its status and shape."""
    if body is not None:
        request["json"] = body
    reply = service.http.post("/v1/chat/completions", **request)
    assert reply.status_code == status, reply.text
    assert set(reply.json()) == {"error"}
    told: dict[str, Any] = reply.json()["error"]
    assert set(told) == {"message", "type", "param", "code"}
    assert told["message"]
    return told


@pytest.mark.parametrize("name", ["nobody", "direct@nobody", "nothing@well", "auto@nothing", "@", "direct@"])
@pytest.mark.parametrize("stream", [False, True])
def test_an_unknown_model_or_strategy_is_not_found(service: Served, name: str, stream: bool) -> None:
    told = error(service, 404, {"model": name, "messages": ASKED, "stream": stream})
    assert (told["param"], told["code"], told["type"]) == ("model", "model_not_found", "invalid_request_error")
    assert repr(name) in told["message"]
    assert "well" in told["message"], "the message names what there is"


def test_the_official_client_raises_its_own_errors(service: Served) -> None:
    with service.client() as client:
        with pytest.raises(openai.NotFoundError, match="nobody"):
            client.chat.completions.create(model="nobody", messages=[{"role": "user", "content": "Hm?"}])
        with pytest.raises(openai.BadRequestError, match="messages"):
            client.chat.completions.create(model="auto", messages=[])


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": "How are you?"}, "messages"),
        ({"messages": None}, "messages"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"text": "no type"}]}]}, None),
        ({"messages": called({"function": {"name": "f"}}, {"function": "x"})}, "messages[1].tool_calls[1]"),
        ({"messages": called({"function": {"name": 7}})}, "messages[1].tool_calls[0]"),
        ({"messages": called({"function": {"name": "f", "arguments": {}}})}, "messages[1].tool_calls[0]"),
        ({"messages": called({"function": []})}, "messages[1].tool_calls[0]"),
        ({"messages": called(7)}, "messages[1].tool_calls[0]"),
        ({"messages": called(function_call="x")}, "messages[1].function_call"),
        ({"messages": called(function_call={"name": "f", "arguments": {}})}, "messages[1].function_call"),
        ({"messages": [{"role": "user", "content": ""}]}, "messages"),
        ({"messages": [{"role": "system", "content": "Be short."}]}, "messages"),
        ({"model": 7}, "model"),
        ({"model": ""}, "model"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": 3}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"n": 9}, "n"),
        ({"n": 2, "stream": True}, "n"),
        ({"n": 3, "pointsman": {"max_calls": 2}}, "n"),
        ({"n": 0}, "n"),
        ({"stream": "perhaps"}, "stream"),
        ({"pointsman": {"quality": 2}}, "pointsman.quality"),
        ({"pointsman": {"qualty": 0.5}}, "pointsman.qualty"),
        ({"pointsman": {"max_calls": 0}}, "pointsman.max_calls"),
        ({"pointsman": []}, "pointsman"),
    ],
)
def test_a_wrong_field_is_named(service: Served, change: dict[str, Any], param: str | None) -> None:
    told = error(service, 400, {"model": "auto", "messages": ASKED, **change})
    assert told["type"] == "invalid_request_error"
    if param is not None:
        assert told["param"] == param
        assert param in told["message"]


def test_a_missing_field_is_named(service: Served) -> None:
    assert error(service, 400, {"model": "auto"})["param"] == "messages"


@pytest.mark.parametrize(
    "body", [b"{", b"", b"[]", b"null", b'{"messages": [}', b"\xff\xfe\x00", b"[" * 100_000, b'{"a": NaN']
)
def test_malformed_json_is_refused(service: Served, body: bytes) -> None:
    error(service, 400, content=body, headers={"content-type": "application/json"})


def test_a_number_that_is_none_is_refused(service: Served) -> None:
    body = b'{"messages": [{"role": "user", "content": "x"}], "temperature": NaN}'
    told = error(service, 400, content=body, headers={"content-type": "application/json"})
    assert told["param"] == "temperature"


def test_a_body_of_another_type_is_told_which(service: Served) -> None:
    told = error(service, 400, content=b'{"messages": []}', headers={"content-type": "text/plain"})
    assert "application/json" in told["message"]


def test_models_nobody_knows_are_refused(service: Served) -> None:
    told = error(service, 404, {"model": "auto", "messages": ASKED, "pointsman": {"models": ["nobody"]}})
    assert "nobody" in told["message"]


def test_unknown_routes_and_methods_have_the_same_shape(service: Served) -> None:
    for method, path, status in [
        ("GET", "/v1/nothing", 404),
        ("POST", "/v1/assistants", 404),
        ("GET", "/v1/chat/completions", 405),
        ("DELETE", "/v1/feedback", 405),
        ("GET", "/v1/decisions/chatcmpl-none", 404),
        ("GET", "/v1/models/none", 404),
        ("DELETE", "/v1/knowledge/none", 404),
        ("GET", "/v1/decisions?limit=0", 400),
        ("GET", "/v1/decisions?limit=many", 400),
        ("GET", "/pages/none.js", 404),
    ]:
        reply = service.http.request(method, path)
        assert reply.status_code == status, path
        assert set(reply.json()["error"]) == {"message", "type", "param", "code"}
        assert reply.headers["x-request-id"]


def test_a_body_over_the_limit_is_refused_whether_or_not_it_says_its_length(tmp_path: Path) -> None:
    with served(settings(tmp_path, server={"max_body_mb": 0.1})) as service:
        long = "x" * 300_000
        told = error(service, 413, {"model": "auto", "messages": [{"role": "user", "content": long}]})
        assert "104857 bytes" in told["message"]
        pieces = iter([b'{"messages": [{"role": "user", "content": "'] + [b"x" * 10_000] * 30)
        error(service, 413, content=pieces, headers={"content-type": "application/json"})
        plain = {"content-type": "text/plain"}
        assert service.http.post("/v1/knowledge", content=b"x" * 300_000, headers=plain).status_code == 413
        assert service.ask("How are you?").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"id": "x"},
        {"id": "x", "score": 2},
        {"id": "x", "score": "1"},
        {"id": "x", "score": True},
        {"id": "x", "thumb": "sideways"},
        {"id": "x", "score": 1, "thumb": "up"},
        {"id": "x", "preferred": "x"},
        {"id": "x", "correction": ""},
        {"id": "x", "score": 1, "scroe": 1},
        {"score": 1},
    ],
)
def test_feedback_that_cannot_be_meant_is_refused(service: Served, body: dict[str, Any]) -> None:
    reply = service.http.post("/v1/feedback", json=body)
    assert reply.status_code == 400
    assert reply.json()["error"]["message"]


def test_feedback_on_an_unknown_answer_is_not_found(service: Served) -> None:
    known = service.ask("How are you?").json()["id"]
    for body in ({"id": "chatcmpl-none", "score": 1}, {"id": known, "preferred": "chatcmpl-none"}):
        reply = service.http.post("/v1/feedback", json=body)
        assert reply.status_code == 404, reply.text
        assert "chatcmpl-none" in reply.json()["error"]["message"]


@pytest.mark.parametrize(
    "body", [{}, {"input": ""}, {"input": []}, {"input": [""]}, {"input": [1, 2]}, {"input": "x", "dimensions": 3}]
)
def test_embeddings_of_nothing_are_refused(service: Served, body: dict[str, Any]) -> None:
    assert service.http.post("/v1/embeddings", json=body).status_code == 400


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{}", "application/json"),
        (b'{"title": "T", "text": ""}', "application/json"),
        (b'{"title": "T", "text": "x", "more": 1}', "application/json"),
        (b"{", "application/json"),
        (b"", "text/plain"),
        (b"--x--\r\n", "multipart/form-data; boundary=x"),
        (b"nonsense", "multipart/form-data"),
        (b"\x00\x01", "application/zip"),
        (b"not a pdf", "application/pdf"),
    ],
)
def test_documents_that_cannot_be_read_are_refused(service: Served, body: bytes, kind: str) -> None:
    reply = service.http.post("/v1/knowledge", content=body, headers={"content-type": kind})
    assert reply.status_code == 400, reply.text
    assert reply.json()["error"]["message"]
    assert service.get("/v1/knowledge")["data"] == []
