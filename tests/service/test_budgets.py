"""A budget of the settings is charged, booked and shown, and a restart comes back to the same books."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any  # TOML values

import pytest

from models.errors import BadSettings
from service.house import opened
from tests.service.serving import WELL, served, settings

DEAR = {**WELL, "usd_per_1m_in": 5.0, "usd_per_1m_out": 20.0}
MODELS: Mapping[str, Mapping[str, Any]] = {"cheap": {**WELL, "usd_per_1m_out": 1.0}, "dear": DEAR}


def test_declared_prices_tell_arms_apart_before_anything_has_run(tmp_path: Path) -> None:
    with served(settings(tmp_path, MODELS)) as service:
        usd = {entry["arm"]: entry["cost"]["usd"] for entry in service.get("/v1/arms")["data"]}
    assert usd["direct@dear"] > 20 * usd["direct@cheap"] > 0


def test_a_restart_comes_back_to_the_same_costs_and_the_same_books(tmp_path: Path) -> None:
    chosen = settings(tmp_path, MODELS, router={"params": {"usd_per_query": 1e-5}})
    with served(chosen) as service:
        assert service.get("/v1/policies")["budgets"]["usd"]["mean"] is None
        for i in range(12):
            answer = service.ask("How are you?" + " Really?" * i, f"direct@{('cheap', 'dear')[i % 2]}").json()
            service.decision(answer["id"], "ok")
        books, arms = service.get("/v1/policies")["budgets"], service.get("/v1/arms")
        route = {"messages": [{"role": "user", "content": "How are you now?"}], "pointsman": {"explore": False}}
        estimates = service.http.post("/v1/route", json=route).json()["estimates"]
    assert books["usd"]["queries"] == 12
    assert books["usd"]["mean"] > 1e-5
    assert books["usd"]["price"] > 0.1
    assert estimates["direct@dear"]["usd"] > 2 * estimates["direct@cheap"]["usd"]
    assert estimates["direct@dear"]["tokens"] > 0
    with served(chosen) as service:
        assert service.get("/v1/policies")["budgets"] == books
        assert service.get("/v1/arms") == arms
        assert service.http.post("/v1/route", json=route).json()["estimates"] == estimates


async def test_a_budget_that_cannot_be_meant_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"router\.params\.usd_per_query = -1"):
        async with opened(settings(tmp_path, router={"params": {"usd_per_query": -1.0}})):
            pass
