"""Start, memory, first token, the price of deciding, and sixteen at once against one after another.

python -m benchmarks.speed [--n 60] [--write]
"""

import argparse
import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any  # JSON

import httpx
import psutil

from benchmarks.arms import stream
from benchmarks.reports import keep, table
from benchmarks.serving import Client, Service, client, serving
from models.zoo import ZOO, Question

AT_ONCE = 16


async def first_token(http: httpx.AsyncClient, question: Question, model: str) -> float:
    """Seconds until the first piece of the answer's text arrives."""
    body = {"model": model, "messages": [{"role": "user", "content": question.prompt}], "stream": True}
    begun = time.perf_counter()
    async with http.stream("POST", "/v1/chat/completions", json=body) as reply:
        async for line in reply.aiter_lines():
            if line.startswith("data: {") and _has_text(json.loads(line[6:])):
                return time.perf_counter() - begun
    raise RuntimeError("the stream had no text")


async def decide(http: httpx.AsyncClient, question: Question) -> tuple[float, float]:
    """Seconds of one decision: all of it as the service measured it, and without the embedding."""
    body = {"model": "auto", "messages": [{"role": "user", "content": question.prompt}]}
    told = (await http.post("/v1/route", json=body)).raise_for_status().json()
    return told["seconds"] + told["embed_seconds"], told["seconds"]


async def throughput(
    http: Client, asked: Sequence[Question], others: Sequence[Question], model: str
) -> tuple[float, float]:
    """Seconds for the questions one after another, and for as many others of the same kinds, sixteen at once.

    Neither set was asked before, so that no embedding comes from the cache.
    """
    begun = time.perf_counter()
    for question in asked:
        await http.ask(question.prompt, model=model)
    single = time.perf_counter() - begun
    rows = iter(others)

    async def worker() -> None:
        for question in rows:
            await http.ask(question.prompt, model=model)

    begun = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(worker())
    return single, time.perf_counter() - begun


def _has_text(chunk: Mapping[str, Any]) -> bool:
    return any(choice["delta"].get("content") for choice in chunk["choices"])


def resident(service: Service) -> float:
    """Gigabytes resident, child processes included."""
    if service.process is None:
        raise RuntimeError("the service does not run")
    top = psutil.Process(service.process.pid)
    return sum(one.memory_info().rss for one in [top, *top.children(recursive=True)]) / 1e9


async def run(n: int) -> str:
    """Measure all of it once and return the table."""
    with serving() as service:
        service.restart()  # the second start finds migrations applied and documents loaded
        rows = [["ready after start", f"{service.started_seconds:.1f} s", "20 s"]]
        async with httpx.AsyncClient(base_url=service.url, timeout=120.0) as raw:
            for model in ZOO:
                await first_token(raw, stream(1, 1)[0], f"direct@{model}")
                waits = [await first_token(raw, question, f"direct@{model}") for question in stream(n, 2)]
                rows.append([f"first token, `direct@{model}`, median", f"{1000 * median(waits):.0f} ms", "300 ms"])
            decisions = [await decide(raw, question) for question in stream(n, 3)]
            rows.append(["decision, median", f"{1000 * median(d[0] for d in decisions):.1f} ms", "40 ms"])
            rows.append(
                ["decision without embedding, median", f"{1000 * median(d[1] for d in decisions):.2f} ms", "1 ms"]
            )
        async with client(service.url) as http:
            for i, model in enumerate(ZOO):
                one, many = await throughput(http, stream(96, 10 + i), stream(96, 20 + i), f"direct@{model}")
                name = f"{AT_ONCE} at once against one after another, `direct@{model}`"
                rows.append([name, f"{one / many:.1f} times", "4 times"])
        rows.append(["resident after all of it", f"{resident(service):.2f} GB", "1.5 GB"])
    return table(["what", "measured", "target"], rows)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=60)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    text = asyncio.run(run(options.n))
    keep("speed", "Speed and memory", f"python -m benchmarks.speed --n {options.n}", text, write=options.write)


if __name__ == "__main__":
    main()
