"""T10: whatever the log holds of what was learned, the service starts, answers by what can be read, and says so."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any  # JSON

import pytest
from structlog.testing import capture_logs

from tests.faults.standing import refused
from tests.service.serving import Served, served, settings

QUESTIONS = [f"How are you on day {i}?" for i in range(6)]
ROUTER = {"seed": 7, "params": {"background": 0.0}}
NAN = json.dumps({"direct@well": float("nan"), "direct@ill": float("inf")})
DAMAGE = {
    "propensities that are no numbers": f"UPDATE decisions SET propensities = '{NAN}', propensity = 'NaN'",
    "propensities that are gone": "UPDATE decisions SET propensities = '{}'",
    "propensities of arms there are not": "UPDATE decisions SET propensities = '{\"magic@nobody\": 1.0}'",
    "propensities below zero": "UPDATE decisions SET propensities = '{\"direct@well\": -5.0}', propensity = -5.0",
    "estimates that are no numbers": f"UPDATE decisions SET estimates = '{NAN}'",
    "rewards that are no numbers": "UPDATE feedback SET reward = 'NaN'",
    "rewards without a bound": "UPDATE feedback SET reward = 9e999",
    "embeddings that are gone": "UPDATE queries SET embedding = x''",
    "embeddings of another embedder": "UPDATE queries SET embedder = 'another', embedding = x'0000803f'",
    "no feedback": "DELETE FROM feedback",
    "no outcomes": "DELETE FROM outcomes",
}

LEFT_OUT = {name: len(QUESTIONS) for name in DAMAGE if name.startswith("rewards") or name == "no feedback"}
"""How many judgements nothing is learned from."""
WARNED = {name: "feedback that cannot be read left out" for name in DAMAGE if name.startswith("rewards")}
WARNED |= {name: "feedback without an embedding of its question" for name in DAMAGE if name.startswith("embeddings")}
"""What the log says of them."""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a log with some judgements, whose service is down."""
    folder = tmp_path_factory.mktemp("learned")
    with served(settings(folder, router=ROUTER)) as service:
        for i, question in enumerate(QUESTIONS):
            told = service.ask(question, ("direct@well", "direct@ill")[i % 2]).json()
            rate(service, told["id"], score=float(i % 2 == 0))
    return folder


@pytest.fixture
def learned(kept: Path, tmp_path: Path) -> Path:
    """A copy of it, to be damaged."""
    for file in kept.glob("test.db*"):
        shutil.copy(file, tmp_path)
    return tmp_path


def rate(service: Served, decision_id: str, **judgement: Any) -> dict[str, Any]:
    """A judgement that is taken."""
    reply = service.http.post("/v1/feedback", json={"id": decision_id, **judgement})
    assert reply.status_code == 200, reply.text
    told: dict[str, Any] = reply.json()
    return told


def judged(service: Served) -> float:
    """How many judgements the policy's beliefs of arms rest on."""
    return sum(float(arm["n"]) for arm in service.get("/v1/policies")["beliefs"]["arms"].values())


def run(folder: Path, statement: str) -> None:
    """Change the database of a service that is down."""
    with closing(sqlite3.connect(folder / "test.db")) as database, database:
        database.execute("PRAGMA foreign_keys = OFF")
        database.execute(statement)


def works(service: Served) -> None:
    """It answers, decides with probabilities that are some, takes feedback, and learns from it."""
    told = service.ask("How are you today?").json()
    probability = told["pointsman"]["probability"]
    assert 0.0 < probability <= 1.0
    row = service.decision(told["id"], "ok")
    assert sum(row["propensities"].values()) == pytest.approx(1.0)
    assert all(0.0 <= one["quality"] <= 1.0 for one in row["estimates"].values())
    assert rate(service, told["id"], thumb="up")["learned"][0]["reward"] == 1.0
    for path in ("/v1/policies", "/v1/arms", "/v1/decisions"):
        strict(service.http.get(path).raise_for_status().text)
    assert service.http.get("/readyz").status_code == 200


def strict(text: str) -> Any:
    """JSON as others read it, which has no NaN."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_log_keeps_nothing_from_working(learned: Path, damage: str) -> None:
    run(learned, DAMAGE[damage])
    with capture_logs() as told, served(settings(learned, router=ROUTER)) as service:
        assert judged(service) == len(QUESTIONS) - LEFT_OUT.get(damage, 0)
        works(service)
    counts = {line["event"]: line["count"] for line in told if line["log_level"] == "warning" and "count" in line}
    assert counts == ({WARNED[damage]: len(QUESTIONS)} if damage in WARNED else {})


@pytest.mark.parametrize(
    "fitted", ["", "{", "null", "[]", "{}", '{"policy": NaN}', '{"policy": "layered", "params": {"background": NaN}}']
)
def test_a_policy_version_that_cannot_be_meant_is_passed_over_and_told(learned: Path, fitted: str) -> None:
    at = "2026-01-01 00:00:00.000000"
    with closing(sqlite3.connect(learned / "test.db")) as database, database:
        table = "policy_versions (at, policy, fitted, report, promoted_at)"
        database.execute(f"INSERT INTO {table} VALUES (?, 'layered', ?, '{{}}', ?)", (at, fitted, at))
    with capture_logs() as told, served(settings(learned, router=ROUTER)) as service:
        works(service)
    assert any("policy version" in line["event"] for line in told if line["log_level"] == "warning")


def test_a_database_that_is_gone_is_a_fresh_start(learned: Path) -> None:
    for file in learned.glob("test.db*"):
        file.unlink()
    with served(settings(learned, router=ROUTER)) as service:
        assert service.get("/v1/decisions")["data"] == []
        works(service)


def test_an_empty_file_is_a_fresh_start(learned: Path) -> None:
    for file in learned.glob("test.db*"):
        file.unlink()
    (learned / "test.db").touch()
    with served(settings(learned, router=ROUTER)) as service:
        works(service)


@pytest.fixture
def known(learned: Path) -> Iterator[Served]:
    """The service over that log."""
    with served(settings(learned, router=ROUTER)) as service:
        yield service


@pytest.mark.parametrize(
    "judgement",
    [{"score": 0.25, "rater": "me"}, {"thumb": "down", "rater": "me"}, {"correction": "I am well.", "rater": "me"}],
    ids=str,
)
def test_feedback_that_is_sent_again_counts_once_before_and_after_a_restart(
    learned: Path, judgement: dict[str, Any]
) -> None:
    with served(settings(learned, router=ROUTER)) as service:
        decision_id = service.get("/v1/decisions", limit=1)["data"][0]["id"]
        first = rate(service, decision_id, **judgement, idempotency_key="once")
        beliefs = service.get("/v1/policies")
        for key in ("once", None):
            again = rate(service, decision_id, **judgement, idempotency_key=key)
            assert (first["repeated"], again["repeated"]) == (False, True)
            assert again["learned"] == first["learned"]
        assert service.get("/v1/policies") == beliefs
    with served(settings(learned, router=ROUTER)) as service:
        assert service.get("/v1/policies") == beliefs
        assert rate(service, decision_id, **judgement)["repeated"]
        assert service.get("/v1/policies") == beliefs


def test_feedback_on_an_answer_that_nobody_gave_is_not_found(known: Served) -> None:
    reply = known.http.post("/v1/feedback", json={"id": "chatcmpl-nobody", "thumb": "up"})
    assert (reply.status_code, refused(reply)["code"]) == (404, "decision_not_found")
