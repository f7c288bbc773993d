"""transformers' continuous batching with its worker thread, sized once at the start and heard in asyncio."""

import asyncio
import threading
import uuid
from collections.abc import Callable
from typing import Any  # transformers' manager and outputs are untyped

import psutil
import torch
from transformers import ContinuousBatchingConfig, GenerationConfig
from transformers.generation.continuous_batching.continuous_api import OutputRouter

from models.errors import ModelUnavailable
from models.sampling import Plan, Sampler
from models.weights import Weights

PAGE = 32
"""Tokens in a page of the key-value cache."""
LEAST_TOKENS = 4096
"""Tokens that the cache holds at least, whatever they take: one long conversation must always fit."""

CACHE_BYTES = {"cpu": 128 * 2**20, "cuda": 8 * 2**30}
"""The most that a model's key-value cache takes, unless the settings say otherwise; one full context always fits."""
STEP_TOKENS = {"cpu": 512, "cuda": 2048}
"""The most tokens in one step; longer prompts are read in several."""
SMALL = 50_000_000
"""Up to so many parameters, one thread of a CPU is faster than several."""


class Batcher:
    """One model, one thread, one batch that requests join and leave at any step."""

    def __init__(self, name: str, weights: Weights, concurrency: int, cache_bytes: int | None, threads: int | None):
        self.name = name
        self._router = _Router()
        self._sampler = Sampler()
        model = weights.model
        kind = "cuda" if model.device.type == "cuda" else "cpu"
        self._threads = threads or (1 if model.num_parameters() <= SMALL else psutil.cpu_count(logical=False) or 1)
        pages = _pages(weights, concurrency, cache_bytes or CACHE_BYTES[kind])
        self.capacity = pages * PAGE
        config = ContinuousBatchingConfig(
            page_size=PAGE,
            num_blocks=pages,
            max_batch_tokens=STEP_TOKENS[kind],
            max_requests_per_batch=max(1, concurrency),
            auto_switch_to_flash=False,  # it would fetch a kernel over the network
            use_cuda_graph=False,  # a replayed graph would leave out the sampling
            use_async_batching=False,
        )
        told: Any = GenerationConfig(eos_token_id=list(weights.ends) or -1, do_sample=False)  # type: ignore[no-untyped-call]  # untyped
        try:
            manager = model.init_continuous_batching(told, config)
            manager.logit_processor, manager.output_router = self._sampler, self._router
            manager.warmup()
        except (ValueError, RuntimeError, MemoryError, AttributeError, KeyError) as failure:
            raise ModelUnavailable(f"model {name!r} cannot be batched: {failure}", model=name) from failure
        self.manager: Any = manager
        self._ends = list(weights.ends) or [-1]
        self._start()
        self.submit(Plan(), [0], 2, None)  # the first step of all is slow; nobody waits for this one

    def submit(self, plan: Plan, tokens: list[int], most: int, hear: Callable[[Any], None] | None) -> str:
        """Let a request join; `hear` is called in the running loop with the output after each token. Returns its id.

        Raises ModelUnavailable if the worker has stopped.
        """
        request_id = uuid.uuid4().hex
        if hear is not None:
            self._sampler.plans[request_id] = plan
            self._router.hear(request_id, hear)
        joined = self.manager.add_request(
            tokens, request_id=request_id, max_new_tokens=most, streaming=hear is not None, eos_token_id=self._ends
        )
        if joined is None:
            self.forget(request_id)
            reason = self.manager.background_thread_status.fatal_error or "it was closed"
            raise ModelUnavailable(f"the worker of model {self.name!r} has stopped: {reason}", model=self.name)
        return request_id

    def cancel(self, request_id: str) -> None:
        """Let a request leave at the next step; its place and its pages are free again."""
        self.manager.cancel_request(request_id)
        self.forget(request_id)

    def forget(self, request_id: str) -> None:
        """Drop what is kept about a request that has ended."""
        self._router.forget(request_id)
        self._sampler.plans.pop(request_id, None)

    def close(self) -> None:
        """Stop the thread and free the cache; requests under way fail. Blocks until the current step is done."""
        if self.manager.is_running():
            self.manager.stop(block=True, timeout=30, hard_stop=True)

    def _start(self) -> None:
        """As the manager's own start, but in a thread that has a name, its share of cores and ends with the program."""
        self.manager.background_thread_status.clear()
        self.manager._generation_thread = threading.Thread(target=self._run, name=f"model {self.name}", daemon=True)
        self.manager._generation_thread.start()

    def _run(self) -> None:
        torch.set_num_threads(self._threads)  # holds for this thread alone
        self.manager._run_generation_loop()


class _Router(OutputRouter):
    """Hands each output to the loop that waits for it; what nobody waits for any more is dropped."""

    def __init__(self) -> None:
        super().__init__()
        self._heard: dict[str, tuple[asyncio.AbstractEventLoop, Callable[[Any], None]]] = {}

    def hear(self, request_id: str, callback: Callable[[Any], None]) -> None:
        self._heard[request_id] = (asyncio.get_running_loop(), callback)

    def forget(self, request_id: str) -> None:
        self._heard.pop(request_id, None)

    def deliver(self, output: Any) -> None:
        loop, callback = self._heard.get(output.request_id, (None, None))
        if loop is not None and callback is not None and not loop.is_closed():
            loop.call_soon_threadsafe(callback, output)

    def deliver_batch(self, outputs: list[Any]) -> None:
        for output in outputs:
            self.deliver(output)


def _pages(weights: Weights, concurrency: int, most_bytes: int) -> int:
    """As many pages as all requests at full length need, within the bytes allowed; at least one context of 4,096."""
    config = weights.model.config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    page_bytes = PAGE * 2 * config.num_hidden_layers * heads * size * weights.model.dtype.itemsize
    context = -(-weights.context // PAGE) + 1
    affordable = most_bytes // page_bytes
    return int(max(min(context, LEAST_TOKENS // PAGE), min(context * concurrency, affordable)))
