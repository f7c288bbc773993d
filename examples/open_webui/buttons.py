"""
title: Pointsman: was this good?
author: pointsman
version: 1.0
required_open_webui_version: 0.6.0
description: Two buttons under each answer. What they say goes to Pointsman at once, which learns from it.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any  # JSON, as Open WebUI hands it over

import httpx
from pydantic import BaseModel, Field

KEPT = "pointsman_id"
"""Where the filter `ids.py` left the answer's id."""
ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Ctext y='13'%3E{}%3C/text%3E%3C/svg%3E"
)
"""A button's picture; it goes with every list of models, and so it is small."""


class Action:
    """The buttons; Open WebUI names the one that was pressed in `__id__`."""

    actions = (
        {"id": "up", "name": "Good answer", "icon_url": ICON.format("👍")},
        {"id": "down", "name": "Bad answer", "icon_url": ICON.format("👎")},
    )

    class Valves(BaseModel):
        """Settings, in the function's menu."""

        address: str = Field(default="http://127.0.0.1:8000", description="Where Pointsman listens, without /v1.")
        api_key: str = Field(default="", description="A key with the scope `feedback`, where Pointsman asks for one.")
        priority: int = Field(default=0, description="Order among buttons; lower ones come first.")
        timeout: float = Field(default=10.0, description="Seconds to wait for Pointsman.")

    def __init__(self) -> None:
        self.valves = self.Valves()

    async def action(
        self,
        body: dict[str, Any],
        __id__: str = "",
        __user__: dict[str, Any] | None = None,
        __event_emitter__: Callable[[dict[str, Any]], Awaitable[None]] | None = None,
    ) -> None:
        """Send the thumb, and say in a notification what came of it; the message stays as it is."""
        user = str((__user__ or {}).get("id") or "somebody")
        judged = {**_named(body), "thumb": "down" if __id__ == "down" else "up", "rater": f"open-webui:{user}"}
        kind, words = await self._send(judged)
        if __event_emitter__ is not None:
            await __event_emitter__({"type": "notification", "data": {"type": kind, "content": words}})

    async def _send(self, judged: Mapping[str, Any]) -> tuple[str, str]:
        """The kind of notification, and its words."""
        headers = {"authorization": f"Bearer {self.valves.api_key}"} if self.valves.api_key else {}
        url = f"{self.valves.address.rstrip('/')}/v1/feedback"
        try:
            async with httpx.AsyncClient(timeout=self.valves.timeout) as client:
                reply = await client.post(url, json=judged, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return "error", f"Pointsman cannot be reached: {type(error).__name__}"
        if reply.status_code == httpx.codes.NOT_FOUND:
            return "warning", "Pointsman knows nothing of this answer, so nothing was learned."
        if reply.is_error:
            return "error", f"Pointsman did not take it ({reply.status_code})."
        return "success", "Thank you. The next answers profit from it."


def _named(body: Mapping[str, Any]) -> dict[str, Any]:
    """How the answer is named: by its id if it lies with the message, else by the ids of chat and message."""
    message = body.get("id")
    for one in body.get("messages") or []:
        for place in (one, one.get("info") or {}):
            kept = (place.get("usage") or {}).get(KEPT) if one.get("id") == message else None
            if kept:
                return {"id": kept}
    return {"conversation": body.get("chat_id"), "message": message}
