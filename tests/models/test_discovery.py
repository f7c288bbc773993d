"""The list of a server's models, in the shapes that servers give it."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from models import discovery
from models.discovery import chosen, ids_of, listed
from models.errors import ModelUnavailable

ENDLESS = object()


@asynccontextmanager
async def serving(routes: dict[str, Any], keys: list[str] | None = None) -> AsyncIterator[str]:
    """A server with JSON, or bytes as they are, at these paths; writes the keys that it was shown into `keys`."""

    async def answer(request: web.Request) -> web.Response:
        if keys is not None:
            keys.append(request.headers.get("authorization", ""))
        if request.path not in routes:
            return web.Response(status=404)
        told = routes[request.path]
        if told is ENDLESS:
            reply = web.StreamResponse()
            await reply.prepare(request)
            while True:
                await reply.write(b'"a", ' * 100)
        return web.Response(body=told if isinstance(told, bytes) else json.dumps(told).encode())

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    "told",
    [
        {"object": "list", "data": [{"id": "a"}, {"id": "b", "owned_by": "me"}, {"id": "a"}]},
        [{"id": "a"}, {"id": "b"}],
        ["a", "b", "", 3],
        {"models": [{"name": "a", "model": "x"}, {"model": "b"}, {"size": 1}]},
    ],
)
def test_lists_of_all_shapes_are_read(told: Any) -> None:
    assert ids_of(told) == ["a", "b"]


@pytest.mark.parametrize("told", [{}, {"data": {"a": 1}}, "a", None, 3])
def test_what_is_no_list_is_told(told: Any) -> None:
    with pytest.raises(ValueError, match="neither a list"):
        ids_of(told)


async def test_a_server_is_asked_with_its_key() -> None:
    keys: list[str] = []
    async with serving({"/v1/models": {"data": [{"id": "a"}]}}, keys) as url:
        assert await listed(f"{url}/v1/", "s3cret") == ["a"]
    assert keys == ["Bearer s3cret"]


async def test_ollama_is_asked_for_its_tags_where_it_has_no_list() -> None:
    async with serving({"/api/tags": {"models": [{"name": "qwen3:4b"}]}}) as url:
        assert await listed(f"{url}/v1") == ["qwen3:4b"]


@pytest.mark.parametrize("body", [b"<html>", b"{}", b"\xff"])
async def test_a_server_that_talks_nonsense_is_unavailable(body: bytes) -> None:
    async with serving({"/models": body}) as url:
        with pytest.raises(ModelUnavailable, match="did not list its models"):
            await listed(url)


async def test_a_list_without_end_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "MOST", 1000)
    async with serving({"/models": ENDLESS}) as url:
        with pytest.raises(ModelUnavailable, match="more than 1000 bytes"):
            await listed(url)


async def test_a_server_that_is_down_or_silent_is_told_in_time() -> None:
    with pytest.raises(ModelUnavailable, match="did not list its models"):
        await listed("http://127.0.0.1:1")
    async with serving({}) as url:
        with pytest.raises(ModelUnavailable, match="answered 404"):
            await listed(url)
    begun = time.monotonic()
    with pytest.raises(ModelUnavailable, match=r"within 0\.1 s"):
        async with _silent() as url:
            await listed(url, seconds=0.1)
    assert time.monotonic() - begun < 2.0


@asynccontextmanager
async def _silent() -> AsyncIterator[str]:
    """A listener that accepts and says nothing."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_globs_choose() -> None:
    ids = ["qwen/a", "qwen/b", "bge-embed", "llama"]
    assert chosen(ids, [], ["*embed*"]) == ["qwen/a", "qwen/b", "llama"]
    assert chosen(ids, ["qwen/*", "llama"], ["*/b"]) == ["qwen/a", "llama"]
