"""Is it alive, is it ready, what does it count: `/healthz`, `/readyz`, `/metrics`."""

from typing import Any  # JSON

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from service.house import HouseOf
from service.keys import Caller
from service.metrics import CONTENT_TYPE

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def alive() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/readyz")
async def ready(request: Request, house: HouseOf) -> JSONResponse:
    """200 while the store can be reached and a model is open, else 503; `documents` may still be loading.

    Where a key is needed, `models` has the names that the request's key may know; without one, their number.
    """
    caller: Caller | None = request.app.state.guard.whose(request.headers.get("authorization", ""))
    store, told = await house.store.ready(), request.app.state.houses.told
    seen = None if caller is None else sorted(filter(caller.sees, house.backends))
    if str(told["setting"]).startswith("models.") and (caller is None or caller.models):
        told["setting"] = "models"  # what follows is a name
    models = len(house.backends) if seen is None else seen
    state: dict[str, Any] = {"store": store, "models": models, "documents": house.documents.state, "settings": told}
    good = store and bool(house.backends)
    return JSONResponse({"status": "ready" if good else "not ready", **state}, 200 if good else 503)


@router.get("/metrics")
async def metrics(house: HouseOf) -> Response:
    """The counters in Prometheus' text format."""
    return Response(house.metrics.text(), media_type=CONTENT_TYPE)
