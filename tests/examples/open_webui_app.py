"""Open WebUI, as far as the examples meet it: functions, connections, chats, thumbs, the export of feedback.

Written from its documentation and from how it calls functions (by the names of their parameters); the shapes of
feedback are those of its export.
"""

import inspect
import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any  # JSON

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.examples.playing import EXAMPLES
from tests.service.serving import Served

TOKEN = "sk-an-administrators-key"
USER = {"id": "u-ada", "name": "Ada", "email": "ada@example.org", "role": "user"}


def function(name: str) -> Any:
    """A function file, loaded as Open WebUI loads it: its text is run, and its one class made; mypy cannot know it."""
    text = (EXAMPLES / "open_webui" / name).read_text()
    assert text.splitlines()[0] == '"""', "Open WebUI reads what stands at the head only after a bare line of quotes"
    head = dict(line.split(": ", 1) for line in text.split('"""')[1].strip().splitlines())
    assert {"title", "version", "required_open_webui_version", "description"} <= head.keys()
    module = ModuleType(f"function_{name.removesuffix('.py')}")
    exec(compile(text, name, "exec"), module.__dict__)
    kinds = [kind for kind in ("Pipe", "Filter", "Action", "Event") if hasattr(module, kind)]
    assert len(kinds) == 1, "a file is one kind of function"
    return getattr(module, kinds[0])()


async def called(method: Any, first: Mapping[str, Any], offered: Mapping[str, Any]) -> Any:
    """What a function's method returns; of what is offered it gets the parameters that it names."""
    named = inspect.signature(method).parameters
    return await method(**first, **{name: value for name, value in offered.items() if name in named})


@dataclass(slots=True)
class OpenWebUI:
    """One installation: its connection to Pointsman, its functions, its database."""

    service: Served
    headers: Mapping[str, str] = field(default_factory=dict)
    filters: list[Any] = field(default_factory=list)
    chats: dict[str, dict[str, Any]] = field(default_factory=dict)
    feedbacks: list[dict[str, Any]] = field(default_factory=list)
    shown: list[dict[str, Any]] = field(default_factory=list)
    sent: list[dict[str, Any]] = field(default_factory=list)
    looks: int = 0

    async def emit(self, event: dict[str, Any]) -> None:
        """`__event_emitter__`."""
        self.shown.append(event)

    def app(self) -> Starlette:
        """Its address for administrators."""
        return Starlette(routes=[Route("/api/v1/evaluations/feedbacks/all/export", self.export)])

    async def export(self, request: Request) -> Response:
        """All feedback there is, newest first."""
        self.looks += 1
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return JSONResponse({"detail": "401 Unauthorized"}, 401)
        return JSONResponse(sorted(self.feedbacks, key=lambda one: -one["updated_at"]))

    def model(self, name: str) -> dict[str, Any]:
        """A model as the app knows it: its line in the server's list is kept under `openai`."""
        line = next(one for one in self.service.get("/v1/models")["data"] if one["id"] == name)
        return {**line, "owned_by": "openai", "openai": line, "urlIdx": 0}

    async def ask(self, chat: str, question: str, task: str = "", model: Mapping[str, Any] | None = None) -> str:
        """A question in a chat, streamed; the id of the message with the answer."""
        used = model or self.model("auto")
        message = str(uuid.uuid4())
        metadata = {"chat_id": chat, "message_id": message, "user_id": USER["id"], "task": task, "session_id": "s-1"}
        body: dict[str, Any] = {
            "model": used["id"],
            "messages": [{"role": "user", "content": question}],
            "stream": True,
            "stream_options": {"include_usage": True},
            "metadata": metadata,
        }
        state = SimpleNamespace(MODELS={"auto": self.model("auto")})
        offered = {
            "__metadata__": metadata,
            "__model__": used,
            "__user__": USER,
            "__event_emitter__": self.emit,
            "__request__": SimpleNamespace(app=SimpleNamespace(state=state)),
        }
        for one in self.filters:
            body = await called(one.inlet, {"body": body}, offered)
        del body["metadata"]
        self.sent.append(body)
        stored: dict[str, Any] = {"id": message, "role": "assistant", "content": "", "model": used["id"]}
        async with (
            httpx.AsyncClient(base_url=self.service.url, timeout=30.0) as client,
            client.stream("POST", "/v1/chat/completions", json=body, headers=self._filled(metadata)) as reply,
        ):
            assert reply.status_code == 200, await reply.aread()
            async for line in reply.aiter_lines():
                if line.startswith("data: {"):
                    event = json.loads(line[6:])
                    for one in self.filters:
                        event = await called(one.stream, {"event": event}, offered)
                    for choice in event["choices"]:
                        stored["content"] += choice["delta"].get("content") or ""
                    if event.get("usage"):
                        stored["usage"] = event["usage"]
                    stored["answered_by"] = event["id"]  # the app keeps no such thing; the tests want it
        self.chats.setdefault(chat, {})[message] = stored
        return message

    def answered(self, chat: str, message: str) -> str:
        """The completion's id behind a message."""
        return str(self.chats[chat][message]["answered_by"])

    async def press(self, action: Any, which: str, chat: str, message: str, *, with_usage: bool = False) -> None:
        """A button under a message."""
        stored = self.chats.get(chat, {}).get(message, {"id": message, "role": "assistant", "content": ""})
        told = {name: stored[name] for name in ("id", "role", "content", *(["usage"] if with_usage else []))}
        body = {"model": "auto", "messages": [told], "chat_id": chat, "session_id": "s-1", "id": message}
        offered = {"__id__": which, "__user__": USER, "__event_emitter__": self.emit, "__event_call__": self.emit}
        assert which in [one["id"] for one in action.actions]
        assert await called(action.action, {"body": body}, offered) is None

    def rate(self, chat: str, message: str, rating: int, at: float | None = None, **data: Any) -> dict[str, Any]:
        """A thumb of the app's own, stored with the chat as it was."""
        now = int(time.time() if at is None else at)
        row = {
            "id": str(uuid.uuid4()),
            "user_id": USER["id"],
            "version": 0,
            "type": "rating",
            "data": {"rating": rating, "model_id": "auto", "sibling_model_ids": None, "tags": ["general"], **data},
            "meta": {"arena": False, "model_id": "auto", "message_id": message, "message_index": 2, "chat_id": chat},
            "snapshot": {"chat": {"id": chat, "chat": {"history": {"messages": self.chats.get(chat, {})}}}},
            "created_at": now,
            "updated_at": now,
        }
        self.feedbacks.append(row)
        return row

    def _filled(self, metadata: Mapping[str, Any]) -> dict[str, str]:
        """The connection's headers, their placeholders filled."""
        values = {
            "{{CHAT_ID}}": metadata["chat_id"],
            "{{MESSAGE_ID}}": metadata["message_id"],
            "{{USER_ID}}": metadata["user_id"],
            "{{TASK}}": metadata["task"],
        }
        return {name: values.get(value, value) for name, value in self.headers.items()}
