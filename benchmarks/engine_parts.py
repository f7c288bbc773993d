"""What benchmarks.engine measures in its own process: bare batching, first tokens, experts, cancellations, memory."""

import asyncio
import gc
import random
import threading
import time
from contextlib import aclosing
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any  # transformers' manager is untyped

import psutil
import torch
from transformers import AutoModelForCausalLM, ContinuousBatchingConfig, GenerationConfig

from benchmarks.shapes import prompt
from models.footprint import PAGE
from models.in_process import InProcess
from models.types import Message, Reply, Request, collect

STREAMS = 15
PREFIX_TOKENS = 500
EXPERTS, EXPERT_NEW = 5, 48


def asking(text: str, new: int) -> Request:
    """A request that gets `new` tokens."""
    return Request((Message("user", text),), max_tokens=new)


async def say(backend: InProcess, request: Request) -> Reply:
    """The whole answer."""
    return await collect(backend.stream(request))


@cache
def _bare_manager(folder: Path, device: str) -> Any:
    """transformers' continuous batching with the settings that the engine gives it, and nothing of ours."""
    dtype = torch.float32 if device == "cpu" else "auto"
    read: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
    model = read.to(device).eval()
    config = ContinuousBatchingConfig(
        page_size=PAGE,
        num_blocks=1024,
        max_batch_tokens=512 if device == "cpu" else 2048,
        max_requests_per_batch=128,
        auto_switch_to_flash=False,
        use_cuda_graph=False,
        use_async_batching=False,
    )
    told: Any = GenerationConfig(eos_token_id=-1, do_sample=False)  # type: ignore[no-untyped-call]  # untyped
    manager = model.init_continuous_batching(told, config)
    manager.warmup()
    return manager


def bare(folder: Path, device: str, prompts: list[list[int]], new: int) -> int:
    """Answer all prompts, sixteen at once, with transformers' continuous batching alone; returns the tokens written."""
    manager = _bare_manager(folder, device)

    def loop() -> None:
        torch.set_num_threads(1)
        manager._run_generation_loop()

    manager.background_thread_status.clear()
    manager._generation_thread = threading.Thread(target=loop, daemon=True)
    manager._generation_thread.start()
    waiting = iter(prompts)
    for tokens in [next(waiting) for _ in range(16)]:
        manager.add_request(tokens, max_new_tokens=new)
    written = 0
    for _ in prompts:
        written += len(manager.get_result().generated_tokens)
        following = next(waiting, None)
        if following is not None:
            manager.add_request(following, max_new_tokens=new)
    manager.stop(keep_for_next_session=True)
    return written


async def first_token(backend: InProcess, rounds: int) -> list[list[str]]:
    """How long a newcomer waits for its first token, alone and beside fifteen others, in steps of the batch."""
    rng, sampler = random.Random(3), backend._seat.batcher.sampler

    async def wait() -> float:
        begun = time.perf_counter()
        async with aclosing(backend.stream(asking(prompt(rng, 30), 2))) as chunks:
            await anext(chunks)
            return time.perf_counter() - begun

    await wait()
    alone = [await wait() for _ in range(4 * rounds)]
    loaded, steps = [], []
    for _ in range(rounds):
        async with asyncio.TaskGroup() as group:
            for _ in range(STREAMS):
                group.create_task(say(backend, asking(prompt(rng, 30), 160)))
            await asyncio.sleep(0.3)
            begun, before = time.perf_counter(), sampler.steps
            loaded += [await wait() for _ in range(4)]
            steps.append((time.perf_counter() - begun) / max(1, sampler.steps - before))
    more = (median(loaded) - median(alone)) / median(steps)
    told = (
        f"{1000 * median(alone):.1f} ms alone, {1000 * median(loaded):.1f} ms beside {STREAMS}: {more:.1f} steps more"
    )
    return [[f"{backend.name}: first token", told, "2 steps more"]]


async def experts(backend: InProcess, rounds: int) -> list[list[str]]:
    """Five calls with a beginning of 500 tokens in common, against one such call."""
    rng = random.Random(4)

    async def calls(count: int) -> float:
        shared = _long(backend, rng)
        begun = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for i in range(count):
                group.create_task(say(backend, asking(f"{shared} expert {i} " + prompt(rng, 8), EXPERT_NEW)))
        return time.perf_counter() - begun

    await calls(EXPERTS)
    ratios = [await calls(EXPERTS) / await calls(1) for _ in range(3 * rounds)]
    name = f"{backend.name}: {EXPERTS} calls with {PREFIX_TOKENS} tokens in common / one"
    return [[name, f"{median(ratios):.2f} times", "1.6 times at most"]]


def _long(backend: InProcess, rng: random.Random) -> str:
    text = prompt(rng, 100)
    while len(backend._tokenizer(text).input_ids) < PREFIX_TOKENS:
        text += " " + prompt(rng, 10)
    return text


async def cancelled(backend: InProcess, count: int = 1000) -> list[list[str]]:
    """What is left after so many requests were given up at random moments."""
    rng, batcher, process = random.Random(5), backend._seat.batcher, psutil.Process()

    async def leave(seconds: float) -> None:
        stream = backend.stream(asking(prompt(rng, 20), 100))
        try:
            async with asyncio.timeout(seconds):
                await collect(stream)
        except TimeoutError:
            pass
        finally:
            await stream.aclose()

    async def leave_all(number: int) -> None:
        for _ in range(number // 50):
            async with asyncio.TaskGroup() as group:
                for _ in range(50):
                    group.create_task(leave(rng.choice((0.0, 0.005, 0.02, 0.1))))
        await say(backend, asking("x", 2))
        gc.collect()

    await leave_all(100)
    pages, threads, memory = batcher.free_pages, threading.active_count(), process.memory_info().rss
    await leave_all(count)
    left = f"{batcher.load} requests, {pages - batcher.free_pages} pages, {threading.active_count() - threads} threads"
    grown = (process.memory_info().rss - memory) / 2**20
    return [[f"after {count} cancelled requests", f"{left}, {grown:.1f} MB", "0, 0, 0, next to nothing"]]


async def bandwidth(backend: InProcess) -> list[list[str]]:
    """The share of the GPU's memory bandwidth that decoding one answer reaches: weights read per second."""
    model = backend._seat.weights.model
    size = sum(parameter.numel() * parameter.itemsize for parameter in model.parameters())
    begun = time.perf_counter()
    reply = await say(backend, asking("x", 256))
    reached = size * reply.usage.completion_tokens / (time.perf_counter() - begun)
    probe = torch.empty(2**28, device=model.device, dtype=torch.float32)
    probe.clone()
    torch.cuda.synchronize()
    begun = time.perf_counter()
    for _ in range(10):
        probe.clone()
    torch.cuda.synchronize()
    most = 20 * probe.numel() * 4 / (time.perf_counter() - begun)
    return [[f"{backend.name}: share of the memory bandwidth, one answer", f"{100 * reached / most:.1f} %", ""]]
