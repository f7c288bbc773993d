"""An answer as items of the Responses API: each as it opens, grows and ends, and all of them once they are whole."""

import json
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Any  # JSON

from models.types import Part, Reply
from service.wire import logprobs_json
from strategies.core import Token

Json = dict[str, Any]


@dataclass(slots=True)
class Output:
    """Turns what a run says into output items; every change of an item is an event without its number.

    `items` are the items so far, in their order; ids begin with the response's.
    """

    response_id: str
    items: list[Json] = field(default_factory=list)
    _open: list[int] = field(default_factory=list)
    _calls: dict[int, int] = field(default_factory=dict)

    def take(self, token: Token) -> Iterator[Json]:
        """What a piece of the answer changes."""
        if token.reasoning:
            yield from self._grow_reasoning(token.reasoning)
        if token.text or token.logprobs:
            yield from self._grow_message(token)
        for piece in token.tool_calls:
            yield from self._grow_call(piece)

    def take_whole(self, reply: Reply) -> None:
        """The whole answer at once."""
        for _ in self.take(Token(reply.text, reply.reasoning, reply.tool_calls, reply.logprobs)):
            pass
        for _ in self.close():
            pass

    def close(self) -> Iterator[Json]:
        """The end of every item that is open; an answer without any has an empty message."""
        if not self.items:
            yield from self._grow_message(Token(""))
        for place in self._open:
            yield from self._close(place)
        self._open.clear()

    def _grow_message(self, token: Token) -> Iterator[Json]:
        place = self._last("message")
        if place is None:
            yield from self._close_all()
            item = {"type": "message", "role": "assistant", "status": "in_progress", "content": []}
            place = yield from self._added("msg", item)
            part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
            yield self._event("content_part.added", place, content_index=0, part=dict(part))
            self.items[place]["content"].append(part)
        part = self.items[place]["content"][0]
        logprobs = (logprobs_json(token.logprobs) or {"content": []})["content"]
        part["text"] += token.text
        part["logprobs"] = [*part["logprobs"], *logprobs]
        if token.text:
            yield self._event("output_text.delta", place, content_index=0, delta=token.text, logprobs=logprobs)

    def _grow_reasoning(self, text: str) -> Iterator[Json]:
        place = self._last("reasoning")
        if place is None:
            yield from self._close_all()
            place = yield from self._added("rs", {"type": "reasoning", "summary": []})
            part = {"type": "summary_text", "text": ""}
            yield self._event("reasoning_summary_part.added", place, summary_index=0, part=dict(part))
            self.items[place]["summary"].append(part)
        self.items[place]["summary"][0]["text"] += text
        yield self._event("reasoning_summary_text.delta", place, summary_index=0, delta=text)

    def _grow_call(self, piece: Part) -> Iterator[Json]:
        """A piece says by `index` which call it belongs to; without one it is a call of its own."""
        index = int(piece.get("index", -1 - len(self.items)))
        function: Part = piece.get("function") or {}
        place = self._calls.get(index)
        if place is None:
            yield from self._close_all(but="function_call")
            call_id = piece.get("id") or f"call_{self.response_id}_{len(self.items)}"
            item = {"type": "function_call", "call_id": call_id, "name": function.get("name") or "", "arguments": ""}
            place = self._calls[index] = yield from self._added("fc", {**item, "status": "in_progress"})
        arguments = function.get("arguments") or ""
        self.items[place]["arguments"] += arguments
        if arguments:
            yield self._event("function_call_arguments.delta", place, delta=arguments)

    def _added(self, kind: str, item: Json) -> Generator[Json, None, int]:
        place = len(self.items)
        self.items.append({"id": f"{kind}_{self.response_id.rpartition('-')[2]}_{place}", **item})
        self._open.append(place)
        shown = json.loads(json.dumps(self.items[place]))  # as it is now
        yield {"type": "response.output_item.added", "output_index": place, "item": shown}
        return place

    def _close_all(self, but: str = "") -> Iterator[Json]:
        for place in [one for one in self._open if self.items[one]["type"] != but]:
            self._open.remove(place)
            yield from self._close(place)

    def _close(self, place: int) -> Iterator[Json]:
        item = self.items[place]
        if item["type"] == "message":
            part = item["content"][0]
            told = {"text": part["text"], "logprobs": part["logprobs"]}
            yield self._event("output_text.done", place, content_index=0, **told)
            yield self._event("content_part.done", place, content_index=0, part=part)
        elif item["type"] == "reasoning":
            part = item["summary"][0]
            yield self._event("reasoning_summary_text.done", place, summary_index=0, text=part["text"])
            yield self._event("reasoning_summary_part.done", place, summary_index=0, part=part)
        else:
            told = {"name": item["name"], "arguments": item["arguments"]}
            yield self._event("function_call_arguments.done", place, **told)
        if "status" in item:
            item["status"] = "completed"
        yield {"type": "response.output_item.done", "output_index": place, "item": item}

    def _last(self, kind: str) -> int | None:
        """The open item of this kind, if it is the one that the answer goes on in."""
        return next((place for place in reversed(self._open) if self.items[place]["type"] == kind), None)

    def _event(self, kind: str, place: int, **told: Any) -> Json:
        return {"type": f"response.{kind}", "item_id": self.items[place]["id"], "output_index": place, **told}
