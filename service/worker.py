"""One of several workers: serves on the socket that all share, and shows the metrics of all."""

import os
import shutil
import signal
import socket
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType

import structlog
from fastapi import FastAPI

from service.app import create_app
from service.house import House
from service.log import configure_served
from service.sections import Settings
from service.server import Server
from service.together import Together
from service.workers import share

KEEP_EVERY = 10
"""Ticks of uvicorn, a tenth of a second each, after which the other workers see this one's metrics."""


def work(
    settings: Settings,
    again: Callable[[], Settings],
    listener: socket.socket,
    folder: Path,
    number: int,
    reports: Connection,
    restarted: bool,
) -> None:
    """Serve `settings`, this worker's share, until SIGTERM. `folder` has the metrics of all.

    `reports` hears None once it serves, or what keeps it from that. One that is `restarted` reads the settings again,
    since they may have changed after the start of the others.
    """
    configure_served(settings.server, settings.secrets)  # a process that is not forked knows nothing of it
    structlog.contextvars.bind_contextvars(worker=number)
    app = create_app(settings, lambda: share(again()), restarted=restarted)
    server = _Worker(app, settings, folder, number, reports)
    try:
        server.run(sockets=[listener])
    except SystemExit:
        if server.failure is not None:
            reports.send(server.failure)
        raise
    finally:
        listener.close()


class _Worker(Server):
    """Ends at SIGTERM, or when nobody supervises it any more."""

    def __init__(self, app: FastAPI, settings: Settings, folder: Path, number: int, reports: Connection) -> None:
        super().__init__(app, settings)
        self._folder, self._number, self._reports = folder, number, reports
        self._supervisor = os.getppid()
        self._metrics: Together | None = None

    def ready(self, listener: socket.socket) -> None:
        house: House = self.app.state.houses.now
        self._metrics = house.metrics.registry = Together(house.metrics.registry, self._folder, self._number)
        self._metrics.keep()
        self._reports.send(None)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """However often it comes: who supervises kills what shall not end in peace."""
        self.should_exit = self.should_exit or sig == signal.SIGTERM

    async def on_tick(self, counter: int) -> bool:
        if counter % KEEP_EVERY == 0 and self._metrics is not None:
            self._metrics.keep()
        if os.getppid() != self._supervisor:
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        if os.getppid() != self._supervisor:
            shutil.rmtree(self._folder, ignore_errors=True)  # nobody else is left to do it
        elif self._metrics is not None:
            self._metrics.keep()
