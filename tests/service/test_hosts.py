"""A service without a key is closed to pages that only look like this machine's, and open to those of the settings."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.datastructures import Headers

from service.hosts import Hosts
from service.sections import Server
from tests.service.serving import Served, served, settings

ASKED = {"model": "direct@well", "messages": [{"role": "user", "content": "How are you?"}]}


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service that has names and a friend."""
    server = {
        "hosts": ["Box.example:80", "fd00::1"],
        "cors_origins": ["http://friend.example"],
        "public_url": "https://out.example/pointsman/",
    }
    with served(settings(tmp_path_factory.mktemp("named"), server=server)) as running:
        yield running


def told(reply: httpx.Response, param: str, value: str) -> None:
    """The reply is a refusal that says what to set."""
    assert reply.status_code == 403, reply.text
    error = reply.json()["error"]
    assert (error["param"], error["code"]) == (param, "permission_denied")
    assert param in error["message"]
    assert value in error["message"]


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.:8000", "127.0.0.1:1", "127.3.2.1", "[::1]:8000", "[::1]"])
def test_names_of_this_machine_are_answered(service: Served, host: str) -> None:
    assert service.http.post("/v1/chat/completions", json=ASKED, headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "10.0.0.1", "["]
)
@pytest.mark.parametrize("path", ["/v1/models", "/readyz", "/"])
def test_a_name_that_was_made_to_resolve_to_this_machine_is_refused(service: Served, host: str, path: str) -> None:
    told(service.http.get(path, headers={"host": host}), "server.hosts", host)


@pytest.mark.parametrize("host", ["box.example", "BOX.example:8000", "[fd00::1]:80", "out.example"])
def test_names_of_the_settings_are_answered(named: Served, host: str) -> None:
    assert named.http.get("/v1/models", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", ""])
def test_a_page_of_another_origin_cannot_post_even_without_a_preflight(named: Served, origin: str) -> None:
    for path in ("/v1/chat/completions", "/v1/feedback", "/v1/knowledge"):
        reply = named.http.post(path, content=b"{}", headers={"origin": origin, "content-type": "text/plain"})
        told(reply, "server.cors_origins", origin)
    assert named.http.get("/v1/models", headers={"origin": origin}).status_code == 200, "it cannot read what it gets"


def test_our_own_page_and_those_of_the_settings_may_post(named: Served) -> None:
    for origin in (named.url, "http://friend.example"):
        reply = named.http.post("/v1/chat/completions", json=ASKED, headers={"origin": origin})
        assert reply.status_code == 200, reply.text
    behind = {"origin": "https://out.example", "host": "out.example"}
    assert named.http.post("/v1/chat/completions", json=ASKED, headers=behind).status_code == 200


def test_the_page_at_the_public_address_may_post_through_a_proxy_that_says_another_host(named: Served) -> None:
    behind = {"origin": "https://out.example"}
    assert named.http.post("/v1/chat/completions", json=ASKED, headers=behind).status_code == 200
    for origin in ("http://out.example", "https://out.example:8443", "https://out.example.evil.example"):
        reply = named.http.post("/v1/chat/completions", json=ASKED, headers={"origin": origin})
        told(reply, "server.cors_origins", origin)


@pytest.mark.parametrize(
    ("address", "origin", "host"),
    [
        ("https://Out.Example:443/x", "https://out.example", "out.example"),
        ("http://out.example:80", "http://out.example", "out.example:80"),
        ("http://out.example:4443/", "http://out.example:4443", "out.example"),
        ("https://[fd00::1]:8443/x", "https://[fd00::1]:8443", "[fd00::1]:8443"),
        ("https://me:secret@out.example", "https://out.example", "out.example"),
    ],
)
def test_the_public_address_is_known_as_browsers_write_it(address: str, origin: str, host: str) -> None:
    hosts = Hosts.of(Server(public_url=address))
    hosts.check(Headers({"host": "127.0.0.1", "origin": origin}), "POST", "/v1/feedback")
    hosts.check(Headers({"host": host}), "POST", "/v1/feedback")


def test_the_page_of_a_link_posts_without_an_origin_of_its_own(named: Served) -> None:
    answer = named.http.post("/v1/chat/completions", json=ASKED).raise_for_status().json()
    named.decision(answer["id"], "ok")
    page = f"/v1/feedback/{answer['id']}"  # it says referrer-policy: no-referrer, so the browser says null
    assert named.http.post(page, data={"thumb": "up"}, headers={"origin": "null"}).status_code == 200


def test_links_begin_with_the_public_address(named: Served) -> None:
    answer = named.http.post("/v1/chat/completions", json=ASKED).raise_for_status().json()
    named.decision(answer["id"], "ok")
    link = named.get(f"/v1/feedback/{answer['id']}/link")
    assert link["up"] == f"https://out.example/pointsman/v1/feedback/{answer['id']}?thumb=up"


def test_with_a_key_every_name_and_origin_will_do(tmp_path: Path) -> None:
    with served(settings(tmp_path, server={"api_keys": ["a-key-of-the-settings"]})) as running:
        headers = {"authorization": "Bearer a-key-of-the-settings", "host": "any.example", "origin": "http://x.example"}
        assert running.http.post("/v1/chat/completions", json=ASKED, headers=headers).status_code == 200
