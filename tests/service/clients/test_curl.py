"""`curl`, which shows the bytes: statuses, headers, events, preflights."""

import json
import shutil
import subprocess

import pytest

from tests.service.clients.conftest import Stubbed

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")

BODY = json.dumps({"model": "auto", "messages": [{"role": "user", "content": "How many herons?"}]})
JSON = ("-H", "content-type: application/json")


def curl(stubbed: Stubbed, path: str, *flags: str) -> str:
    """What curl writes for a path of the service."""
    command = ["curl", "-sS", "--max-time", "20", *flags, f"{stubbed.served.url}{path}"]
    return subprocess.run(command, capture_output=True, check=True).stdout.decode()


def status(stubbed: Stubbed, path: str, *flags: str) -> int:
    """The status of the reply."""
    return int(curl(stubbed, path, "-o", "-", "-w", "\n%{http_code}", *flags).splitlines()[-1])


@pytest.mark.parametrize(
    "path", ["/", "/health", "/healthz", "/health/", "/readyz", "/metrics", "/v1/models", "/models"]
)
@pytest.mark.parametrize("flags", [[], ["-I"]])
def test_a2_the_pages_and_probes_answer_get_and_head(stubbed: Stubbed, path: str, flags: list[str]) -> None:
    assert status(stubbed, path, *flags) == 200


@pytest.mark.parametrize(
    "path", ["/v1/chat/completions", "/chat/completions", "/v1/chat/completions/", "//v1//chat/completions"]
)
def test_a2_every_spelling_of_a_route_answers(stubbed: Stubbed, path: str) -> None:
    answer = json.loads(curl(stubbed, path, "--path-as-is", *JSON, "-d", BODY))
    assert answer["choices"][0]["message"]["content"].startswith("I heard")


def test_a5_the_bytes_of_a_stream(stubbed: Stubbed) -> None:
    body = json.dumps({**json.loads(BODY), "stream": True})
    head, _, events = curl(stubbed, "/v1/chat/completions", "-N", "-i", *JSON, "-d", body).partition("\r\n\r\n")
    headers = head.lower()
    assert "content-type: text/event-stream" in headers
    assert "cache-control: no-cache" in headers
    assert "x-accel-buffering: no" in headers
    frames = [frame for frame in events.split("\n\n") if frame.startswith("data: ")]
    assert frames[-1] == "data: [DONE]"
    chunks = [json.loads(frame[6:]) for frame in frames[:-1]]
    assert chunks[-1]["choices"][0]["delta"] == {}
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert all("usage" not in chunk for chunk in chunks), "nobody asked for the usage"


@pytest.mark.parametrize(
    ("path", "flags", "code"),
    [
        ("/v1/chat/completions", [*JSON, "-d", "{"], 400),
        ("/v1/chat/completions", [*JSON, "-d", '{"messages": 1}'], 400),
        ("/v1/chat/completions", ["-H", "content-type: text/plain", "-d", "hello"], 400),
        (
            "/v1/chat/completions",
            [*JSON, "-d", '{"model": "nobody", "messages": [{"role": "user", "content": "x"}]}'],
            404,
        ),
        ("/v1/audio/speech", [*JSON, "-d", "{}"], 404),
        ("/v1/models", ["-X", "DELETE"], 405),
    ],
)
def test_a8_every_error_is_json_in_one_shape(stubbed: Stubbed, path: str, flags: list[str], code: int) -> None:
    assert status(stubbed, path, *flags) == code
    head, _, body = curl(stubbed, path, "-i", *flags).partition("\r\n\r\n")
    assert "content-type: application/json" in head.lower()
    assert set(json.loads(body)["error"]) == {"message", "type", "param", "code"}


def test_a15_every_route_answers_a_preflight_and_errors_may_be_read(stubbed: Stubbed) -> None:
    origin = ("-H", "origin: http://app.example")
    asked = (
        *origin,
        "-H",
        "access-control-request-method: POST",
        "-H",
        "access-control-request-headers: authorization",
    )
    for path in ("/v1/chat/completions", "/chat/completions", "/v1/models", "/v1/responses", "/v1/feedback"):
        told = curl(stubbed, path, "-i", "-X", "OPTIONS", *asked).lower()
        assert told.startswith("http/1.1 200"), path
        assert "access-control-allow-origin: http://app.example" in told
    failed = curl(stubbed, "/v1/chat/completions", "-i", *origin, *JSON, "-d", "{").lower()
    assert "access-control-allow-origin: http://app.example" in failed
    for name in ("x-request-id", "x-pointsman-arm", "retry-after"):
        assert name in failed.split("access-control-expose-headers:")[1].split("\r\n")[0]


def test_a19_the_headers_tell_what_was_done(stubbed: Stubbed) -> None:
    head = curl(stubbed, "/v1/chat/completions", "-i", *JSON, "-d", BODY).partition("\r\n\r\n")[0].lower()
    for name in ("x-request-id", "x-pointsman-arm", "x-pointsman-policy", "x-pointsman-overhead-ms"):
        assert f"\r\n{name}: " in head


@pytest.mark.parametrize(("megabytes", "code"), [(20, "200"), (40, "413")])
def test_a21_twenty_megabytes_of_images_are_taken_and_more_is_refused_in_words(
    stubbed: Stubbed, megabytes: int, code: str
) -> None:
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{'A' * megabytes * 2**20}"}}
    words = {"type": "text", "text": "How many herons?"}
    large = json.dumps({"model": "auto", "messages": [{"role": "user", "content": [words, image]}]})
    command = ["curl", "-sS", "--max-time", "20", "-w", "\n%{http_code}", *JSON, "--data-binary", "@-"]
    done = subprocess.run(
        [*command, f"{stubbed.served.url}/v1/chat/completions"], input=large, capture_output=True, text=True, check=True
    )
    body, _, told = done.stdout.rpartition("\n")
    assert told == code, body
    if code == "413":
        assert "larger than" in json.loads(body)["error"]["message"]
