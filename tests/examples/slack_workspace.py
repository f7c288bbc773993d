"""A Slack workspace, as far as a bot meets it: its Web API on a socket, and the requests that it signs."""

import hashlib
import hmac
import json
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any  # JSON
from urllib.parse import urlencode

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.examples.playing import until

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
TOKEN = "xoxb-a-bots-token"
TEAM, CHANNEL, ADA = "T1", "C1", "U1"


@dataclass(slots=True)
class Workspace:
    """What the bot did, method by method, and every state of every message; `busy`: calls that are put off first."""

    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    states: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    thread: list[dict[str, Any]] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)
    busy: dict[str, int] = field(default_factory=dict)
    bot: str = ""

    def app(self) -> Starlette:
        """Its Web API."""
        return Starlette(routes=[Route("/api/{method}", self.called, methods=["POST"])])

    async def called(self, request: Request) -> Response:
        """One method, its arguments as a form; blocks come as JSON within."""
        method = request.path_params["method"]
        form = {name: str(value) for name, value in (await request.form()).items()}
        body: dict[str, Any] = {**form, **({"blocks": json.loads(form["blocks"])} if "blocks" in form else {})}
        self.calls.append((method, body))
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return JSONResponse({"ok": False, "error": "invalid_auth"})
        if self.busy.get(method, 0) > 0:
            self.busy[method] -= 1
            return JSONResponse({"ok": False, "error": "ratelimited"}, 429, {"retry-after": "0"})
        if method in self.refuses:
            return JSONResponse({"ok": False, "error": "missing_scope"})
        if method == "conversations.replies":
            return JSONResponse({"ok": True, "messages": self.thread, "has_more": False})
        if method == "chat.postMessage":
            body["ts"] = f"{1_800_000_000 + len(self.states)}.000100"
        elif method == "chat.update" and "blocks" in (before := self.states[body["ts"]][-1]):
            body.setdefault("blocks", before["blocks"])  # as Slack's reference has it
        if method in ("chat.postMessage", "chat.update"):
            self.states[body["ts"]].append(body)
        return JSONResponse({"ok": True, "ts": body.get("ts"), "channel": body.get("channel")})

    def made(self, method: str) -> list[dict[str, Any]]:
        """The arguments of all calls of a method."""
        return [body for name, body in self.calls if name == method]

    def sent(
        self, path: str, body: bytes, kind: str, *, at: float | None = None, secret: str = SECRET
    ) -> httpx.Response:
        """The bot's reply to a signed request, signed at that time with that secret."""
        stamp = str(int(time.time() if at is None else at))
        sign = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
        headers = {"content-type": kind, "x-slack-request-timestamp": stamp, "x-slack-signature": f"v0={sign}"}
        return httpx.post(f"{self.bot}{path}", content=body, headers=headers)

    def send(self, path: str, body: bytes, kind: str, *, at: float | None = None, secret: str = SECRET) -> int:
        """The status of that reply."""
        return self.sent(path, body, kind, at=at, secret=secret).status_code

    def event(self, text: str, event_id: str, **more: Any) -> bytes:
        """A mention of the bot; what `more` says stands in the event."""
        ts = f"{int(time.time())}.{abs(hash(event_id)) % 10**6:06}"
        said = {"type": "app_mention", "user": ADA, "text": text, "ts": ts, "channel": CHANNEL, **more}
        told = {"type": "event_callback", "team_id": TEAM, "event_id": event_id, "event": said}
        return json.dumps(told).encode()

    def mention(self, text: str, event_id: str, **more: Any) -> int:
        """Send a signed mention."""
        return self.send("/slack/events", self.event(text, event_id, **more), "application/json")

    def click(self, button: dict[str, Any], *, secret: str = SECRET) -> int:
        """Press a button of a message."""
        told = {
            "type": "block_actions",
            "user": {"id": ADA, "team_id": TEAM},
            "channel": {"id": CHANNEL, "name": "general"},
            "message": {"ts": "1800000000.000100", "thread_ts": "1700000000.000100"},
            "actions": [{"type": "button", "action_id": button["action_id"], "value": button["value"]}],
        }
        body = urlencode({"payload": json.dumps(told)}).encode()
        return self.send("/slack/interactions", body, "application/x-www-form-urlencoded", secret=secret)

    def last(self) -> dict[str, Any]:
        """The bot's latest message as it stands now, once it is finished: with buttons, or with an excuse."""
        until(lambda: self.states and self._finished(list(self.states.values())[-1][-1]))
        return list(self.states.values())[-1][-1]

    def buttons(self) -> dict[str, dict[str, Any]]:
        """Those of the latest message, by their faces."""
        elements = self.last()["blocks"][-1]["elements"]
        return {element["text"]["text"]: element for element in elements}

    @staticmethod
    def _finished(message: dict[str, Any]) -> bool:
        kinds = [block["type"] for block in message.get("blocks", [])]
        return "actions" in kinds or message["text"].startswith(":warning:")
