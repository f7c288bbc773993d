"""The in-process engine against plain `generate` and transformers' own continuous batching, and what else it promises.

python -m benchmarks.engine [--rounds 5] [--write]

Models of the zoo's two shapes with random weights, which never end by themselves, so that every answer has its full
length. All sides take turns within a round; a ratio is the median over the rounds. On a machine that does other things
too, tokens per second of the processor's time say more than tokens per second.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any  # transformers' models are untyped

import httpx
import psutil
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from benchmarks.engine_parts import bandwidth, bare, cancelled, experts, first_token
from benchmarks.reports import keep, table
from benchmarks.serving import serving
from benchmarks.shapes import SHAPES, prompt, write_shape
from models.backend import ModelSpec, connect
from models.in_process import InProcess

AT_ONCE = 16
TARGETS = {"base": 5.0, "large": 4.0}
GPU_TARGET = 20.0
WORDS, NEW = 30, 96


@dataclass(frozen=True, slots=True)
class Rate:
    """Tokens per second of the clock, and per second of processor time."""

    clock: float
    processor: float


class Plain:
    """`model.generate`, one prompt after another, on as many threads as are faster: one, or all that torch takes."""

    def __init__(self, folder: Path, device: str) -> None:
        dtype = torch.float32 if device == "cpu" else "auto"
        model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
        self.model: Any = model.to(device).eval()
        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        self.device = device
        self.threads = torch.get_num_threads()
        self.threads = max((1, self.threads), key=self._speed)

    def _speed(self, threads: int) -> float:
        self.threads = threads
        self.run(["warm"])
        return self.run(["probe"]).clock

    def tokens(self, text: str) -> list[int]:
        """A prompt as the service's model reads it."""
        turns = [{"role": "user", "content": text}]
        written = self.tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
        return list(self.tokenizer(written, add_special_tokens=False).input_ids)

    def run(self, texts: list[str]) -> Rate:
        """Answer all of them."""

        def work() -> int:
            for text in texts:
                ids = torch.tensor([self.tokens(text)], device=self.device)
                seen = torch.ones_like(ids)
                self.model.generate(ids, attention_mask=seen, max_new_tokens=NEW, do_sample=False, pad_token_id=0)
            return NEW * len(texts)

        before = torch.get_num_threads()
        torch.set_num_threads(self.threads)
        try:
            with torch.inference_mode():
                return rate(work, psutil.Process())
        finally:
            torch.set_num_threads(before)


def rate(work: Callable[[], int], process: psutil.Process) -> Rate:
    """Run what returns a count of tokens, and divide it by the time that it takes; the processor's is the process's."""
    begun, busy = time.perf_counter(), _busy(process)
    count = work()
    return Rate(count / (time.perf_counter() - begun), count / max(_busy(process) - busy, 1e-9))


def _busy(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


async def _ask(http: httpx.AsyncClient, model: str, text: str) -> int:
    body = {"model": f"direct@{model}", "max_tokens": NEW, "messages": [{"role": "user", "content": text}]}
    reply = await http.post("/v1/chat/completions", json=body)
    return int(reply.raise_for_status().json()["usage"]["completion_tokens"])


def served(url: str, process: psutil.Process, model: str, texts: list[str]) -> Rate:
    """Sixteen clients share the prompts out among themselves."""

    async def clients() -> int:
        left, written = iter(texts), 0

        async def one(http: httpx.AsyncClient) -> None:
            nonlocal written
            for text in left:
                more = await _ask(http, model, text)
                written += more

        async with httpx.AsyncClient(base_url=url, timeout=300.0) as http, asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(one(http))
        return written

    return rate(lambda: asyncio.run(clients()), process)


@contextmanager
def opened(folder: Path, device: str) -> Iterator[InProcess]:
    """The engine in this process."""
    spec = ModelSpec("in_process", path=str(folder), device=device, concurrency=AT_ONCE)
    backend = connect(folder.name, spec)
    assert isinstance(backend, InProcess)
    try:
        yield backend
    finally:
        asyncio.run(backend.close())


def speed(folder: Path, url: str, process: psutil.Process, device: str, rounds: int) -> list[list[str]]:
    """One shape: the service and the bare batching, each against one after another."""
    rng, name = random.Random(7), folder.name
    plain, alone, many, other = Plain(folder, device), [], [], []
    served(url, process, name, [prompt(rng, WORDS) for _ in range(AT_ONCE)])
    for _ in range(rounds):
        texts = [prompt(rng, WORDS) for _ in range(AT_ONCE)]
        alone.append(plain.run(texts[: AT_ONCE // 4]))
        many.append(served(url, process, name, texts))
        prompts = [plain.tokens(text) for text in texts]
        other.append(rate(partial(bare, folder, device, prompts, NEW), psutil.Process()))
        sys.stderr.write(f"{name}: {alone[-1]} {many[-1]} {other[-1]}\n")
    target = f"{GPU_TARGET if device != 'cpu' else TARGETS[name]:g} times"
    return [
        [f"{name}: one after another, {plain.threads} thread(s)", _both(alone), ""],
        [f"{name}: {AT_ONCE} at once through the service", _both(many), ""],
        [f"{name}: transformers' continuous batching, bare", _both(other), ""],
        [f"{name}: service / one after another", _ratios(many, alone), target],
        [f"{name}: service / bare", _ratios(many, other), "0.9 times"],
    ]


def _both(rates: list[Rate]) -> str:
    clock, processor = median(one.clock for one in rates), median(one.processor for one in rates)
    return f"{clock:.0f} tokens/s, {processor:.0f} per processor second"


def _ratios(over: list[Rate], under: list[Rate]) -> str:
    pairs = list(zip(over, under, strict=True))
    clock, processor = median(a.clock / b.clock for a, b in pairs), median(a.processor / b.processor for a, b in pairs)
    return f"{clock:.1f} times; {processor:.1f} by processor time"


def run(rounds: int) -> str:
    """Measure all of it once and return the table."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    rows: list[list[str]] = []
    with tempfile.TemporaryDirectory(prefix="pointsman-engine-") as home:
        folders = [write_shape(Path(home) / name, name) for name in SHAPES]
        config = Path(home) / "models.toml"
        config.write_text("".join(f'[models.{f.name}]\nbackend = "in_process"\npath = "{f}"\n' for f in folders))
        with serving(config) as service:
            if service.process is None:
                raise RuntimeError("the service does not run")
            process = psutil.Process(service.process.pid)
            for folder in folders:
                rows += speed(folder, service.url, process, device, rounds)
        for folder in folders:
            with opened(folder, device) as backend:
                rows += asyncio.run(first_token(backend, rounds))
                rows += asyncio.run(experts(backend, rounds))
                if device == "cuda":
                    rows += asyncio.run(bandwidth(backend))
        with opened(folders[0], device) as backend:
            rows += asyncio.run(cancelled(backend))
    return table(["what", "measured", "target"], rows)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    text = run(options.rounds)
    command = f"python -m benchmarks.engine --rounds {options.rounds}"
    keep("engine", "The in-process engine", command, text, write=options.write)


if __name__ == "__main__":
    main()
