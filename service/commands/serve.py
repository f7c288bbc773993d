"""`serve`: the service on a socket until Ctrl-C, which lets running answers end first."""

import logging
import math
import socket
import sys

import uvicorn
from fastapi import FastAPI

from models.errors import BadSettings, PointsmanError
from service import log
from service.app import create_app
from service.sections import Settings

HELLO = """Pointsman serves at {url}  (the page: {url}/ )
Try:  curl -s {url}/v1/chat/completions -H 'content-type: application/json' \\
        -d '{{"model": "auto", "messages": [{{"role": "user", "content": "What is 17 + 25?"}}]}}'
"""


def serve(settings: Settings) -> int:
    """Serve until Ctrl-C or SIGTERM; 0 at an orderly end. Raises what kept it from starting."""
    log.configure()
    listener = _bound(settings.server.host, settings.server.port)
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=math.ceil(settings.server.drain_seconds),
    )
    logging.getLogger("uvicorn.error").addFilter(lambda _: _failure(app) is None)  # it is told below, in one line
    server = _Server(config)
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        return 0  # uvicorn raises the signal again when everything is closed
    except SystemExit:  # its way to say that the start failed
        if failure := _failure(app):
            raise failure from None
        raise
    finally:
        listener.close()
    return 0


class _Server(uvicorn.Server):
    """uvicorn, which says on stdout when it is there and when it is going."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            host, port = sockets[0].getsockname()[:2]
            name = f"[{host}]" if ":" in host else host
            _say(HELLO.format(url=f"http://{'127.0.0.1' if host == '0.0.0.0' else name}:{port}"))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if running := len(self.server_state.tasks):
            _say(f"Waiting for running answers ({running}); Ctrl-C again stops at once\n")
        await super().shutdown(sockets)


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


def _failure(app: FastAPI) -> PointsmanError | None:
    failure: PointsmanError | None = getattr(app.state, "failure", None)
    return failure


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
