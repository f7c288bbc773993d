"""A transformers model on this machine's GPU or CPU: one worker thread, all requests in one continuous batch.

Scheduling, paging and shared prefixes are transformers' own continuous batching: one batch for greedy requests, and
one, started when first needed, for sampled ones. What it cannot do, a seed of one request's own, models/seeded.py does.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar  # Any: transformers' models, tokenizers and outputs have no useful types

from models.backend import Internals, ModelSpec
from models.errors import ContextTooLong, ModelRefused, ModelUnavailable
from models.seeded import sample, twin
from models.stopping import Cutter
from models.types import Chunk, Message, Request, TokenLogprob, Usage

T = TypeVar("T")
LONGEST = 512  # generated tokens where the request names no limit
PAGE = 32  # tokens in a page of the cache
CACHED = 32_768  # tokens that one batch's cache holds, over all its requests
AT_ONCE = 64  # requests in one batch
STEP = 2048  # tokens in one step of the batch, prompts included
PATIENCE = 10.0  # seconds to wait for a worker thread to end
NEARLY_ONE = 0.999999  # one would mean to transformers that no request may set it


def open_backend(name: str, spec: ModelSpec) -> "InProcess":
    """Load the model that `spec.path` (a directory or a hub id) names. Raises ModelUnavailable."""
    source = spec.path or spec.model
    if not source:
        raise ModelUnavailable(f"models.{name}.path is missing: a directory or a hub id", model=name)
    folder = Path(source).expanduser()
    if not folder.is_dir() and (folder.is_absolute() or source.startswith(".") or source.count("/") != 1):
        raise ModelUnavailable(f"models.{name}.path: there is no directory {source!r}", model=name)
    return InProcess(name, *_load(name, str(folder) if folder.is_dir() else source, spec))


class Batch:
    """One running continuous batch, and its clock: each step's seconds divided by the requests that shared it."""

    def __init__(self, model: Any, *, sampled: bool) -> None:
        from transformers import ContinuousBatchingConfig, GenerationConfig

        given: dict[str, Any] = {"do_sample": False}
        if sampled:
            given = {"do_sample": True, "temperature": NEARLY_ONE, "top_p": NEARLY_ONE}
        room = CACHED if model.device.type == "cpu" else None
        config = ContinuousBatchingConfig(
            page_size=PAGE if room else 256,
            num_blocks=room // PAGE if room else None,
            max_batch_tokens=STEP if room else None,
            max_requests_per_batch=AT_ONCE if room else None,
            return_logprobs=True,
            per_request_processors=sampled,
            use_async_batching=False,
        )
        ends = model.generation_config.eos_token_id
        padding = model.generation_config.pad_token_id
        generation = GenerationConfig(eos_token_id=ends, pad_token_id=padding, **given)  # type: ignore[no-untyped-call]  # no types
        self.manager = model.init_continuous_batching(generation, continuous_batching_config=config)
        self.clock = 0.0
        self._step, self._count = self.manager._generation_step, 0
        self.manager._generation_step = self._timed
        self.manager.start()

    def _timed(self) -> None:
        begun = time.perf_counter()
        self._step()
        sharing = len(self.manager.batch_processor.inputs_and_outputs.requests_in_batch)
        self.clock += (time.perf_counter() - begun) / max(1, sharing)

    async def generate(self, ids: list[int], limit: int, **options: float) -> AsyncGenerator[Any, None]:
        """The batch's outputs for one request, each with all of its tokens so far; closing it frees the place."""
        self._count += 1
        name = f"request-{self._count}"
        arrived: asyncio.Queue[Any] = asyncio.Queue()
        self.manager.register_result_handler(name, arrived.put_nowait)
        self.manager.add_request(ids, request_id=name, max_new_tokens=limit, streaming=True, **options)
        finished = False
        try:
            while not finished:
                out = await arrived.get()
                finished = out.is_finished()
                yield out
        finally:
            if not finished:
                self.manager.cancel_request(name)
                with self.manager.output_router._lock:
                    self.manager.output_router.result_handlers.pop(name, None)

    def close(self) -> None:
        """Stop the worker thread and give the cache back."""
        self.manager.stop(block=True, timeout=PATIENCE, hard_stop=True)


class InProcess:
    """A Backend over one loaded model."""

    offers = frozenset({"logprobs", "internals"})

    def __init__(self, name: str, model: Any, tokenizer: Any) -> None:
        self.name, self.tokenizer = name, tokenizer
        self.alone, self.lock = twin(model), Lock()
        self.internals: Internals = Inside(self)
        self._model, self._greedy = model, Batch(model, sampled=False)
        self._sampled: Batch | None = None
        self._limit = int(getattr(model.config, "max_position_embeddings", 0) or tokenizer.model_max_length)
        ends = model.generation_config.eos_token_id
        self._ends = frozenset(ends if isinstance(ends, list) else [ends])

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """Answer as the batch goes on; closing it frees the request's place at the next step.

        `gpu_seconds` is the request's share of the computing: the time of each step over the number of requests in it.
        A temperature of 0 or none is greedy. Raises ContextTooLong and ModelRefused.
        """
        prompt = self._encode(request.messages)
        room = self._limit - len(prompt)
        if room <= 0:
            raise ContextTooLong(
                f"the prompt has {len(prompt)} tokens; {self.name!r} takes {self._limit}, the answer included",
                model=self.name,
            )
        limit = min(room, LONGEST if request.max_tokens is None else request.max_tokens)
        begun, cutter, reason = time.perf_counter(), Cutter(request.stop), "length"
        told = count = 0
        batch = self._batch_for(request)
        clock = batch.clock if batch else 0.0
        outputs = self._outputs(batch, request, prompt, limit)
        try:
            async for ids, logprobs in outputs:
                ended = bool(ids) and ids[-1] in self._ends
                shown = ids[:-1] if ended else ids
                piece = cutter.feed(self.tokenizer.decode(shown, skip_special_tokens=True), last=ended)
                entries = self._entries(shown[told:], logprobs[told:]) if request.logprobs else ()
                count, told = len(ids), len(shown)
                if piece or entries:
                    yield Chunk(text=piece, logprobs=entries)
                if ended or cutter.stopped:
                    reason = "stop"
                    break
            else:
                yield Chunk(text=cutter.rest())
        finally:
            await outputs.aclose()
        seconds = time.perf_counter() - begun
        computed = batch.clock - clock if batch else seconds
        yield Chunk(finish_reason=reason, usage=Usage(len(prompt), count, seconds, computed))

    async def close(self) -> None:
        """Stop the worker threads and let go of the weights."""
        for batch in (self._greedy, self._sampled):
            if batch is not None:
                await asyncio.to_thread(batch.close)
        self._model = self.alone = None

    def _batch_for(self, request: Request) -> Batch | None:
        """The batch that serves a request; None where it needs a seed of its own."""
        if not request.temperature:
            return self._greedy
        if request.seed is not None:
            return None
        if self._sampled is None:
            self._sampled = Batch(self._model, sampled=True)
        return self._sampled

    async def _outputs(
        self, batch: Batch | None, request: Request, prompt: list[int], limit: int
    ) -> AsyncGenerator[tuple[list[int], list[float]], None]:
        """All tokens so far with their log-probabilities, again at each step."""
        if batch is None:
            loop = sample(
                self.alone,
                prompt,
                limit,
                self._ends,
                temperature=request.temperature or 1.0,
                top_p=1.0 if request.top_p is None else request.top_p,
                seed=request.seed or 0,
            )
            async for one in in_thread(loop, self.lock):
                yield one
            return
        options: dict[str, float] = {}
        if batch is self._sampled:
            top_p = NEARLY_ONE if request.top_p is None else request.top_p
            options = {"temperature": float(request.temperature or 1.0), "top_p": float(top_p)}
        outputs = batch.generate(prompt, limit, **options)
        try:
            async for out in outputs:
                if out.error:
                    raise ModelRefused(f"{self.name}: {out.error}", model=self.name)
                yield list(out.generated_tokens), list(out.logprobs)
        finally:
            await outputs.aclose()

    def _encode(self, messages: Sequence[Message]) -> list[int]:
        """The prompt's tokens, through the model's chat template, or "role: text" lines where it has none."""
        if self.tokenizer.chat_template:
            turns = [{"role": message.role, "content": message.text} for message in messages]
            text = self.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
            ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
            return ids
        text = "\n".join(f"{message.role}: {message.text}" for message in messages) + "\nassistant:"
        return list(self.tokenizer(text)["input_ids"])

    def _entries(self, ids: Sequence[int], logprobs: Sequence[float]) -> tuple[TokenLogprob, ...]:
        pairs = zip(ids, logprobs, strict=False)
        return tuple(TokenLogprob(self.tokenizer.decode([one]), logprob) for one, logprob in pairs)


class Inside:
    """A model's logits and states: what looks inside runs alone, on weights shared with the batch."""

    def __init__(self, backend: InProcess) -> None:
        self._backend = backend

    async def decode(self, loop: Callable[..., Any], *args: Any) -> AsyncIterator[str]:
        """Run a generator of text, `loop(model, tokenizer, *args)`, and yield its pieces."""
        backend = self._backend
        async for piece in in_thread(loop(backend.alone, backend.tokenizer, *args), backend.lock):
            yield piece

    async def probe(self, look: Callable[..., T], *args: Any) -> T:
        """Run `look(model, tokenizer, *args)` once and return what it returns."""

        def run() -> T:
            with self._backend.lock:
                return look(self._backend.alone, self._backend.tokenizer, *args)

        return await asyncio.to_thread(run)


async def in_thread(loop: Any, lock: Lock) -> AsyncIterator[Any]:
    """The items of a plain generator, each made in a thread while the lock is held; closing it ends the generator."""

    def step() -> tuple[bool, Any]:
        with lock:
            for item in loop:
                return True, item
        return False, None

    try:
        while (made := await asyncio.to_thread(step))[0]:
            yield made[1]
    finally:
        loop.close()


def _load(name: str, source: str, spec: ModelSpec) -> tuple[Any, Any]:
    """The model, ready on its device, and its tokenizer."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging as their_logging

    their_logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # transformers has no type for it
    their_logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # the same
    logging.getLogger("transformers").setLevel(logging.ERROR)
    device = spec.device or ("cuda" if torch.cuda.is_available() else "cpu")
    dtype = spec.dtype or ("bfloat16" if device.startswith("cuda") else "float32")
    try:
        tokenizer = AutoTokenizer.from_pretrained(source)
        model = AutoModelForCausalLM.from_pretrained(source, dtype=getattr(torch, dtype), attn_implementation="sdpa")
    except (OSError, ValueError, KeyError, AttributeError, RuntimeError) as error:
        told = str(error).strip().splitlines()
        raise ModelUnavailable(
            f"models.{name}: {source!r} cannot be loaded: {told[0] if told else error!r}", model=name
        ) from error
    model.to(device)  # type: ignore[arg-type]  # transformers wraps its type away
    model.eval()  # type: ignore[no-untyped-call]  # no type for it
    model.requires_grad_(False)
    if model.generation_config.eos_token_id is None:
        model.generation_config.eos_token_id = tokenizer.eos_token_id
    return model, tokenizer
