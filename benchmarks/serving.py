"""The real service in a process of its own, and a small client for it: what every end-to-end benchmark stands on."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any  # JSON

import httpx

ROOT = Path(__file__).resolve().parents[1]


@dataclass(slots=True)
class Service:
    """A running `python -m service serve`: its process, address, settings file and log."""

    url: str
    database: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    started_seconds: float = 0.0
    config: Path | None = None

    def start(self, patience: float = 120.0) -> None:
        """Start it and wait until it is ready. Raises RuntimeError with the end of its log."""
        log = self.database.with_suffix(".log")
        port = self.url.rpartition(":")[2]
        command = [sys.executable, "-m", "service", "serve", "--port", port, "--db", f"sqlite:///{self.database}"]
        command += [] if self.config is None else ["--config", str(self.config)]
        begun, self.started_seconds = time.perf_counter(), 0.0
        with log.open("ab") as sink:
            environment = {**os.environ, "HF_HUB_OFFLINE": "1", **self.settings}  # noqa: TID251  # a child's, passed on
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=sink, stderr=sink, env=environment)
        while time.perf_counter() - begun < patience:
            if self.process.poll() is not None:
                break
            try:
                reply = httpx.get(f"{self.url}/readyz", timeout=5.0)
                if reply.status_code == 200 and not self.started_seconds:
                    self.started_seconds = time.perf_counter() - begun
                if reply.status_code == 200 and reply.json()["documents"] == "ready":
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)
        self.stop()
        raise RuntimeError(f"the service did not get ready:\n{log.read_text()[-3000:]}")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it as Ctrl-C does (or by another signal) and wait."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(timeout=60)

    def restart(self) -> None:
        """Stop and start again on the same database."""
        self.stop()
        self.start()


@contextmanager
def serving(config: Path | None = None, **settings: str) -> Iterator[Service]:
    """A fresh service with an empty database; keyword arguments are settings, as environment variables."""
    with tempfile.TemporaryDirectory(prefix="pointsman-") as folder:
        service = Service(f"http://127.0.0.1:{_free_port()}", Path(folder) / "bench.db", settings, config=config)
        service.start()
        try:
            yield service
        finally:
            service.stop()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one question."""

    id: str
    text: str
    arm: str
    seconds: float
    calls: int
    degraded: bool
    why: str
    overhead_ms: float


class Client:
    """Asks, rates and reads, as any program would over HTTP."""

    def __init__(self, url: str) -> None:
        limits = httpx.Limits(max_connections=64)
        self._http = httpx.AsyncClient(base_url=url, timeout=180.0, limits=limits)

    async def ask(self, question: str, model: str = "auto", **options: object) -> Answer:
        """One chat completion. Raises httpx.HTTPStatusError."""
        body: dict[str, object] = {"model": model, "messages": [{"role": "user", "content": question}]}
        if options:
            body["pointsman"] = options
        begun = time.perf_counter()
        reply = await self._http.post("/v1/chat/completions", json=body)
        reply.raise_for_status()
        data: dict[str, Any] = reply.json()
        told = data["pointsman"]
        return Answer(
            id=data["id"],
            text=data["choices"][0]["message"]["content"] or "",
            arm=told["arm"],
            seconds=time.perf_counter() - begun,
            calls=int(told["calls"]),
            degraded=bool(told.get("degraded")),
            why=told["why"],
            overhead_ms=float(reply.headers["x-pointsman-overhead-ms"]),
        )

    async def rate(self, answer: Answer, score: float) -> None:
        """Say how good an answer was, 0..1."""
        (await self._http.post("/v1/feedback", json={"id": answer.id, "score": score})).raise_for_status()

    async def get(self, path: str) -> Any:  # JSON
        """Read a JSON resource."""
        reply = await self._http.get(path)
        reply.raise_for_status()
        return reply.json()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


@asynccontextmanager
async def client(url: str) -> AsyncIterator[Client]:
    """A Client that is closed at the end."""
    opened = Client(url)
    try:
        yield opened
    finally:
        await opened.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
