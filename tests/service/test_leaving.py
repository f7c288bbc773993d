"""A client that leaves in mid-answer stops everything downstream, and the row says so; broken models are told apart."""

import socket
import time
from pathlib import Path
from typing import Any  # JSON

import httpx
import pytest

from tests.service.serving import WELL, Served, served, settings, slow


def journal(folder: Path, last: str, patience: float = 5.0) -> list[str]:
    """The words of the slow model's journal, once it ends with that one."""
    deadline = time.monotonic() + patience
    while True:
        words = (folder / "journal.txt").read_text().split() if (folder / "journal.txt").exists() else []
        if words and words[-1] == last:
            return words
        assert time.monotonic() < deadline, words
        time.sleep(0.02)


def only_row(service: Served) -> str:
    """The id of the only decision, once it is there."""
    deadline = time.monotonic() + 5
    while not (rows := service.get("/v1/decisions")["data"]):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert len(rows) == 1
    return str(rows[0]["id"])


ASKED = {
    "/v1/chat/completions": '"messages": [{"role": "user", "content": "Go."}]',
    "/v1/responses": '"input": "Go."',
}


@pytest.mark.parametrize("path", ASKED)
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("pieces_read", [0, 1])
def test_a_client_that_leaves_cancels_the_run(tmp_path: Path, path: str, stream: bool, pieces_read: int) -> None:
    with served(settings(tmp_path, {"slow": slow(tmp_path, pieces=1000, pause=0.05)})) as service:
        host, port = service.url.removeprefix("http://").split(":")
        body = f'{{"stream": {str(stream).lower()}, {ASKED[path]}}}'.encode()
        head = f"POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n"
        with socket.create_connection((host, int(port))) as line:
            line.sendall(head.encode() + f"content-length: {len(body)}\r\n\r\n".encode() + body)
            journal(tmp_path, "started")
            if stream and pieces_read:
                assert b"200 OK" in line.recv(4096)
        assert journal(tmp_path, "cancelled") == ["started", "cancelled"]
        row = service.decision(only_row(service), "cancelled")
        assert row["outcome"]["status"] == "cancelled"
        assert service.http.get("/healthz").status_code == 200


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses"])
def test_a_client_that_leaves_while_it_is_judged_stops_the_moderator(tmp_path: Path, path: str) -> None:
    models = {"well": WELL, "judge": slow(tmp_path, pieces=1000, pause=0.05)}
    with served(settings(tmp_path, models, guards={"moderator": "judge"})) as service:
        body = {"model": "direct@well", "input": "Go.", "messages": [{"role": "user", "content": "Go."}]}
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{service.url}{path}", json=body, timeout=0.3)
        assert journal(tmp_path, "cancelled") == ["started", "cancelled"]
        assert service.get("/v1/decisions")["data"] == []


def test_a_model_that_fails_is_a_bad_gateway(tmp_path: Path) -> None:
    with served(settings(tmp_path, {"slow": slow(tmp_path, fail_after=0)})) as service:
        for stream in (False, True):
            reply = service.ask("Go.", stream=stream)
            assert reply.status_code == 502
            assert reply.json()["error"]["type"] == "server_error"
            assert "slow broke" in reply.json()["error"]["message"]
        row = service.decision(service.get("/v1/decisions")["data"][0]["id"], "failed")
        assert "slow broke" in str(row["outcome"]["error"])


def test_a_model_that_fails_is_replaced_and_the_answer_says_so(tmp_path: Path) -> None:
    with served(settings(tmp_path, {"slow": slow(tmp_path, fail_after=0), "well": WELL})) as service:
        body: dict[str, Any] = {"pointsman": {"explore": False}}
        told = [service.ask(f"Is it {i}?", **body).json()["pointsman"] for i in range(12)]
        degraded = [one for one in told if one.get("degraded")]
        assert all(one["arm"] == "direct@well" for one in told)
        assert degraded, "the failing arm was never tried"
        assert degraded[0]["chosen"] == "direct@slow"
        assert "slow broke" in degraded[0]["error"]
        assert not told[-1].get("degraded"), "the router should have learned to avoid the failing arm"


def test_a_model_that_fails_in_mid_stream_ends_it_with_an_error(tmp_path: Path) -> None:
    with served(settings(tmp_path, {"slow": slow(tmp_path, fail_after=2)})) as service:
        with service.http.stream("POST", "/v1/chat/completions", json=_streamed()) as reply:
            lines = [line for line in reply.iter_lines() if line]
        assert reply.status_code == 200
        assert lines[-1].startswith('data: {"error":{"message":')
        assert "slow broke" in lines[-1]
        assert "data: [DONE]" not in lines
        with service.client() as client, pytest.raises(Exception, match="slow broke"):
            for _ in client.chat.completions.create(
                model="auto", messages=[{"role": "user", "content": "Go."}], stream=True
            ):
                pass


def test_the_slowest_client_does_not_hold_up_the_others(tmp_path: Path) -> None:
    models = {"slow": slow(tmp_path, pieces=100, pause=0.02), "well": WELL}
    with (
        served(settings(tmp_path, models)) as service,
        service.http.stream("POST", "/v1/chat/completions", json={**_streamed(), "model": "slow"}) as reply,
        httpx.Client(base_url=service.url, timeout=10) as other,
    ):
        begun = time.monotonic()
        told = other.post("/v1/chat/completions", json={**_streamed(), "model": "well", "stream": False})
        assert told.status_code == 200
        assert time.monotonic() - begun < 1.5
        assert reply.status_code == 200


def _streamed() -> dict[str, Any]:
    return {"model": "auto", "stream": True, "messages": [{"role": "user", "content": "Go."}]}
