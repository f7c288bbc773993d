"""`GET /v1/decisions`: the log, newest first, and one decision with everything that belongs to it."""

from typing import Annotated, Any  # Any: JSON

from fastapi import APIRouter, Query

from service.errors import NotThere
from service.house import HouseOf

router = APIRouter(tags=["decisions"])


@router.get("/v1/decisions")
async def decisions(
    house: HouseOf,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    before: str | None = None,
    arm: str | None = None,
    q: str | None = None,
) -> dict[str, Any]:
    """The latest decisions, older than the one whose id is `before`, of one arm, with `q` in the question."""
    rows = await house.store.log.decisions(limit=limit + 1, before=before, arm=arm, q=q)
    return {"object": "list", "data": rows[:limit], "has_more": len(rows) > limit}


@router.get("/v1/decisions/{decision_id}")
async def decision(decision_id: str, house: HouseOf) -> dict[str, Any]:
    """One decision: estimates, propensities, neighbours, calls with prompts and replies, outcome and feedback."""
    found: dict[str, Any] | None = await house.store.log.decision(decision_id)
    if found is None:
        raise NotThere(f"no decision has the id {decision_id!r}", param="id")
    return found
