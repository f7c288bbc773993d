"""A look inside a model that runs in this process: its logits and states, while its batch stands still.

While a look runs, the model's attention is the plain one again, so that `model(ids, output_hidden_states=True)` and
`model(ids, output_attentions=True)` give what the same model gives outside a batch. `hidden_states` and `attentions`
are two such looks: `await internals.probe(hidden_states, "some text")`.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar  # Any: what a look takes and gives is the strategy's business

import torch
from transformers import PreTrainedModel

from models.engines import Seat
from models.errors import ModelUnavailable
from models.weights import Weights

T = TypeVar("T")


class InThread:
    """Runs looks one after another in a thread of the model's own; the batch pauses for each step and then goes on.

    A look sees the model as its own requests do: with its adapter, where it has one, and with no other.
    """

    def __init__(self, weights: Weights, seat: Seat) -> None:
        self._weights = weights
        self._seat = seat
        self._worker = ThreadPoolExecutor(1, thread_name_prefix=f"internals of {seat.name}")
        self._closed = False

    async def decode(self, loop: Callable[..., Any], *args: Any) -> AsyncGenerator[str, None]:
        """Run the generator `loop(model, tokenizer, *args)`; yields its pieces of text as they come."""
        pieces = iter(loop(self._weights.model, self._weights.tokenizer, *args))
        try:
            while (piece := await self._run(next, pieces, None)) is not None:
                yield piece
        finally:
            close = getattr(pieces, "close", None)
            if close is not None:
                await asyncio.shield(self._run(close))

    async def probe(self, look: Callable[..., T], *args: Any) -> T:
        """Run `look(model, tokenizer, *args)` once and return what it returns."""
        return await self._run(look, self._weights.model, self._weights.tokenizer, *args)

    def close(self) -> None:
        """Let the thread end."""
        self._closed = True
        self._worker.shutdown(wait=True)

    async def _run(self, work: Callable[..., T], *args: Any) -> T:
        if self._closed:
            raise self._stopped()
        return await asyncio.get_running_loop().run_in_executor(self._worker, self._paused, work, args)

    def _paused(self, work: Callable[..., T], args: tuple[Any, ...]) -> T:
        with self._pause(), plain_attention(self._weights.model), torch.no_grad():
            return work(*args)

    @contextmanager
    def _pause(self) -> Generator[None, None, None]:
        if not self._seat.is_running():
            raise self._stopped()
        with self._seat.pause():
            yield

    def _stopped(self) -> ModelUnavailable:
        return ModelUnavailable(f"the worker of model {self._seat.name!r} has stopped", model=self._seat.name)


def hidden_states(model: Any, tokenizer: Any, text: str | Sequence[int]) -> torch.Tensor:
    """A look: the states of a text or of tokens, before the first layer and after each: [layers + 1, tokens, width]."""
    states = model(_row(model, tokenizer, text), output_hidden_states=True, use_cache=False).hidden_states
    return torch.stack([layer[0] for layer in states]).float().cpu()


def attentions(model: Any, tokenizer: Any, text: str | Sequence[int]) -> torch.Tensor:
    """A look: how much each token of a text, or of tokens, attends to which: [layers, heads, tokens, tokens].

    Rows add up to 1. The model computes them with its own plain attention, which takes memory for all of them at once.
    """
    weights = model(_row(model, tokenizer, text), output_attentions=True, use_cache=False).attentions
    return torch.stack([layer[0] for layer in weights]).float().cpu()


@contextmanager
def plain_attention(model: Any) -> Generator[None, None, None]:
    """The model's attention as outside a batch; a pass that asks for attentions gets the kind that can give them."""
    kept = model.config._attn_implementation
    hooks = [
        part.register_forward_pre_hook(_as_asked, with_kwargs=True)
        for part in model.modules()
        if isinstance(part, PreTrainedModel)
    ]
    try:
        model.set_attn_implementation("sdpa" if model._supports_sdpa else "eager")
        yield
    finally:
        for hook in hooks:
            hook.remove()
        model.set_attn_implementation(kept)


def _as_asked(part: Any, args: Any, kwargs: dict[str, Any]) -> None:
    if kwargs.get("output_attentions") and part.config._attn_implementation != "eager":
        part.set_attn_implementation("eager")


def _row(model: Any, tokenizer: Any, text: str | Sequence[int]) -> torch.Tensor:
    tokens = tokenizer(text).input_ids if isinstance(text, str) else list(text)
    return torch.tensor([tokens], device=model.device)
