"""A log that is damaged, or of another time, does not keep the service from starting, answering and learning."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any  # JSON

import numpy as np
import pytest
from structlog.testing import capture_logs

from tests.service.serving import ILL, WELL, Served, served, settings

QUESTIONS = [f"How are you on day {i}?" for i in range(20)]
ROUTER = {"seed": 7, "policy": "layered", "params": {"background": 0.0}}
"""What is fitted is fitted at once, so that beliefs can be compared."""
DAMAGE: tuple[Callable[[bytes], bytes], ...] = (
    lambda raw: raw[: len(raw) // 2],
    lambda raw: np.full(len(raw) // 4, np.nan, dtype="<f4").tobytes(),
    lambda raw: raw[:-1],
    lambda raw: b"",
    lambda raw: (np.frombuffer(raw, dtype="<f4") * np.float32(1e30)).tobytes(),
)
"""Half of it, no numbers, a byte short, empty, far too long."""


def change(folder: Path, statement: str, *values: object) -> None:
    """Write into the database of a service that is down."""
    with closing(sqlite3.connect(folder / "test.db")) as database, database:
        assert database.execute(statement, values).rowcount == 1


def rate(service: Served, decision_id: str, **judgement: object) -> dict[str, Any]:
    """What the service says of a judgement that it takes."""
    told: dict[str, Any] = service.http.post("/v1/feedback", json={"id": decision_id, **judgement}).json()
    assert "error" not in told, told
    return told


def looked(service: Served, question: str) -> dict[str, Any]:
    """The decision on a question."""
    body = {"messages": [{"role": "user", "content": question}], "pointsman": {"explore": False}}
    told: dict[str, Any] = service.http.post("/v1/route", json=body).raise_for_status().json()
    return told


def judged(service: Served) -> float:
    """The weight of all judgements that the policy knows of arms."""
    return sum(float(arm["n"]) for arm in service.get("/v1/policies")["beliefs"]["arms"].values())


def test_an_answer_of_an_arm_that_has_vanished_may_still_be_rated(tmp_path: Path) -> None:
    with served(settings(tmp_path, {"well": WELL, "ill": ILL}, router=ROUTER)) as service:
        old = [service.ask(question, "direct@ill").json()["id"] for question in QUESTIONS[:3]]
        rate(service, old[0], score=1.0)
    chosen = settings(tmp_path, {"well": WELL}, router=ROUTER)
    with served(chosen) as service:
        assert rate(service, old[1], score=1.0)["learned"][0]["arm"] == "direct@ill"
        new = service.ask(QUESTIONS[0]).json()
        assert new["pointsman"]["arm"] == "direct@well"
        rate(service, old[2], preferred=new["id"])
        assert judged(service) == 4.0
        before = service.get("/v1/policies")
    with served(chosen) as service:
        assert service.get("/v1/policies") == before
        assert set(looked(service, "Well?")["estimates"]) == {"direct@well"}


def test_a_judgement_whose_embedding_is_damaged_counts_for_its_arm_alone(tmp_path: Path) -> None:
    chosen = settings(tmp_path, router=ROUTER)
    with served(chosen) as service:
        ids = []
        for i, question in enumerate(QUESTIONS):
            ids.append(service.ask(question, ("direct@well", "direct@ill")[i % 2]).json()["id"])
            rate(service, ids[-1], score=float(i % 2 == 0))
    with closing(sqlite3.connect(tmp_path / "test.db")) as database, database:
        for decision_id, damage in zip(ids, DAMAGE, strict=False):
            kept = database.execute("SELECT embedding FROM queries WHERE id = ?", (decision_id,)).fetchone()[0]
            database.execute("UPDATE queries SET embedding = ? WHERE id = ?", (damage(kept), decision_id))
    with capture_logs() as told, served(chosen) as service:
        assert judged(service) == len(QUESTIONS)
        rate(service, ids[0], score=1.0, rater="another")
        assert judged(service) == len(QUESTIONS) + 1
        near = {one["decision_id"] for one in looked(service, QUESTIONS[7])["neighbours"]}
        assert ids[7] in near, "the others are still known by their place"
        assert not near & set(ids[: len(DAMAGE)])
        before = service.get("/v1/policies")
    warned = {"event": "feedback without an embedding of its question", "count": len(DAMAGE)}
    assert warned.items() <= _warning(told).items()
    with served(chosen) as service:
        assert service.get("/v1/policies") == before


@pytest.mark.parametrize(
    ("table", "column", "feedback", "outcomes"),
    [
        ("decisions", "arm", 1, 0),
        ("decisions", "estimates", 1, 0),
        ("decisions", "propensities", 0, 0),
        ("decisions", "at", 0, 0),
        ("outcomes", "arm", 1, 1),
        ("outcomes", "at", 1, 0),
        ("feedback", "at", 1, 0),
        ("feedback", "reward", 1, 0),
    ],
)
def test_one_damaged_row_keeps_no_service_from_starting(
    tmp_path: Path, table: str, column: str, feedback: int, outcomes: int
) -> None:
    chosen = settings(tmp_path, router=ROUTER)
    with served(chosen) as service:
        ids = [service.ask(question, "direct@well").json()["id"] for question in QUESTIONS[:5]]
        for decision_id in ids:
            rate(service, decision_id, score=1.0)
    key = "id" if table == "decisions" else "decision_id"
    change(tmp_path, f"UPDATE {table} SET {column} = 'nonsense' WHERE {key} = ?", ids[2])
    with capture_logs() as told, served(chosen) as service:
        assert judged(service) == len(ids) - feedback
        assert service.ask(QUESTIONS[7]).status_code == 200
        later = service.http.post("/v1/feedback", json={"id": ids[2], "score": 0.0, "rater": "another"})
        # An arm that nobody can read is not the one that answered: the judgement is kept, and teaches nothing.
        refused = feedback and table != "feedback" and column != "arm"
        assert later.status_code == (503 if refused else 200), later.text
    left_out = {line["event"]: line["count"] for line in told if "cannot be read" in line["event"]}
    unread = feedback if column != "arm" else 0
    wanted = {"feedback that cannot be read left out": unread, "outcomes that cannot be read left out": outcomes}
    assert left_out == {event: count for event, count in wanted.items() if count}


@pytest.mark.parametrize("fitted", ["no JSON at all", "[]", '{"policy": "oracle"}'])
def test_a_policy_version_that_is_corrupt_is_passed_over(tmp_path: Path, fitted: str) -> None:
    with served(settings(tmp_path)) as service:
        rate(service, service.ask("How are you?").json()["id"], score=1.0)
        before = service.get("/v1/policies")
    at = "2026-01-01 00:00:00.000000"
    table = "policy_versions (at, policy, fitted, report, promoted_at)"
    change(tmp_path, f"INSERT INTO {table} VALUES (?, 'layered', ?, '{{}}', ?)", at, fitted, at)
    with capture_logs() as told, served(settings(tmp_path)) as service:
        assert service.get("/v1/policies") == before
        answered = service.decision(service.ask("How are you?").json()["id"], "ok")
        assert answered["policy_version"] is None
    assert "policy version" in _warning(told)["event"]


def _warning(told: list[Any]) -> dict[str, Any]:
    """The first warning."""
    return next(line for line in told if line["log_level"] == "warning")
