"""Many users at once, judgements and failures in between: a restart knows to the last digit what was known before."""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any  # JSON

import pytest

from store.writing import insert_new
from tests.service.serving import WELL, Served, served, settings

USERS, QUESTIONS = 8, 80
SORTS = ("spell the word", "how far is", "add up", "who founded the town of")


def use(service: Served) -> None:
    """Ask, of whoever the router picks or of the arm that fails now and then, and judge what was answered."""

    def ask(i: int) -> None:
        fails, question = i % 8 == 0, f"{SORTS[i % 3]} number {i}?"
        answer = service.ask(f"{question} broken" * fails or question, "auto" if i % 2 else "direct@moody")
        if not fails and answer.status_code == 200:  # after many failures in a row it is not asked for a while
            body = {"id": answer.json()["id"], "score": float(i % 3 > 0)}
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
    def slowly(*given: Any) -> int:
        found = insert_new(*given)
        time.sleep(0.02)  # runs fail while a judgement is being kept
        return found

    monkeypatch.setattr("store.ratings.insert_new", slowly)
    router = {"seed": 7, "policy": policy, "params": {"background": 0.0, "trees": 20.0} if policy == "layered" else {}}
    moody: dict[str, Any] = {"backend": str(Path(__file__).parent / "backends" / "moody.py")}
    models = {"well": WELL, "ill": WELL, "moody": moody, "unheard": WELL}
    own = settings(tmp_path, models, router=router)
    with served(own) as service:
        use(service)
        before = known(service)
    with served(own) as service:
        assert known(service) == before
    assert before[0]["judged"] > QUESTIONS / 2
    assert before[0]["arms"]["direct@moody"]["reward"] < before[0]["arms"]["direct@moody"]["n"], "failures were learned"
