"""uvicorn as Pointsman runs it."""

import asyncio
import gc
import logging
import math
import signal
import socket
import sys

import uvicorn
from fastapi import FastAPI

from models.errors import PointsmanError
from service.sections import Settings

SWITCH = 0.0001
"""Seconds after which a thread that computes lets another one on.

SQLite's driver gives up the interpreter's lock at each row: with Python's own 5 ms the log's thread falls behind a busy
loop, without bound.
"""


class Server(uvicorn.Server):
    """Serves an app until a signal; Ctrl-C again stops at once."""

    def __init__(self, app: FastAPI, settings: Settings) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                ws="none",
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=math.ceil(settings.server.drain_seconds),
            )
        )
        self.app = app
        self._reloads: set[asyncio.Task[bool]] = set()

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until a signal. A failed start is not told here: the command does so, in one line."""
        told = logging.getLogger("uvicorn.error")
        told.addFilter(self._unfailed)
        try:
            super().run(sockets)
        finally:
            told.removeFilter(self._unfailed)

    def _unfailed(self, _: logging.LogRecord) -> bool:
        return self.failure is None

    @property
    def failure(self) -> PointsmanError | None:
        """What kept it from starting."""
        failure: PointsmanError | None = getattr(self.app.state, "failure", None)
        return failure

    def ready(self, listener: socket.socket) -> None:
        """Called once it answers on the socket, and acts on SIGHUP."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.collect()
        sys.setswitchinterval(SWITCH)
        gc.freeze()  # what is there now stays: looking through it again and again takes 0.2 s each time
        if self.started:
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._reload)
        if self.started and sockets:
            self.ready(sockets[0])

    def _reload(self) -> None:
        """Read the settings again, without anybody waiting for it."""
        task = asyncio.create_task(self.app.state.houses.reload())
        self._reloads.add(task)
        task.add_done_callback(self._reloads.discard)
