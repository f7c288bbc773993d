"""Keys and origins: without a key nothing but the page and the probes, and only the named origins read replies."""

from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from tests.service.serving import Served, served, settings


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service with two keys and one origin."""
    server = {"api_keys": ["first", "zweiter-ü"], "cors_origins": ["http://friend.example"]}
    folder: Path = tmp_path_factory.mktemp("locked")
    with served(settings(folder, server=server)) as running:
        yield running


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Bearer", "Basic first", "first", "Bearer first2"])
@pytest.mark.parametrize("path", ["/v1/models", "/v1/decisions", "/metrics", "/v1/nothing", "/openapi.json"])
def test_without_a_right_key_nothing_is_told(locked: Served, path: str, header: str | None) -> None:
    reply = locked.http.get(path, headers={} if header is None else {"authorization": header})
    assert reply.status_code == 401
    assert reply.json()["error"]["code"] == "invalid_api_key"
    assert reply.headers["www-authenticate"] == "Bearer"
    assert reply.headers["x-request-id"]


def test_either_key_opens(locked: Served) -> None:
    for key in ("first", "zweiter-ü"):
        header = f"Bearer {key}".encode()
        assert locked.http.get("/v1/models", headers={b"authorization": header}).status_code == 200
    with locked.client("first") as client:
        assert client.models.list().data
    with locked.client("wrong") as client, pytest.raises(openai.AuthenticationError):
        client.models.list()


def test_the_page_and_the_probes_are_open(locked: Served) -> None:
    for path in ("/", "/pages/page.js", "/healthz", "/readyz"):
        assert locked.http.get(path).status_code == 200


def test_only_the_named_origin_may_read(locked: Served) -> None:
    ask = {"access-control-request-method": "POST", "access-control-request-headers": "authorization, content-type"}
    friend = locked.http.options("/v1/chat/completions", headers={"origin": "http://friend.example", **ask})
    assert friend.status_code == 200
    assert friend.headers["access-control-allow-origin"] == "http://friend.example"
    stranger = locked.http.options("/v1/chat/completions", headers={"origin": "http://stranger.example", **ask})
    assert "access-control-allow-origin" not in stranger.headers
    reply = locked.http.get("/v1/models", headers={"origin": "http://friend.example", "authorization": "Bearer first"})
    assert "x-pointsman-arm" in reply.headers["access-control-expose-headers"].lower()
