"""Is it alive, is it ready, what does it count: `/healthz`, `/readyz`, `/metrics`."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from service.house import HouseOf
from service.metrics import CONTENT_TYPE

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def alive() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/readyz")
async def ready(request: Request, house: HouseOf) -> JSONResponse:
    """200 while the store can be reached and a model is open, else 503; `documents` may still be loading."""
    store = await house.store.ready()
    state = {"store": store, "models": sorted(house.backends), "documents": house.documents.state}
    state["settings"] = request.app.state.houses.told
    good = store and bool(house.backends)
    return JSONResponse({"status": "ready" if good else "not ready", **state}, 200 if good else 503)


@router.get("/metrics")
async def metrics(house: HouseOf) -> Response:
    """The counters in Prometheus' text format."""
    return Response(house.metrics.text(), media_type=CONTENT_TYPE)
