"""`serve`: the service on a socket until Ctrl-C, which lets running answers end first."""

import socket
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from fastapi import FastAPI

from models.errors import BadSettings
from service import log
from service.app import create_app
from service.exposure import check_exposure
from service.hangups import Early
from service.sections import Settings
from service.server import Server
from service.worker import work
from service.workers import Workers, check, share

HELLO = """Pointsman serves at {url}  (the page: {url}/ )
Try:  curl -s {url}/v1/chat/completions -H 'content-type: application/json' \\
        -d '{{"model": "auto", "messages": [{{"role": "user", "content": "What is 17 + 25?"}}]}}'
"""
LEAVING = "Waiting for running answers; Ctrl-C again stops at once\n"


def serve(settings: Settings, again: Callable[[], Settings], early: Early) -> int:
    """Serve until Ctrl-C or SIGTERM; 0 at an orderly end. Raises what kept it from starting.

    `again` reads the settings once more, at SIGHUP; one that came `early` is acted on once it serves.
    """
    log.configure_served(settings.server, settings.secrets)
    check(settings)
    listener = _bound(settings.server.host, settings.server.port)
    try:
        check_exposure(settings, listener.getsockname()[0])
        if settings.server.workers > 1:
            return _together(settings, again, listener, early)
        return _alone(settings, again, listener, early)
    finally:
        listener.close()


def _alone(settings: Settings, again: Callable[[], Settings], listener: socket.socket, early: Early) -> int:
    server = _Server(create_app(settings, again), settings, early)
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        return 0  # uvicorn raises the signal again when everything is closed
    except SystemExit:  # its way to say that the start failed
        if server.failure is not None:
            raise server.failure from None
        raise
    return 0


def _together(settings: Settings, again: Callable[[], Settings], listener: socket.socket, early: Early) -> int:
    """The same by several processes, which this one only watches."""

    def ready() -> None:
        _say(_hello(listener))
        early.tell()

    with tempfile.TemporaryDirectory(prefix="pointsman-workers-") as folder:
        run = partial(work, share(settings), again, listener, Path(folder))
        workers = Workers(settings.server.workers, run, settings.server.drain_seconds)
        workers.supervise(ready=ready, leaving=lambda: _say(LEAVING))
    return 0


class _Server(Server):
    """Says on stdout when it is there and when it is going."""

    def __init__(self, app: FastAPI, settings: Settings, early: Early) -> None:
        super().__init__(app, settings)
        self._early = early

    def ready(self, listener: socket.socket) -> None:
        _say(_hello(listener))
        self._early.tell()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if running := len(self.server_state.tasks):
            _say(f"Waiting for running answers ({running}); Ctrl-C again stops at once\n")
        await super().shutdown(sockets)


def _hello(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    name = f"[{host}]" if ":" in host else host
    return HELLO.format(url=f"http://{'127.0.0.1' if host == '0.0.0.0' else name}:{port}")


def _bound(host: str, port: int) -> socket.socket:
    """The socket to listen on, taken before models are loaded, so that a port in use is told at once."""
    listener = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        if listener is not None:
            listener.close()
        raise BadSettings(f"server.host, server.port: cannot listen on {host}:{port}: {error.strerror}") from error
    return listener


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
