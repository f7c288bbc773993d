"""
title: Pointsman: whose answer this is
author: pointsman
version: 1.0
required_open_webui_version: 0.5.17
description: Tells Pointsman the chat and the message, and keeps the answer's id with the message, where thumbs find it.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any  # JSON, as Open WebUI hands it over

from pydantic import BaseModel, Field

OWNER = "pointsman"
"""What Pointsman's list of models says in `owned_by`; Open WebUI keeps the line under `openai`."""
KEPT = "pointsman_id"
"""Where the answer's id lies in the `usage` that Open WebUI stores with the message."""


class Filter:
    """Runs on every chat; does nothing to models of other servers, so that it may be switched on for all."""

    class Valves(BaseModel):
        """Settings, in the function's menu."""

        priority: int = Field(default=0, description="Order among filters; lower ones run first.")
        show_arm: bool = Field(default=False, description="Show which model and strategy answered, above the answer.")

    def __init__(self) -> None:
        self.valves = self.Valves()

    async def inlet(
        self,
        body: dict[str, Any],
        __metadata__: dict[str, Any] | None = None,
        __model__: dict[str, Any] | None = None,
        __request__: Any = None,  # a FastAPI request of Open WebUI's
    ) -> dict[str, Any]:
        """The request with the ids of chat, message and user; Pointsman takes them out before the model sees them."""
        ids, asked = __metadata__ or {}, body.get("metadata") or {}
        if _is_ours(__model__ or {}, __request__):
            for name in ("chat_id", "message_id"):
                if value := ids.get(name) or asked.get(name):
                    body[name] = value
            if user := ids.get("user_id") or asked.get("user_id"):
                body.setdefault("user", user)
        return body

    async def stream(
        self,
        event: dict[str, Any],
        __event_emitter__: Callable[[dict[str, Any]], Awaitable[None]] | None = None,
    ) -> dict[str, Any]:
        """The chunk, its usage with the answer's id. Only Pointsman's last chunks change: they tell what was done."""
        told = event.get("pointsman")
        if not isinstance(told, dict):
            return event
        if isinstance(event.get("usage"), dict) and isinstance(event.get("id"), str):
            event["usage"][KEPT] = event["id"]
        if self.valves.show_arm and __event_emitter__ is not None:
            status = {"description": str(told.get("arm", "")), "done": True}
            await __event_emitter__({"type": "status", "data": status})
        return event


def _is_ours(model: Mapping[str, Any], request: Any) -> bool:
    """Whether Pointsman answers for this model, or for the one that a workspace's model is made of."""
    base = (model.get("info") or {}).get("base_model_id")
    listed = getattr(getattr(getattr(request, "app", None), "state", None), "MODELS", None)
    under = (listed.get(base) if base and listed is not None else None) or {}
    return any((one.get("openai") or {}).get("owned_by") == OWNER for one in (model, under))
