"""A real server in a thread, on a free port, with the settings that a test needs."""

import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # JSON and TOML values

import httpx
import uvicorn
from openai import OpenAI

from service.app import create_app
from service.sections import Settings

SLOW = str(Path(__file__).parent / "backends" / "slow.py")
WELL = {"backend": "scripted", "extra": {"replies": {"capital": "Paris is the capital."}, "reply": "I am well."}}
ILL = {"backend": "scripted", "extra": {"reply": "I am ill."}}


@dataclass(frozen=True, slots=True)
class Served:
    """A running service, and the ways to talk to it."""

    url: str
    http: httpx.Client

    def client(self, key: str = "none") -> OpenAI:
        """The official client."""
        return OpenAI(base_url=f"{self.url}/v1", api_key=key, max_retries=0, timeout=30.0)

    def ask(self, question: str, model: str = "auto", **more: Any) -> httpx.Response:
        """One chat completion as a plain POST."""
        body = {"model": model, "messages": [{"role": "user", "content": question}], **more}
        return self.http.post("/v1/chat/completions", json=body)

    def get(self, path: str, **params: Any) -> Any:
        """A JSON resource that must be there."""
        return self.http.get(path, params=params).raise_for_status().json()

    def decision(self, decision_id: str, until: str, patience: float = 10.0) -> dict[str, Any]:
        """The row of a decision, once its outcome has that status."""
        deadline = time.monotonic() + patience
        while True:
            reply = self.http.get(f"/v1/decisions/{decision_id}")
            row: dict[str, Any] = reply.json()
            if reply.status_code == 200 and (row.get("outcome") or {}).get("status") == until:
                return row
            assert time.monotonic() < deadline, row
            time.sleep(0.02)


def settings(folder: Path, models: Mapping[str, Mapping[str, Any]] | None = None, **tables: Any) -> Settings:
    """Two scripted models, one strategy, a database in the folder; keyword arguments are tables of the settings."""
    tree = {
        "store": {"url": f"sqlite:///{folder / 'test.db'}"},
        "models": models or {"well": WELL, "ill": ILL},
        "strategies": {"enabled": ["direct"]},
        "router": {"seed": 7},
        **tables,
    }
    return Settings.model_validate(tree)


def slow(folder: Path, **extra: Any) -> dict[str, Any]:
    """A model that takes its time; its journal is `journal.txt` in the folder."""
    return {"backend": SLOW, "extra": {"journal": str(folder / "journal.txt"), **extra}}


@contextmanager
def served(chosen: Settings) -> Iterator[Served]:
    """The service, ready; it is stopped as Ctrl-C stops it."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        create_app(chosen), log_config=None, access_log=False, ws="none", lifespan="on", timeout_graceful_shutdown=5
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the service did not start; its log says why"
            time.sleep(0.01)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with httpx.Client(base_url=url, timeout=30.0) as http:
            yield Served(url, http)
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
