"""What the played apps have in common: an ASGI app on a real socket, an example loaded from its file."""

import importlib.util
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType

import uvicorn
from starlette.applications import Starlette

from tests.checkout import ROOT
from tests.service.serving import Served

EXAMPLES = ROOT / "examples"


@contextmanager
def listening(app: Starlette) -> Iterator[str]:
    """The app's address while it listens in a thread."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        until(lambda: server.started)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def until(holds: Callable[[], object], patience: float = 10.0) -> None:
    """Wait for it."""
    deadline = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.01)


def loaded(name: str) -> ModuleType:
    """The example file as a module."""
    path = EXAMPLES / name
    spec = importlib.util.spec_from_file_location(f"example_{path.parent.name}_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def feedback(service: Served, decision_id: str) -> list[tuple[str, float]]:
    """Who judged a decision, and how."""
    rows = service.decision(decision_id, "ok")["feedback"]
    return [(row["rater"], row["reward"]) for row in rows]
