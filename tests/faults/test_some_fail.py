"""T5: where several calls are made at once and some fail, the rest answers, and that is said; if all fail: 502."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any  # JSON

import pytest

from tests.faults.standing import over, refused, streamed
from tests.service.serving import Served, served
from tests.upstream import Behaviour, Upstream

PANEL = json.dumps({"Cook": "Cooks.", "Baker": "Bakes.", "Brewer": "Brews."})
MERGED = "AGREED: bread\nCHOICE: combined - it says most\nFINAL ANSWER: Bread is best."


@pytest.fixture
def up() -> Iterator[Upstream]:
    with Upstream() as upstream:
        yield upstream


@pytest.fixture
def panel(tmp_path: Path, up: Upstream) -> Iterator[Served]:
    """A service whose experts are three."""
    with served(over(tmp_path, up, "one", strategies={"enabled": ["direct", "multi_expert"]})) as running:
        yield running


def experts_of(ill: set[str]) -> Behaviour:
    """Roles, experts and the merge as multi_expert asks for them; the experts named fall silent."""

    def says(asked: dict[str, Any]) -> str | dict[str, Any]:
        words = asked["messages"][-1]["content"]
        if "Name exactly" in words:
            return PANEL
        if "You are " in words:
            name = words.partition("You are ")[2].partition(":")[0]
            # Content that is no text: the call fails as it does where a server sends nonsense.
            return {"content": None, "tool_calls": [7]} if name in ill else f"The {name} says bread."
        return MERGED

    return Behaviour(says=says)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("ill", [{"Cook"}, {"Cook", "Brewer"}], ids=["one", "two"])
def test_the_experts_that_are_left_answer_and_the_answer_says_that_some_failed(
    panel: Served, up: Upstream, ill: set[str], stream: bool
) -> None:
    up.set("one", experts_of(ill))
    reply = panel.ask("What is best?", "multi_expert@one", stream=stream)
    assert reply.status_code == 200, reply.text
    told = streamed(reply.text).told if stream else reply.json()["pointsman"]
    assert told is not None
    assert (told["degraded"], told["arm"], told["chosen"]) == (True, "multi_expert@one", "multi_expert@one")
    assert "one of 3 calls failed" in told["error"]
    decision_id = panel.get("/v1/decisions", limit=1)["data"][0]["id"]
    row = panel.decision(decision_id, "degraded")
    assert row["outcome"]["error"] == told["error"]
    assert sum(call["error"] is not None for call in row["calls"]) == len(ill)
    assert row["feedback"] == [], "the arm is not to blame for it"


def test_an_answer_of_all_experts_is_not_called_degraded(panel: Served, up: Upstream) -> None:
    up.set("one", experts_of(set()))
    told = panel.ask("What is best?", "multi_expert@one").json()
    assert "degraded" not in told["pointsman"]
    assert panel.decision(told["id"], "ok")["outcome"]["error"] is None


def test_where_every_expert_fails_the_model_is_asked_directly_and_that_is_said(panel: Served, up: Upstream) -> None:
    up.set("one", experts_of({"Cook", "Baker", "Brewer"}))
    reply = panel.ask("What is best?", "multi_expert@one")
    refused(reply)
    assert reply.status_code == 502
    assert "'one'" in reply.json()["error"]["message"]
    panel.decision(panel.get("/v1/decisions", limit=1)["data"][0]["id"], "failed")


def test_where_all_samples_fail_the_cause_is_told(tmp_path: Path, up: Upstream) -> None:
    up.set("one", Behaviour(status=500))
    with served(over(tmp_path, up, "one", strategies={"enabled": ["direct", "self_consistency"]})) as service:
        error = refused(service.ask("What is 2 + 2?", "self_consistency@one"))
        assert "answered 500" in error["message"]
