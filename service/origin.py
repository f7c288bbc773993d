"""Who asks, and in which conversation: the ids that chat apps put into headers and bodies, each under its own name.

Nothing here is believed: these are the client's own words, cut to a length, kept with the question, and what feedback
may name later. Cookies and credentials are never read.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any  # JSON
from urllib.parse import unquote

from service.side_requests import side_of
from service.wire import ChatBody
from strategies.core.query import Origin

LONGEST = 200
MOST_FACTS = 16
"""Entries of `metadata` that are kept, as many as OpenAI allows."""

CONVERSATION_HEADERS = (
    "x-openwebui-chat-id",
    "x-librechat-conversation-id",
    "x-librechat-thread-id",
    "x-conversation-id",
    "x-chat-id",
    "x-session-id",
)
MESSAGE_HEADERS = ("x-openwebui-message-id", "x-librechat-message-id", "x-message-id")
USER_HEADERS = ("x-openwebui-user-id", "x-librechat-user-id", "x-user-id")
FACT_HEADERS = {
    "email": ("x-openwebui-user-email", "x-librechat-user-email", "x-user-email"),
    "name": ("x-openwebui-user-name", "x-user-name"),
    "role": ("x-openwebui-user-role",),
    "asked_in": ("x-openwebui-user-message-id",),
}
CONVERSATION_FIELDS = ("chat_id", "conversation_id", "conversationId", "thread_id", "session_id")
MESSAGE_FIELDS = ("message_id", "messageId")
USER_FIELDS = ("user", "safety_identifier")
FACT_FIELDS = ("safety_identifier", "prompt_cache_key", "session_id")
UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\s]+")


def origin_of(
    body: ChatBody, headers: Mapping[str, str], request_id: str | None = None, key: str | None = None
) -> Origin:
    """Who asks; `headers` know their names in small letters, `key` is the id of the API key."""
    fields = _fields(body)
    metadata = _table(fields.get("metadata"))
    facts: dict[str, Any] = {name: found for name in FACT_FIELDS if (found := _clean(fields.get(name)))}
    for name, given in FACT_HEADERS.items():
        if found := _first(_unquoted(headers.get(header)) for header in given):
            facts[name] = found
    if kept := {k: v for name, value in metadata.items() if (k := _clean(name)) and (v := _scalar(value)) is not None}:
        facts["metadata"] = dict(list(kept.items())[:MOST_FACTS])
    user = _first(
        [
            *(_clean(fields.get(name)) for name in USER_FIELDS),
            *(_clean(headers.get(name)) for name in USER_HEADERS),
            _clean(metadata.get("user_id")),
            facts.get("email"),
        ]
    )
    message = _first(
        [
            *(_clean(headers.get(name)) for name in MESSAGE_HEADERS),
            *(_clean(fields.get(name)) for name in MESSAGE_FIELDS),
            *(_clean(metadata.get(name)) for name in MESSAGE_FIELDS),
            _clean(fields.get("id")),
        ]
    )
    return Origin(key, user, message, request_id, side_of(body, headers), facts)


def conversation_of(body: ChatBody, headers: Mapping[str, str]) -> str | None:
    """The conversation's id: what the `pointsman` object says, else the chat app's own."""
    fields = _fields(body)
    metadata = _table(fields.get("metadata"))
    return body.wish.conversation or _first(
        [
            *(_clean(headers.get(name)) for name in CONVERSATION_HEADERS),
            *(_clean(fields.get(name)) for name in CONVERSATION_FIELDS),
            *(_clean(metadata.get(name)) for name in CONVERSATION_FIELDS),
        ]
    )


def _fields(body: ChatBody) -> Mapping[str, Any]:
    return body.model_extra or {}


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _first(values: Iterator[str | None] | list[str | None]) -> str | None:
    return next((value for value in values if value), None)


def _scalar(value: object) -> str | int | float | bool | None:
    """A plain value of `metadata`; what is nested is no fact about who asks."""
    return value if isinstance(value, bool | int | float) else _clean(value)


def _clean(value: object) -> str | None:
    """Some words without control characters; None for what is none, or a placeholder that the app did not fill."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = UNSEEN.sub(" ", str(value)[: 4 * LONGEST]).strip()[:LONGEST]
    return None if not text or text.startswith("{{") else text


def _unquoted(value: str | None) -> str | None:
    """A header's words; names and addresses come percent-encoded."""
    return None if value is None else _clean(unquote(value))
