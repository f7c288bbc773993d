"""What the fault tests share: models over the stub, how an error and a stream must look, the service as a process."""

import json
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol  # Any: JSON and TOML values

import httpx

from service.sections import Settings
from tests.checkout import ROOT
from tests.service.serving import Served, settings
from tests.upstream import Upstream

ERROR = {"message", "type", "param", "code"}
WORDS = " ".join(f"word{i}" for i in range(20))
"""What the stub says unless told otherwise."""


class Listens(Protocol):
    """A model server."""

    @property
    def url(self) -> str:
        """Where it listens, without /v1."""


def remote(upstream: Listens, name: str, **more: Any) -> dict[str, Any]:
    """A model of the stub's under its own name, impatient: half a second and one retry."""
    table = {"backend": "remote", "model": f"openai/{name}", "api_base": f"{upstream.url}/v1"}
    return {**table, "timeout": 0.5, "retries": 1, **more}


def over(folder: Path, upstream: Upstream, *names: str, **tables: Any) -> Settings:
    """The settings of a service over these models of the stub; keyword arguments are tables."""
    return settings(folder, {name: remote(upstream, name) for name in names}, **tables)


def refused(reply: httpx.Response) -> dict[str, Any]:
    """The error in a reply, which must have OpenAI's shape and say something."""
    assert reply.status_code >= 400, reply.text
    assert reply.headers["content-type"] == "application/json"
    told = reply.json()
    assert set(told) == {"error"}, told
    assert set(told["error"]) == ERROR
    assert told["error"]["message"]
    error: dict[str, Any] = told["error"]
    return error


@dataclass(frozen=True, slots=True)
class Streamed:
    """What came of a stream: its text and reasons, the error frame or the `pointsman` object, whether [DONE] came."""

    text: str
    reasons: tuple[str, ...]
    error: dict[str, Any] | None
    told: dict[str, Any] | None
    done: bool


def streamed(text: str) -> Streamed:
    """Read server-sent events. An error must be the last of them."""
    frames = [part[6:] for part in text.split("\n\n") if part.startswith("data: ")]
    done = bool(frames) and frames[-1] == "[DONE]"
    parts = [json.loads(frame) for frame in (frames[:-1] if done else frames)]
    assert not any("error" in part for part in parts[:-1])
    choices = [choice for part in parts for choice in part.get("choices", ())]
    last = parts[-1] if parts else {}
    return Streamed(
        "".join(choice["delta"].get("content") or "" for choice in choices),
        tuple(choice["finish_reason"] for choice in choices if choice["finish_reason"]),
        last.get("error"),
        last.get("pointsman"),
        done,
    )


def send(service: Served, **body: Any) -> socket.socket:
    """A line on which a chat completion has been asked for, and nothing read."""
    host, port = service.url.removeprefix("http://").split(":")
    raw = json.dumps({"messages": [{"role": "user", "content": "Go on."}], **body}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n"
    line = socket.create_connection((host, int(port)), timeout=10)
    line.sendall(head.encode() + f"content-length: {len(raw)}\r\n\r\n".encode() + raw)
    return line


@dataclass(slots=True)
class Process:
    """The service as a process of its own, over a SQLite file in a folder."""

    folder: Path
    upstream: Upstream
    names: Sequence[str] = ("one",)
    limits: Mapping[str, Any] = field(default_factory=lambda: {"timeout": 20.0})
    server: Mapping[str, Any] = field(default_factory=dict)
    router: Mapping[str, Any] = field(default_factory=dict)
    url: str = ""
    _child: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def database(self) -> Path:
        """Its SQLite file."""
        return self.folder / "faults.db"

    def start(self) -> None:
        """Start it and wait until it is ready."""
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}"
        config = self.folder / "faults.toml"
        store, strategies = {"url": f"sqlite:///{self.database}"}, {"enabled": ["direct"]}
        tables: dict[str, Mapping[str, Any]] = {"store": store, "strategies": strategies}
        tables |= {"server": self.server, "router": self.router}
        for name in self.names:
            tables[f"models.{name}"] = {**remote(self.upstream, name, concurrency=64), **self.limits}
        lines = [[f"[{name}]", *(f"{k} = {json.dumps(v)}" for k, v in t.items())] for name, t in tables.items()]
        config.write_text("\n".join(line for table in lines for line in table) + "\n")
        command = [sys.executable, "-m", "service", "serve", "--config", str(config), "--port", str(port)]
        with (self.folder / "said.txt").open("ab") as said:
            self._child = subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=said)
        deadline = time.monotonic() + 60
        while not self._ready():
            assert self._child.poll() is None, (self.folder / "said.txt").read_text()[-2000:]
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._child is not None
        self._child.send_signal(number)

    def ended(self, patience: float = 20.0) -> int:
        """Wait for its end; its exit status."""
        assert self._child is not None
        return self._child.wait(patience)

    def kill(self) -> None:
        """Let nothing of it be left."""
        if self._child is not None and self._child.poll() is None:
            self._child.kill()
            self._child.wait(10)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """What the SQLite file holds."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as database:
            return database.execute(statement).fetchall()

    def _ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5.0).status_code == 200
        except httpx.TransportError:
            return False


@contextmanager
def process(folder: Path, upstream: Upstream) -> Iterator[Process]:
    """The service, started and ready; killed at the end if it still lives."""
    one = Process(folder, upstream)
    one.start()
    try:
        yield one
    finally:
        one.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
