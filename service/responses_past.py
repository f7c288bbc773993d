"""What was said before a response that goes on from an earlier one: its question and its answer, out of the log."""

from collections.abc import Mapping
from typing import Any  # JSON

from models.errors import BadRequest
from service.wire import whole_calls
from store.log import Log
from store.redaction import is_redacted

ANSWERED = ("ok", "degraded")
INSTRUCTED = "instructed"
"""What is noted of a request that began with `instructions`: they hold for one response, not for the next."""


async def said_before(log: Log, response_id: str | None, key: str | None) -> list[dict[str, Any]]:
    """The messages up to the end of that answer; none without an id. `key` is who asks: only they may go on.

    Raises BadRequest where there is no such answer, or the log does not hold its words.
    """
    if response_id is None:
        return []
    row = await log.decision(response_id)
    if row is None or row["key"] != key or (row["outcome"] or {}).get("status") not in ANSWERED:
        raise BadRequest(
            f"no answered response has the id {response_id!r}",
            param="previous_response_id",
            code="previous_response_not_found",
        )
    if is_redacted(row["question"]):
        told = "the log of this service keeps no texts ([store] keep_texts): send the whole conversation"
        raise BadRequest(told, param="previous_response_id", code="previous_response_not_found")
    messages = [*row["query"]["messages"]]
    if (row["origin"] or {}).get(INSTRUCTED):
        messages = messages[1:]
    return [*messages, _answer(row)]


def _answer(row: Mapping[str, Any]) -> dict[str, Any]:
    """The assistant's message; the calls of functions stand with the call of the model that made them."""
    rests = [call["rest"] or {} for call in row["calls"]]
    calls: list[Any] = next((rest["tool_calls"] for rest in reversed(rests) if rest.get("tool_calls")), [])
    message: dict[str, Any] = {"role": "assistant", "content": row["answer"] or None}
    return message | ({"tool_calls": whole_calls(calls)} if calls else {})
