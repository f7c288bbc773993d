"""transformers' continuous batching with its worker thread, sized once at the start and heard in asyncio."""

import itertools
import threading
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import Any  # transformers' manager and outputs are untyped

import psutil
import torch
from transformers import ContinuousBatchingConfig, GenerationConfig

from models.adapters import Adapter, Mix
from models.errors import ModelUnavailable
from models.footprint import CACHE_BYTES, PAGE, page_bytes, pages_within
from models.paging import copies, read_by_pages
from models.prefixes import NAME as PREFIXES
from models.reporting import Reports
from models.sampling import Plan, Sampler
from models.weights import Weights

STEP_TOKENS = {"cpu": 512, "cuda": 2048}
"""The most tokens in one step; longer prompts are read in several."""
STEP_REQUESTS = 128
"""The most requests in one step; those of all models over the same weights count."""
SMALL = 50_000_000
"""Up to so many parameters, one thread of a CPU is faster than several."""


class Batcher:
    """One set of weights, one thread, one batch that requests join and leave at any step; adapters come and go too."""

    def __init__(self, name: str, weights: Weights, concurrency: int, cache_bytes: int | None, threads: int | None):
        self.name = name
        model = weights.model
        kind = "cuda" if model.device.type == "cuda" else "cpu"
        self._threads = threads or (1 if model.num_parameters() <= SMALL else psutil.cpu_count(logical=False) or 1)
        self._still = threading.Lock()
        self._numbers = itertools.count()
        self._reservation = weights.reservation
        self._mix = Mix(model)
        pages = _pages(weights, concurrency, cache_bytes)
        self.capacity = pages * PAGE
        config = ContinuousBatchingConfig(
            page_size=PAGE,
            num_blocks=pages,
            max_batch_tokens=STEP_TOKENS[kind],
            max_requests_per_batch=max(STEP_REQUESTS, concurrency),
            scheduler_type=PREFIXES,
            allow_block_sharing=True,
            auto_switch_to_flash=False,  # it would fetch a kernel over the network
            use_cuda_graph=False,  # a replayed graph would leave out the sampling
            use_async_batching=False,
        )
        told: Any = GenerationConfig(eos_token_id=-1, do_sample=False)  # type: ignore[no-untyped-call]  # untyped
        try:
            manager = model.init_continuous_batching(told, config)
            manager.logit_processor, manager.output_router = Sampler(self._mix.arrange), Reports()
            self.slots = read_by_pages(manager, slots_bytes(weights, pages))
        except (ValueError, RuntimeError, MemoryError, AttributeError, KeyError) as failure:
            raise ModelUnavailable(f"model {name!r} cannot be batched: {failure}", model=name) from failure
        self.manager: Any = manager
        self._departed: set[int] = manager.batch_processor.scheduler.departed
        self.sampler: Sampler = manager.logit_processor
        self.reports: Reports = manager.output_router
        self._start()
        self.submit(Plan(), [0], 2, ())  # the first step of all is slow; nobody waits for this one

    def submit(self, plan: Plan, tokens: list[int], most: int, ends: tuple[int, ...]) -> str:
        """Let a request join; `plan.hear` is called in the running loop with what it has said. Returns its id.

        Raises ModelUnavailable if the worker has stopped.
        """
        request_id = str(next(self._numbers))
        if plan.hear is not None:
            self.reports.expect(request_id, plan)
        if plan.place in self._departed:  # asked after it was expected: `leave` marks first and fails them last
            self.forget(request_id)
            raise ModelUnavailable(f"the worker of model {self.name!r} has stopped: it was closed", model=self.name)
        joined = self.manager.add_request(
            tokens, request_id=request_id, max_new_tokens=most, eos_token_id=list(ends) or -1, plan=plan
        )
        if joined is None:
            self.forget(request_id)
            reason = self.manager.background_thread_status.fatal_error or "it was closed"
            raise ModelUnavailable(f"the worker of model {self.name!r} has stopped: {reason}", model=self.name)
        return request_id

    def cancel(self, request_id: str, plan: Plan) -> None:
        """Let a request leave at the next step; its place and its pages are free again."""
        plan.left = True
        self.manager.cancel_request(request_id)
        self.forget(request_id)

    def forget(self, request_id: str) -> None:
        """Drop what is kept about a request that has ended."""
        self.reports.forget(request_id)

    @property
    def load(self) -> int:
        """How many requests are in the batch or wait for it, or are still waited for."""
        scheduler = self.manager.batch_processor.scheduler
        inside: int = (
            len(scheduler.active_requests) + len(scheduler.waiting_requests) + self.manager.input_queue.qsize()
        )
        return max(inside, len(self.reports))

    @property
    def free_pages(self) -> int:
        """Pages that the next request can have, those with content that might be asked for again included."""
        cache = self.manager.batch_processor.cache
        pages = 0
        for allocator in cache.cache_allocators.values():
            idle = cache.pool.count_free_blocks(allocator.index) + len(allocator.ledger.cached_blocks)
            pages += idle + cache.pool.num_free_sectors * allocator.blocks_per_sector
        return pages

    @contextmanager
    def pause(self, place: int = 0) -> Generator[None, None, None]:
        """The batch stands still and the model, with the adapter of this place, is the caller's alone."""
        with self._still, ExitStack() as stack:
            try:
                stack.enter_context(self.manager.pause())
            except RuntimeError as ended:  # the thread ended meanwhile
                raise ModelUnavailable(f"the worker of model {self.name!r} has stopped: {ended}") from ended
            self._mix.hold(place)
            try:
                yield
            finally:
                self._mix.hold(0)

    def join(self, adapter: Adapter) -> int:
        """Take up an adapter while the batch goes on; returns its place."""
        with self.pause():
            return self._mix.join(adapter)

    def leave(self, place: int, adapter: Adapter | None) -> None:
        """Give up an adapter (place 0: the base alone): its requests end with an error, its pages are forgotten."""
        self._departed.add(place)
        try:
            with self.pause():
                self.manager.batch_processor.scheduler.drop(place)
                if adapter is not None:
                    self._mix.leave(adapter)
        finally:
            self.reports.fail(place, "it was closed")

    def close(self) -> None:
        """Stop the thread and free the cache; requests under way fail. Blocks until the current step is done."""
        if self.manager.is_running():
            self.manager.stop(block=True, timeout=30, hard_stop=True)
        self.reports.fail(None, "it was closed")  # those too that the thread had not taken up yet
        if self._reservation is not None:
            self._reservation.close()

    def _start(self) -> None:
        """As the manager's own start, but in a thread that has a name, its share of cores and ends with the program."""
        self.manager.background_thread_status.clear()
        self.manager._generation_thread = threading.Thread(target=self._run, name=f"model {self.name}", daemon=True)
        self.manager._generation_thread.start()

    def _run(self) -> None:
        torch.set_num_threads(self._threads)  # holds for this thread alone
        with torch.inference_mode():
            self.manager._run_generation_loop()


def _pages(weights: Weights, concurrency: int, most_bytes: int | None) -> int:
    """As many pages as all requests at full length need, within the bytes that were reserved or are allowed."""
    config, itemsize = weights.model.config, weights.model.dtype.itemsize
    most = most_bytes or CACHE_BYTES.get(weights.model.device.type, CACHE_BYTES["cpu"])
    granted = most if weights.reservation is None else weights.reservation.cache // copies(config)
    return pages_within(config, itemsize, weights.context, concurrency, granted)


def slots_bytes(weights: Weights, pages: int) -> int:
    """What the slots (models/slots.py) may take: as much as the pages, or what these leave of the reservation."""
    taken = pages * page_bytes(weights.model.config, weights.model.dtype.itemsize)
    return taken if weights.reservation is None else min(taken, max(0, weights.reservation.cache - taken))
