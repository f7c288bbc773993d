"""A service whose one model is the stub upstream: it calls tools, keeps to schemas, and otherwise says what it saw."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any  # JSON

import pytest

from tests.service.serving import Served, served, settings
from tests.upstream import Behaviour, Upstream

TITLE = '{"title": "Herons"}'


@dataclass(frozen=True, slots=True)
class Stubbed:
    """The service, and the upstream behind it."""

    served: Served
    upstream: Upstream

    @property
    def seen(self) -> dict[str, Any]:
        """The body of the latest request that reached the upstream."""
        return self.upstream.seen[-1].body


def says(body: dict[str, Any]) -> str | dict[str, Any]:
    """What the model answers to a request."""
    last = body["messages"][-1]
    if body.get("tools") and last["role"] != "tool":
        name = body["tools"][0]["function"]["name"]
        call = {"id": "call_1", "type": "function", "function": {"name": name, "arguments": '{"city": "Paris"}'}}
        return {"role": "assistant", "content": None, "tool_calls": [call]}
    if body.get("response_format"):
        return '{"city": "Paris", "people": 2}'
    if "title" in json.dumps(last["content"]):
        return TITLE
    return f"I heard {len(body['messages'])} messages, the last one from the {last['role']}."


@pytest.fixture(scope="package")
def stubbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stubbed]:
    """The service and its upstream, shared by the clients."""
    with Upstream(Behaviour(says=says)) as upstream:
        model = {"backend": "remote", "model": "stub", "api_base": f"{upstream.url}/v1"}
        server = {"cors_origins": ["http://app.example"]}
        with served(settings(tmp_path_factory.mktemp("clients"), {"stub": model}, server=server)) as running:
            yield Stubbed(running, upstream)
