"""The stub upstream itself: a listener in a thread of its own, what it was told to do and what it saw."""

import asyncio
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self  # Any: JSON

from tests.upstream.behaviour import Behaviour, Mode
from tests.upstream.connection import Connection

EVERY = "*"


@dataclass(slots=True)
class Seen:
    """One request as it came; `at`, `finished` and `aborted` are moments of time.monotonic()."""

    at: float
    method: str
    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]
    finished: float | None = None
    aborted: float | None = None

    @property
    def model(self) -> str:
        """The model that was asked."""
        return str(self.body.get("model", ""))


@dataclass(slots=True)
class Upstream:
    """An OpenAI-compatible server at `url` (without /v1; it answers with and without) for the length of a `with` block.

    `set` says how a model, a path (as "/embeddings") or everything ("*") behaves; it holds from the next request on.
    `keep` is how many of the latest requests stay in `seen`; None is all of them. Raises OSError if the port is taken.
    """

    behaviour: Behaviour = field(default_factory=Behaviour)
    names: tuple[str, ...] = ("stub",)
    host: str = "127.0.0.1"
    port: int = 0
    keep: int | None = None
    seen: deque[Seen] = field(init=False)
    requests: int = field(init=False, default=0)
    connections: int = field(init=False, default=0)
    open_now: int = field(init=False, default=0)
    most_open: int = field(init=False, default=0)
    _modes: dict[str, Mode] = field(init=False, default_factory=dict)
    _lines: set[Connection] = field(init=False, default_factory=set)
    _loop: asyncio.AbstractEventLoop | None = field(init=False, default=None)
    _thread: threading.Thread | None = field(init=False, default=None)
    _stop: asyncio.Event | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.seen = deque(maxlen=self.keep)
        self.set(EVERY, self.behaviour)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, what: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{self.host}:{self.port}"

    @property
    def aborted(self) -> list[Seen]:
        """The requests whose clients left before the reply was whole."""
        return [one for one in self.seen if one.aborted is not None]

    def set(self, name: str, behaviour: Behaviour) -> None:
        """How a model, a path or everything ("*") answers from now on."""
        self._modes[name] = Mode(behaviour)

    def start(self) -> None:
        """Listen; after a stop, on the same port again."""
        listener = socket.create_server((self.host, self.port), backlog=512)
        self.port = listener.getsockname()[1]
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self.serve(listener, ready)), daemon=True)
        self._thread.start()
        ready.wait(10)

    def stop(self) -> None:
        """Drop every connection and listen no more: whoever connects now is refused."""
        if self._thread is not None and self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(10)
            self._thread = None

    def until(self, holds: Callable[["Upstream"], bool], patience: float = 5.0) -> None:
        """Wait until something holds. Raises AssertionError with what was seen."""
        deadline = time.monotonic() + patience
        while not holds(self):
            assert time.monotonic() < deadline, f"not within {patience} s; seen: {list(self.seen)}"
            time.sleep(0.005)

    async def serve(self, listener: socket.socket, ready: threading.Event | None = None) -> None:
        """Serve on the listener until `stop`."""
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await self._loop.create_server(lambda: Connection(self), sock=listener)
        if ready is not None:
            ready.set()
        await self._stop.wait()
        server.close()
        for line in list(self._lines):
            line.abort()
        await asyncio.sleep(0.01)  # so that they are told

    def counts(self) -> dict[str, int]:
        """The counters."""
        return {
            "requests": self.requests,
            "connections": self.connections,
            "connected": len(self._lines),
            "open": self.open_now,
            "most_open": self.most_open,
        }

    def mode(self, route: str, model: str) -> Mode:
        """What holds for a request: that of its path, else that of its model, else that of everything."""
        return self._modes.get(route) or self._modes.get(model) or self._modes[EVERY]

    def note(self, method: str, path: str, head: bytes, body: dict[str, Any]) -> Seen:
        """Write a request down."""
        self.requests += 1
        self.open_now += 1
        self.most_open = max(self.most_open, self.open_now)
        if self.keep == 0:
            return Seen(0.0, method, path, {}, body)
        lines = (line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:])
        headers = {name.lower(): value.strip() for name, _, value in lines}
        seen = Seen(time.monotonic(), method, path, headers, body)
        self.seen.append(seen)
        return seen

    def ended(self) -> None:
        """A request is over, one way or the other."""
        self.open_now -= 1

    def came(self, line: Connection) -> None:
        """A connection was made."""
        self.connections += 1
        self._lines.add(line)

    def left(self, line: Connection) -> None:
        """A connection is gone."""
        self._lines.discard(line)
