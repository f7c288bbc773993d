"""`GET /v1/models`: what may be asked for: `auto`, every model, every `STRATEGY@MODEL`."""

import time
from typing import Any  # JSON

from fastapi import APIRouter

from models.errors import UnknownModel
from service.house import House, HouseOf

STARTED = int(time.time())

router = APIRouter(tags=["openai"])


@router.get("/v1/models")
async def models(house: HouseOf) -> dict[str, Any]:
    """All names that `model` may take, in OpenAI's shape."""
    return {"object": "list", "data": _models(house)}


@router.get("/v1/models/{name:path}")
async def model(name: str, house: HouseOf) -> dict[str, Any]:
    """One of them. Raises UnknownModel."""
    for entry in _models(house):
        if entry["id"] == name:
            return entry
    raise UnknownModel(f"unknown model {name!r}; GET /v1/models lists those there are", param="model")


def _models(house: House) -> list[dict[str, Any]]:
    tables = house.settings.models
    roles = {name: tables[name].role for name in house.backends if tables[name].role}
    names = ["auto", *house.backends, *map(str, house.catalog.named())]
    return [_entry(name, roles.get(name)) for name in names]


def _entry(name: str, role: str | None) -> dict[str, Any]:
    entry: dict[str, Any] = {"id": name, "object": "model", "created": STARTED, "owned_by": "pointsman"}
    return entry if role is None else {**entry, "role": role}
