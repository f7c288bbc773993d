"""A client of the Responses API that leaves stops its run, and one reader alone waits for its leaving."""

from pathlib import Path

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.app import create_app
from service.sections import Settings
from tests.service import serving
from tests.service.serving import served, settings, slow


class Counted:
    """An app that is served as it is; `most` is how many at once have waited for a word of one client."""

    def __init__(self, app: ASGIApp) -> None:
        self._app, self.most = app, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on."""
        waiting = 0

        async def counted() -> Message:
            nonlocal waiting
            waiting += 1
            self.most = max(self.most, waiting)
            try:
                return await receive()
            finally:
                waiting -= 1

        await self._app(scope, counted, send)


@pytest.mark.parametrize("stream", [False, True])
def test_one_reader_alone_waits_for_the_leaving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stream: bool) -> None:
    made: list[Counted] = []

    def counted(chosen: Settings) -> ASGIApp:
        made.append(Counted(create_app(chosen)))
        return made[-1]

    monkeypatch.setattr(serving, "create_app", counted)
    with served(settings(tmp_path, {"slow": slow(tmp_path, pieces=3, pause=0.05)})) as service:
        reply = service.http.post("/v1/responses", json={"input": "Go.", "stream": stream})
        assert "tick tick tick" in reply.text
    assert made[0].most == 1
