"""Which models a server has: `GET {api_base}/models` in OpenAI's shape or as a bare list, or Ollama's `/api/tags`."""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any  # JSON
from urllib.parse import urlsplit

import aiohttp

from models.errors import ModelUnavailable

MOST = 4 << 20
"""Bytes of a list, at most."""


async def listed(api_base: str, api_key: str | None = None, seconds: float = 3.0) -> list[str]:
    """The ids of the server's models, in its order. Raises ModelUnavailable where it does not tell them in time."""
    base = api_base.rstrip("/")
    headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
    parts = urlsplit(base)
    try:
        async with asyncio.timeout(seconds), aiohttp.ClientSession(headers=headers) as session:
            status, body = await _get(session, f"{base}/models")
            if status == 404:
                status, body = await _get(session, f"{parts.scheme}://{parts.netloc}/api/tags")
        if status != 200:
            raise ModelUnavailable(f"{base}/models answered {status}")
        return ids_of(json.loads(body))
    except TimeoutError as late:
        raise ModelUnavailable(f"{base} did not list its models within {seconds:g} s") from late
    except (aiohttp.ClientError, OSError, ValueError) as failure:
        raise ModelUnavailable(f"{base} did not list its models: {failure or type(failure).__name__}") from failure


def ids_of(told: Any) -> list[str]:
    """The ids in what a server told: `{"data": [{"id"}]}`, `[{"id"}]`, `["id"]` or `{"models": [{"name"}]}`.

    Raises ValueError for anything else.
    """
    entries = told.get("data", told.get("models")) if isinstance(told, Mapping) else told
    if not isinstance(entries, list):
        raise ValueError("neither a list nor an object with data or models")
    found = [_id(one) for one in entries]
    return list(dict.fromkeys(one for one in found if one))


def chosen(ids: Iterable[str], include: Sequence[str], exclude: Sequence[str]) -> list[str]:
    """Those that match one of the globs of `include` (none: all) and none of `exclude`."""
    kept = (one for one in ids if not include or any(fnmatchcase(one, glob) for glob in include))
    return [one for one in kept if not any(fnmatchcase(one, glob) for glob in exclude)]


async def _get(session: aiohttp.ClientSession, url: str) -> tuple[int, bytes]:
    async with session.get(url, allow_redirects=False) as answer:
        body = await answer.content.read(MOST + 1)
        while len(body) <= MOST and (more := await answer.content.read(MOST)):
            body += more
        if len(body) > MOST:
            raise ValueError(f"more than {MOST} bytes")
        return answer.status, body


def _id(entry: Any) -> str:
    """An entry's id, or its name; empty where it has none."""
    if isinstance(entry, Mapping):
        entry = next((entry[key] for key in ("id", "name", "model") if isinstance(entry.get(key), str)), "")
    return entry.strip() if isinstance(entry, str) else ""
