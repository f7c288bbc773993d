"""A transformers model on this machine's GPU or CPU: continuous batching in one thread for each set of weights.

Settings: `path` is a directory or a model's id. `extra` may hold `cache_mb` (the most that the key-value cache takes),
`threads` (of the CPU) and, of a LoRA adapter, `base`; an adapter shares its base's thread (models/engines.py).
Temperature 0 or none is greedy; the same seed gives the same text, whatever else runs.
`gpu_seconds` is measured (see models/sampling.py); on a machine without a GPU it is the CPU's time.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import TYPE_CHECKING, Any  # Any: transformers' outputs and tokenizers are untyped

from models.backend import Internals, ModelSpec
from models.chat import prompt_of
from models.errors import ContextTooLong, ModelUnavailable
from models.growing import GrowingText
from models.types import Chunk, Request, TokenLogprob, Usage

if TYPE_CHECKING:  # these import torch, which takes seconds: only a program that opens such a model shall wait for it
    from models.engines import Seat
    from models.internals import InThread
    from models.reporting import Report
    from models.sampling import Plan

MOST_TOKENS = 512
"""Tokens of an answer if the request does not say, as far as the context has room."""


class InProcess:
    """A back-end whose model lives in this process."""

    def __init__(self, name: str, offers: frozenset[str], seat: "Seat", internals: "InThread"):
        self.name = name
        self.revision = seat.weights.revision
        self.offers = offers
        self.internals: Internals | None = internals
        self._inside, self._seat = internals, seat
        self._tokenizer: Any = seat.weights.tokenizer
        self._ends = frozenset(seat.weights.ends)
        self._context = min(seat.weights.context, seat.capacity)
        self._words: dict[int, str] = {}

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """Answer as the tokens come. Raises ContextTooLong, ModelRefused, ModelUnavailable; closing frees the place."""
        started = time.perf_counter()
        prompt = prompt_of(request, self._tokenizer, self.name)
        most = self._room(request, len(prompt.tokens))
        stops = (*request.stop, *prompt.stops)
        text = GrowingText(self._decode, stops)
        ahead = GrowingText(self._decode, stops)  # the model's thread looks for itself
        heard: asyncio.Queue[Report] = asyncio.Queue()
        plan = _plan(request, ahead.stops if stops else None, heard.put_nowait)
        call = self._seat.submit(plan, list(prompt.tokens), most)
        count, done = 0, False
        try:
            while not done:
                report = await heard.get()
                while not heard.empty():  # each report holds all tokens so far
                    report = heard.get_nowait()
                if report.error is not None:
                    raise ModelUnavailable(f"model {self.name!r} failed: {report.error}", model=self.name)
                tokens, before, done = report.tokens, count, report.done
                count = len(tokens)
                ended = count > 0 and tokens[-1] in self._ends
                piece = text.grow(tokens[:-1] if ended else tokens, last=done)
                entries = self._logprobs(plan, before, count - ended)
                done = done or text.stopped
                if piece or entries:
                    yield Chunk(text=piece, logprobs=entries)
        finally:
            if done and not text.stopped:
                self._seat.batcher.forget(call)
            else:
                self._seat.batcher.cancel(call, plan)
        usage = Usage(len(prompt.tokens), count, time.perf_counter() - started, plan.gpu_seconds)
        yield Chunk(finish_reason="stop" if ended or text.stopped else "length", usage=usage)

    async def close(self) -> None:
        """Stop the model's threads and free its memory; calls under way fail with ModelUnavailable."""
        await asyncio.to_thread(self._seat.close)
        await asyncio.to_thread(self._inside.close)

    def _room(self, request: Request, used: int) -> int:
        left = self._context - used
        if left < 1:
            raise ContextTooLong(
                f"the prompt has {used} tokens; model {self.name!r} takes {self._context} together with its answer",
                model=self.name,
            )
        return max(1, min(left, MOST_TOKENS if request.max_tokens is None else request.max_tokens))

    def _decode(self, tokens: Any) -> str:
        return str(self._tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False))

    def _logprobs(self, plan: "Plan", start: int, end: int) -> tuple[TokenLogprob, ...]:
        def word(token: int) -> str:
            if token not in self._words:
                self._words[token] = str(self._tokenizer.decode([token]))
            return self._words[token]

        found = plan.logprobs[start:end]
        return tuple(TokenLogprob(word(t), p, tuple((word(o), q) for o, q in top)) for t, p, top in found)


def open_backend(name: str, spec: ModelSpec) -> InProcess:
    """Load the model and start its worker; blocks while it loads. Raises BadSettings and ModelUnavailable."""
    from models.engines import take_seat
    from models.internals import InThread

    seat = take_seat(name, spec)
    offers = frozenset({"logprobs", "internals"}) | spec.offers
    return InProcess(name, offers, seat, InThread(seat.weights, seat))


def _plan(request: Request, stops: Callable[[Sequence[int]], bool] | None, hear: "Callable[[Report], None]") -> "Plan":
    """A stop string ends the answer at the very step that completes it: `stops` says of the tokens if one did."""
    from models.sampling import EVERY, Plan

    every = None if request.whole else EVERY
    return Plan(
        temperature=request.temperature or 0.0,
        top_p=1.0 if request.top_p is None else request.top_p,
        seed=request.seed,
        wants_logprobs=request.logprobs,
        top=request.top_logprobs or 0,
        every=every if stops is None else 0.0,
        hear=hear,
        calls=stops if request.whole else None,
    )
