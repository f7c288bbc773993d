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
from service.sections import Settings
from service.server import Server
from service.together import Together

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
    """Serve until SIGTERM; `reports` hears None once it does, or what keeps it from that; `folder` has the metrics.

    One that is `restarted` reads the settings again, since they may have changed after the start of the others.
    """
    structlog.contextvars.bind_contextvars(worker=number)
    server = _Worker(create_app(settings, again, restarted=restarted), settings, folder, number, reports)
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
