"""Load on a gateway: every question different, one at a time over a raw socket, or many at once from wrk."""

import itertools
import json
import random
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self  # Any: JSON

VOCABULARY = """
river engine village winter number letter market garden window engineer captain history science planet moment
bridge colour animal island doctor language picture mountain kitchen machine teacher station travel measure
explain compare describe between before slowly largest first second several without because during famous
ancient modern simple national common early often usually beside under against around through
"""
WORDS = VOCABULARY.split()
LENGTH = 18
"""Words of a question."""
PATIENCE = 30.0
"""Seconds for one answer."""
SCRIPT = """
local words, run, n = {%(words)s}, "%(run)s", 0
math.randomseed(%(seed)d)
wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
%(headers)s
function request()
  n = n + 1
  local drawn = {}
  for i = 1, %(length)d do drawn[i] = words[math.random(#words)] end
  local question = "Question " .. run .. "-" .. n .. ": " .. table.concat(drawn, " ") .. "?"
  return wrk.format(nil, "%(path)s", nil,
    '{"model": "%(model)s", "stream": %(stream)s, "messages": [{"role": "user", "content": "' .. question .. '"}]}')
end
function response(status, headers, body)
  if status == 200 and not string.find(body, "%(last)s", 1, true) then torn = torn + 1 end
end
local threads = {}
function setup(thread) table.insert(threads, thread) end
torn = 0
function done(summary, latency, requests)
  local e = summary.errors
  local lost = 0
  for _, thread in ipairs(threads) do lost = lost + thread:get("torn") end
  io.write(string.format('RESULT {"requests": %%d, "microseconds": %%d, "refused": %%d, "broken": %%d, "torn": %%d}\\n',
    summary.requests, summary.duration, e.status, e.connect + e.read + e.write + e.timeout, lost))
end
"""
LAST_WORD = b"word19"
"""What an answer of the stub ends with: a reply without it was not relayed whole."""
_runs = itertools.count(1)
_asked = itertools.count(1)
_draws = random.Random(6)


@dataclass(frozen=True, slots=True)
class Target:
    """Where questions go: a gateway, or the upstream itself."""

    name: str
    url: str
    model: str
    headers: Mapping[str, str] = field(default_factory=dict)
    pid: int | None = None

    @property
    def path(self) -> str:
        """The route of chat completions."""
        return "/v1/chat/completions"


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP response, unchunked."""

    status: int
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body of a plain reply."""
        whole: dict[str, Any] = json.loads(self.body)
        return whole


@dataclass(frozen=True, slots=True)
class Load:
    """What came of a while of load."""

    answered: int
    failed: int
    seconds: float

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answered / self.seconds if self.seconds else 0.0


def question() -> str:
    """A question that was not asked before."""
    return f"Question 0-{next(_asked)}: {' '.join(_draws.choices(WORDS, k=LENGTH))}?"


class Line:
    """One kept-alive connection on a blocking socket: the client that costs least and measures all targets alike."""

    def __init__(self, target: Target) -> None:
        self._target = target
        host, _, port = target.url.removeprefix("http://").partition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        given = {"host": f"{host}:{port}", "content-type": "application/json", **target.headers}
        self._head = "".join(f"{name}: {value}\r\n" for name, value in given.items())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, *, stream: bool = False) -> None:
        """Send a new question."""
        asked = [{"role": "user", "content": question()}]
        body = json.dumps({"model": self._target.model, "stream": stream, "messages": asked})
        head = f"POST {self._target.path} HTTP/1.1\r\n{self._head}content-length: {len(body)}\r\n\r\n"
        self._socket.sendall(head.encode() + body.encode())

    def ask(self, *, stream: bool = False) -> Reply:
        """Send a new question and read the reply to its end. Raises OSError if the line breaks."""
        self.send(stream=stream)
        head = self._until(b"\r\n\r\n").lower()
        status = int(head.split(b" ", 2)[1])
        if b"transfer-encoding: chunked" in head:
            parts = []
            while size := int(self._until(b"\r\n"), 16):
                parts.append(self._take(size + 2)[:-2])
            self._until(b"\r\n")
            return Reply(status, b"".join(parts))
        size = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        return Reply(status, self._take(size))

    def first_bytes(self) -> bytes:
        """The first that comes of a reply."""
        return self._socket.recv(1)

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _until(self, end: bytes) -> bytes:
        while end not in self._buffer:
            self._more()
        found, _, self._buffer = self._buffer.partition(end)
        return found

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._more()
        found, self._buffer = self._buffer[:size], self._buffer[size:]
        return found

    def _more(self) -> None:
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionError(f"{self._target.name} hung up in the middle of a reply")
        self._buffer += data


def one_at_a_time(target: Target, seconds: float) -> list[float]:
    """Seconds of each plain answer, one after another on one connection. (wrk's latencies are not used for this: it
    adds samples to those that were slow, which punishes the fast targets most.) Raises RuntimeError for one not whole.
    """
    taken = []
    with Line(target) as line:
        line.ask()  # the connection's own cost is not a question's
        until = time.perf_counter() + seconds
        while (begun := time.perf_counter()) < until:
            reply = line.ask()
            taken.append(time.perf_counter() - begun)
            if reply.status != 200 or LAST_WORD not in reply.body:
                raise RuntimeError(f"{target.name} answered {reply.status}: {reply.body[:80]!r}")
    return taken


def at_once(target: Target, connections: int, seconds: int, *, stream: bool = False) -> Load:
    """What wrk gets answered; it reads each reply to the end, streamed ones too. Raises RuntimeError if it fails."""
    run = next(_runs)
    script = SCRIPT % {
        "words": ", ".join(f'"{word}"' for word in WORDS),
        "run": run,
        "seed": run,
        "length": LENGTH,
        "headers": "\n".join(f'wrk.headers["{name}"] = "{value}"' for name, value in target.headers.items()),
        "path": target.path,
        "model": target.model,
        "stream": str(stream).lower(),
        "last": LAST_WORD.decode(),
    }
    with tempfile.TemporaryDirectory(prefix="pointsman-wrk-") as folder:
        file = Path(folder) / "load.lua"
        file.write_text(script)
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", f"--timeout={PATIENCE:.0f}s", "-s", str(file)]
        done = subprocess.run([*command, target.url], capture_output=True, text=True, timeout=seconds + 60, check=False)
    line = next((line for line in done.stdout.splitlines() if line.startswith("RESULT ")), None)
    if line is None:
        raise RuntimeError(f"wrk said: {done.stdout}{done.stderr}")
    said = json.loads(line.removeprefix("RESULT "))
    failed = said["refused"] + said["broken"] + said["torn"]
    return Load(said["requests"] - said["refused"] - said["torn"], failed, said["microseconds"] / 1e6)
