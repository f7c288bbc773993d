"""What the router would do and what it knows: `/v1/route`, `/v1/policies`, `/v1/arms`."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any  # JSON

from fastapi import APIRouter, Request

from models.errors import StoreError
from router.types import Decision, Neighbour
from service.asking import decided
from service.house import House, HouseOf
from service.keys import Caller
from service.wire import ChatBody

router = APIRouter(tags=["router"])


@router.post("/v1/route")
async def route(body: ChatBody, request: Request, house: HouseOf) -> dict[str, Any]:
    """The decision on a conversation, without its run; nothing is logged."""
    caller: Caller = getattr(request.state, "key", None) or Caller()  # the gate's
    decision = await decided(body, request, house)
    return decision_json(decision, await _shown(decision.neighbours, caller, house))


@router.get("/v1/policies")
async def policies(house: HouseOf) -> dict[str, Any]:
    """The policy at work and what it believes, per arm and region; what budgets there are and what was spent."""
    settings = house.settings.router
    return {
        "object": "policy",
        "policy": house.policy.name,
        "quality": settings.quality,
        "explore": settings.explore,
        "beliefs": house.policy.beliefs(),
        "budgets": house.engine.pacer.books(),
    }


@router.get("/v1/arms")
async def arms(house: HouseOf) -> dict[str, Any]:
    """Every arm: what its strategy is, how many calls it makes, what it takes for a question of the usual length (the
    mean, and what nine runs in ten stay below), and what is believed of it, over all questions and in each region."""
    beliefs = house.policy.beliefs()
    everywhere, regions = _rows(beliefs.get("arms")), _rows(beliefs.get("regions"))
    data = []
    for arm in house.catalog.arms():
        strategy = house.catalog.strategies[arm.strategy]
        params = {**strategy.params, **house.settings.strategies.params.get(arm.strategy, {})}
        calls, split = strategy.calls(params), house.catalog.split(arm)
        data.append(
            {
                "arm": str(arm),
                "model": arm.model,
                "strategy": arm.strategy,
                "summary": strategy.summary,
                "paper": strategy.paper,
                "params": params,
                "calls": calls,
                "cost": house.costs.estimate(arm, calls, split=split)._asdict(),
                "at_most": house.costs.ceiling(arm, calls, split=split)._asdict(),
                "belief": everywhere.get(str(arm)),
                "regions": {name: rows[str(arm)] for name, rows in regions.items() if str(arm) in _rows(rows)},
            }
        )
    return {"object": "list", "data": data}


def _rows(believed: object) -> dict[str, Any]:
    """A table of a policy's beliefs; empty where the policy keeps none."""
    return believed if isinstance(believed, dict) else {}


async def _shown(neighbours: Sequence[Neighbour], caller: Caller, house: House) -> Sequence[Neighbour]:
    """The past queries that this caller may know of; none but with everybody's where the log cannot be read now."""
    if caller.own is None or not neighbours:
        return neighbours
    try:
        own = await house.store.ratings.among([one.decision_id for one in neighbours], caller.own)
    except StoreError:
        return ()
    return [one for one in neighbours if one.decision_id in own]


def decision_json(decision: Decision, neighbours: Sequence[Neighbour] | None = None) -> dict[str, Any]:
    """A decision with everything it was taken by, or with these of its neighbours; times in seconds."""
    shown = decision.neighbours if neighbours is None else neighbours
    return {
        "id": decision.id,
        "object": "decision",
        "arm": str(decision.arm),
        "model": decision.arm.model,
        "strategy": decision.arm.strategy,
        "policy": decision.policy,
        "revision": decision.revision,
        "why": decision.why,
        "probability": decision.probability,
        "propensities": {str(arm): p for arm, p in decision.propensities.items()},
        "estimates": {str(arm): asdict(estimate) for arm, estimate in decision.estimates.items()},
        "neighbours": [asdict(neighbour) for neighbour in shown],
        "notes": [{"text": note.text, "facts": dict(note.facts)} for note in decision.notes],
        "seconds": decision.seconds,
        "embed_seconds": decision.embed_seconds,
    }
