"""A look inside a model that runs in this process: its logits and states, while its batch stands still."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar  # Any: what a look takes and gives is the strategy's business

import torch

from models.batching import Batcher
from models.errors import ModelUnavailable
from models.weights import Weights

T = TypeVar("T")


class InThread:
    """Runs looks one after another in a thread of the model's own; the batch pauses for each step and then goes on."""

    def __init__(self, weights: Weights, batcher: Batcher) -> None:
        self._weights = weights
        self._batcher = batcher
        self._worker = ThreadPoolExecutor(1, thread_name_prefix=f"internals of {batcher.name}")

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
        self._worker.shutdown(wait=True)

    async def _run(self, work: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._worker, self._paused, work, args)

    def _paused(self, work: Callable[..., T], args: tuple[Any, ...]) -> T:
        with self._pause(), torch.no_grad():
            return work(*args)

    @contextmanager
    def _pause(self) -> Generator[None, None, None]:
        if not self._batcher.manager.is_running():
            name = self._batcher.name
            raise ModelUnavailable(f"the worker of model {name!r} has stopped", model=name)
        with self._batcher.manager.pause():
            yield
