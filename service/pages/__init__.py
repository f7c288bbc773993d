"""The web page: an ask box, the last decisions and why they were taken; plain HTML, CSS and a little JavaScript."""

from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles

HERE = Path(__file__).parent
POLICY = (
    "default-src 'none'; img-src 'self'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
}
"""What every page and every file of it says to the browser: only our own scripts run, and nobody frames them."""

router = APIRouter(include_in_schema=False)


@router.get("/")
async def page() -> FileResponse:
    """The page itself; its data come over the same API as everybody's."""
    return FileResponse(HERE / "index.html", headers=HEADERS)


def install(app: FastAPI) -> None:
    """Serve the page and what belongs to it."""
    app.include_router(router)
    app.mount("/pages", _Files(directory=HERE / "static"))


class _Files(StaticFiles):
    """Static files under the policy of the page."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:  # Any: handed on as they are
        response = super().file_response(*args, **kwargs)
        response.headers.update(HEADERS)
        return response
