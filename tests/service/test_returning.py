"""Many users at once, judgements and failures in between: a restart knows to the last digit what was known before."""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any  # JSON

import pytest

from store import ratings
from tests.service.serving import WELL, Served, served, settings, slow

USERS, QUESTIONS = 8, 80
SORTS = ("spell the word", "how far is", "add up", "who founded the town of")


def use(service: Served) -> None:
    """Ask, of whoever the router picks or of the arm that always fails, and judge what was well answered."""

    def ask(i: int) -> None:
        answer = service.ask(f"{SORTS[i % 4]} number {i}?", "direct@broken" if i % 5 == 0 else "auto").json()
        if i % 5:
            body = {"id": answer["id"], "score": float(i % 3 > 0)}
            service.http.post("/v1/feedback", json=body).raise_for_status()

    with ThreadPoolExecutor(USERS) as users:
        list(users.map(ask, range(QUESTIONS)))


def known(service: Served) -> tuple[Any, list[Any]]:
    """Everything that is believed, and what is expected of every arm at some questions."""
    asked = [{"messages": [{"role": "user", "content": f"{sort} number 999?"}]} for sort in SORTS]
    pinned = [{**body, "pointsman": {"explore": False}} for body in asked]
    routed = [service.http.post("/v1/route", json=body).raise_for_status().json() for body in pinned]
    return service.get("/v1/policies")["beliefs"], [_expected(one) for one in routed]


def _expected(routed: Mapping[str, Any]) -> dict[str, float]:
    return {arm: round(one["quality"], 9) for arm, one in sorted(routed["estimates"].items())}


@pytest.mark.parametrize("policy", ["layered", "thompson"])
def test_a_restart_believes_what_was_believed_after_many_had_judged_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, policy: str
) -> None:
    insert = ratings.insert_new

    def slowly(*given: Any) -> int:
        found = insert(*given)
        time.sleep(0.004)  # runs fail while a judgement is being kept
        return found

    monkeypatch.setattr(ratings, "insert_new", slowly)
    router = {"seed": 7, "policy": policy, "params": {"background": 0.0, "trees": 20.0} if policy == "layered" else {}}
    models = {"well": WELL, "ill": WELL, "broken": slow(tmp_path, fail_after=0), "unheard": WELL}
    own = settings(tmp_path, models, router=router)
    with served(own) as service:
        use(service)
        before = known(service)
    with served(own) as service:
        assert known(service) == before
    assert sum(row["n"] for row in before[0]["arms"].values()) == QUESTIONS
