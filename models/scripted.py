"""A model that answers from a function or from rules: for tests, examples and trying out a configuration.

Settings: `extra = {"reply": "text"}`, `extra = {"replies": {"regular expression": "text"}}`, or both: the first
expression that is found in the last message wins, `reply` answers the rest. `{"delay": s, "pace": s}` slow it down.
"""

import asyncio
import inspect
import re
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence

from models.backend import Internals, ModelSpec
from models.errors import BadSettings, ModelRefused
from models.types import Chunk, Request, Usage

Answer = Callable[[Request], str | Awaitable[str]]
PIECE = re.compile(r"\s*\S+|\s+$")


class Scripted:
    """A back-end that says what it is told, word by word, and keeps the requests it got in `requests`.

    `reply` is a text, a sequence of texts (one per call; the last one stays), rules (regular expression to text, tried
    on the last message) or a function of the request. `delay` seconds pass before the first word, `pace` between words.
    `running` is the number of open calls, `closed_early` counts those that were given up before their end.
    """

    internals: Internals | None = None

    def __init__(
        self,
        name: str,
        reply: str | Sequence[str] | Mapping[str, str] | Answer = "",
        *,
        delay: float = 0.0,
        pace: float = 0.0,
        offers: frozenset[str] = frozenset(),
    ) -> None:
        self.name = name
        self.offers = offers
        self.requests: list[Request] = []
        self.running = 0
        self.closed_early = 0
        self._answer = _as_function(name, reply)
        self._delay = delay
        self._pace = pace

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """The scripted answer, cut at the request's stops and `max_tokens` (words). Raises what the function raises."""
        self.requests.append(request)
        self.running += 1
        started, finished = time.perf_counter(), False
        try:
            if self._delay:
                await asyncio.sleep(self._delay)
            said = self._answer(request)
            text = _until_stop(await said if inspect.isawaitable(said) else said, request.stop)
            pieces = PIECE.findall(text)
            kept = pieces if request.max_tokens is None else pieces[: request.max_tokens]
            for i, piece in enumerate(kept):
                if i:
                    await asyncio.sleep(self._pace)
                yield Chunk(text=piece)
            prompt_tokens = sum(len(message.text.split()) for message in request.messages)
            usage = Usage(prompt_tokens, len(kept), time.perf_counter() - started)
            finished = True
            yield Chunk(finish_reason="stop" if len(kept) == len(pieces) else "length", usage=usage)
        finally:
            self.running -= 1
            self.closed_early += not finished

    async def close(self) -> None:
        """Nothing to give back."""


def open_backend(name: str, spec: ModelSpec) -> Scripted:
    """A scripted model from its settings. Raises BadSettings."""
    rules, rest = spec.extra.get("replies", {}), spec.extra.get("reply")
    if not isinstance(rules, Mapping) or (rest is not None and not isinstance(rest, str)):
        raise BadSettings(f"models.{name}: replies is a table of texts and reply is a text")
    if not rules and rest is None:
        raise BadSettings(f"models.{name} is scripted and says nothing: set reply or replies under it")
    answers = {**rules, **({} if rest is None else {"": rest})}
    delay, pace = (float(spec.extra.get(key, 0.0)) for key in ("delay", "pace"))
    return Scripted(name, answers, delay=delay, pace=pace, offers=spec.offers)


def _as_function(name: str, reply: str | Sequence[str] | Mapping[str, str] | Answer) -> Answer:
    if isinstance(reply, str):
        return lambda _: reply
    if isinstance(reply, Mapping):
        return _by_rules(name, reply)
    if callable(reply):
        return reply
    left = list(reply)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


def _by_rules(name: str, rules: Mapping[str, str]) -> Answer:
    try:
        compiled = [(re.compile(rule, re.IGNORECASE | re.DOTALL), text) for rule, text in rules.items()]
    except re.error as wrong:
        raise BadSettings(f"models.{name}: {wrong.pattern!r} is no regular expression: {wrong}") from wrong

    def answer(request: Request) -> str:
        asked = request.messages[-1].text if request.messages else ""
        for rule, text in compiled:
            if rule.search(asked):
                return text
        raise ModelRefused(f"model {name!r} is scripted and has no reply to {asked[:80]!r}", model=name)

    return answer


def _until_stop(text: str, stops: Sequence[str]) -> str:
    ends = [text.find(stop) for stop in stops if stop and stop in text]
    return text[: min(ends)] if ends else text
