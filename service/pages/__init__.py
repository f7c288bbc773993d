"""The web page: an ask box, the last decisions and why they were taken; plain HTML, CSS and a little JavaScript."""

from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.responses import FileResponse
from starlette.staticfiles import StaticFiles

HERE = Path(__file__).parent
POLICY = (
    "default-src 'none'; img-src 'self'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'"
)

router = APIRouter(include_in_schema=False)


@router.get("/")
async def page() -> FileResponse:
    """The page itself; its data come over the same API as everybody's."""
    return FileResponse(HERE / "index.html", headers={"content-security-policy": POLICY})


def install(app: FastAPI) -> None:
    """Serve the page and what belongs to it."""
    app.include_router(router)
    app.mount("/pages", StaticFiles(directory=HERE / "static"))
