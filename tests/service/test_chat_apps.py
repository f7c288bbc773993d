"""What chat apps need when something is slow, cut, refused, full or gone; the clients themselves are in `clients`."""

import json
import time
from collections.abc import Iterator
from contextlib import suppress

import httpx
import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

from service import openai_api
from tests.service.serving import Served, served, settings
from tests.upstream import Behaviour, Upstream

KEY = "a-key-that-is-long-enough-for-anybody"
ASKED: list[ChatCompletionMessageParam] = [{"role": "user", "content": "How many herons?"}]
FAULTS = {
    "full": Behaviour(status=429, retry_after="7"),
    "broken": Behaviour(status=500),
    "closing": Behaviour(fault="close"),
    "cut": Behaviour(fault="truncate"),
    "slow": Behaviour(delay=0.6),
    "endless": Behaviour(chunks=2000, pace=0.02),
    "hanging": Behaviour(fault="hang"),
    "long": Behaviour(fault="length"),
    "unicode": Behaviour(fault="split_character"),
}


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    """One server with a model for each fault."""
    with Upstream() as running:
        for name, behaviour in FAULTS.items():
            running.set(name, behaviour)
        yield running


@pytest.fixture(scope="module")
def faulty(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service that asks for a key; its models are the faults, and one that is not there at all."""
    remote = {"backend": "remote", "api_base": f"{upstream.url}/v1", "retries": 0, "timeout": 5.0}
    models = {name: {**remote, "model": name} for name in FAULTS}
    models["dead"] = {**remote, "model": "dead", "api_base": "http://127.0.0.1:9/v1"}
    with served(settings(tmp_path_factory.mktemp("faulty"), models, server={"api_keys": [KEY]})) as running:
        running.http.headers["authorization"] = f"Bearer {KEY}"
        yield running


def pinned(name: str, **more: object) -> dict[str, object]:
    """A request that leaves nobody else to answer."""
    return {"model": f"direct@{name}", "messages": ASKED, **more}


def test_a1_a_dead_back_end_does_not_delay_the_list_and_a_missing_key_is_told(faulty: Served) -> None:
    started = time.monotonic()
    names = {one["id"] for one in faulty.get("/v1/models")["data"]}
    assert time.monotonic() - started < 1.0
    assert {"auto", "dead", "direct@dead"} <= names
    refused = httpx.get(f"{faulty.url}/v1/models")
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "invalid_api_key")


def test_a6_silence_is_filled_so_that_no_proxy_cuts_the_line(faulty: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    assert openai_api.KEEP_ALIVE <= 10
    monkeypatch.setattr(openai_api, "KEEP_ALIVE", 0.1)
    with faulty.http.stream("POST", "/v1/chat/completions", json=pinned("slow", stream=True)) as reply:
        lines = [line for line in reply.iter_lines() if line]
    words = next(i for i, line in enumerate(lines) if line.startswith("data: "))
    assert words >= 2, "comments come before the first word"
    assert all(line.startswith(":") for line in lines[:words])
    assert lines[-1] == "data: [DONE]"


def test_a7_a_failure_in_mid_stream_is_told_and_never_called_a_stop(faulty: Served) -> None:
    text = faulty.http.post("/v1/chat/completions", json=pinned("cut", stream=True)).text
    frames = [json.loads(line[6:]) for line in text.split("\n\n") if line.startswith("data: {")]
    assert set(frames[-1]["error"]) == {"message", "type", "param", "code"}
    assert not any(choice["finish_reason"] for one in frames for choice in one.get("choices", ()))
    with faulty.client(KEY) as client, pytest.raises(openai.APIError):
        list(client.chat.completions.create(model="direct@cut", messages=ASKED, stream=True))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("name", "statuses"), [("full", (429, 503)), ("broken", (502,)), ("closing", (502,)), ("dead", (502,))]
)
def test_a8_a_back_end_that_fails_is_a_status_in_one_shape(
    faulty: Served, name: str, statuses: tuple[int, ...], stream: bool
) -> None:
    reply = faulty.http.post("/v1/chat/completions", json=pinned(name, stream=stream))
    assert reply.status_code in statuses, reply.text
    assert reply.headers["content-type"] == "application/json"
    assert set(reply.json()["error"]) == {"message", "type", "param", "code"}
    if name == "full":
        assert reply.headers["retry-after"] == "7"


def test_a10_the_reason_of_the_end_is_true(faulty: Served) -> None:
    reply = faulty.http.post("/v1/chat/completions", json=pinned("long")).raise_for_status().json()
    assert reply["choices"][0]["finish_reason"] == "length"
    streamed = faulty.http.post("/v1/chat/completions", json=pinned("long", stream=True)).text
    assert '"finish_reason":"length"' in streamed
    assert '"finish_reason":"stop"' not in streamed


def test_a5_a_character_that_came_in_two_packets_is_whole(faulty: Served) -> None:
    with faulty.client(KEY) as client:
        chunks = list(client.chat.completions.create(model="direct@unicode", messages=ASKED, stream=True))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert "☕" in text
    assert "\ufffd" not in text


@pytest.mark.parametrize("stream", [False, True])
def test_a18_a_client_that_leaves_takes_the_upstream_with_it(faulty: Served, upstream: Upstream, stream: bool) -> None:
    name = "endless" if stream else "hanging"
    before = len(upstream.aborted)
    leave(faulty, pinned(name, stream=stream))
    left = time.monotonic()
    upstream.until(lambda one: len(one.aborted) > before)
    assert time.monotonic() - left < 1.0


def leave(service: Served, body: dict[str, object]) -> None:
    """Ask, and close the connection at the first line, or after half a second without one."""
    headers = {"authorization": f"Bearer {KEY}"}
    with (
        httpx.Client(base_url=service.url, timeout=0.5, headers=headers) as client,
        suppress(httpx.ReadTimeout),
        client.stream("POST", "/v1/chat/completions", json=body) as reply,
    ):
        next(reply.iter_lines())
