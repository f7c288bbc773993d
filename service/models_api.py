"""`GET /v1/models`: what may be asked for: `auto`, every model, every `STRATEGY@MODEL`."""

import time
from typing import Any  # JSON

from fastapi import APIRouter, Request

from models.errors import UnknownModel
from service.house import House, HouseOf
from service.keys import Caller

STARTED = int(time.time())
EVERYTHING = "Picks the model and the strategy for each question"

router = APIRouter(tags=["openai"])


@router.get("/v1/models")
async def models(request: Request, house: HouseOf) -> dict[str, Any]:
    """All names that `model` may take in requests with this key, in OpenAI's shape."""
    return {"object": "list", "data": _models(house, request)}


@router.get("/v1/models/{name:path}")
async def model(name: str, request: Request, house: HouseOf) -> dict[str, Any]:
    """One of them. Raises UnknownModel."""
    for entry in _models(house, request):
        if entry["id"] == name:
            return entry
    raise UnknownModel(f"unknown model {name!r}; GET /v1/models lists those there are", param="model")


def _models(house: House, request: Request) -> list[dict[str, Any]]:
    caller: Caller = getattr(request.state, "key", None) or Caller()  # the gate's
    tables = house.settings.models
    entries = [_entry("auto", EVERYTHING)]
    for name in house.backends:
        if not caller.sees(name):
            continue
        role = tables[name].role if name in tables else ""
        entry = _entry(name, role or f"{name}, with the strategy that suits the question")
        entries.append({**entry, "role": role} if role else entry)
    strategies = house.catalog.strategies
    arms = [arm for arm in house.catalog.named() if caller.sees(arm.model)]
    return [*entries, *(_entry(str(arm), strategies[arm.strategy].summary) for arm in arms)]


def _entry(name: str, description: str) -> dict[str, Any]:
    """A name in OpenAI's shape; `name` and `description` are what chat apps show."""
    entry: dict[str, Any] = {"id": name, "object": "model", "created": STARTED, "owned_by": "pointsman"}
    return {**entry, "name": name, "description": description}
