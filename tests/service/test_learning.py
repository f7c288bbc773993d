"""Feedback changes what is chosen, at once, and a restart keeps it."""

from pathlib import Path

import pytest

from tests.service.serving import Served, served, settings

QUESTIONS = [f"How are you on day {i}?" for i in range(30)]


def teach(service: Served, good: str, bad: str) -> None:
    """Rate the answers of one model up, of the other one down."""
    for question in QUESTIONS:
        for arm, score in ((good, 1.0), (bad, 0.0)):
            answer = service.ask(question, arm).json()
            service.http.post("/v1/feedback", json={"id": answer["id"], "score": score}).raise_for_status()


def chosen(service: Served) -> list[str]:
    """Which arms the router would choose for such questions without exploring."""
    body = {"messages": [{"role": "user", "content": "How are you on day 99?"}], "pointsman": {"explore": False}}
    return [service.http.post("/v1/route", json=body).raise_for_status().json()["arm"] for _ in range(3)]


@pytest.mark.parametrize("policy", ["thompson", "layered"])
def test_feedback_changes_what_is_chosen_and_a_restart_keeps_it(tmp_path: Path, policy: str) -> None:
    # Fitted at once: in the background, the beliefs before the restart may be those before the last fit.
    router = {"seed": 7, "policy": policy, "params": {"background": 0.0}}
    with served(settings(tmp_path, router=router)) as service:
        teach(service, good="direct@ill", bad="direct@well")
        assert chosen(service) == ["direct@ill"] * 3
        before = service.get("/v1/policies")
        arms = service.get("/v1/arms")
        assert (before["beliefs"].get("fitted") is None) == (policy == "thompson")
    with served(settings(tmp_path, router=router)) as service:
        assert chosen(service) == ["direct@ill"] * 3
        assert service.get("/v1/policies") == before
        assert service.get("/v1/arms") == arms
        teach(service, good="direct@well", bad="direct@ill")
        teach(service, good="direct@well", bad="direct@ill")
        assert chosen(service) == ["direct@well"] * 3


def test_the_same_feedback_twice_counts_once(own: Served) -> None:
    answer = own.ask("How are you?", "direct@well").json()["id"]
    first = own.http.post("/v1/feedback", json={"id": answer, "thumb": "up"}).json()
    beliefs = own.get("/v1/policies")
    again = own.http.post("/v1/feedback", json={"id": answer, "thumb": "up"}).json()
    assert (first["repeated"], again["repeated"]) == (False, True)
    assert first["learned"] == [{"id": answer, "arm": "direct@well", "reward": 1.0}]
    assert own.get("/v1/policies") == beliefs
    keyed = {"id": answer, "score": 0.5, "idempotency_key": "k1"}
    assert own.http.post("/v1/feedback", json=keyed).json()["repeated"] is False
    assert own.http.post("/v1/feedback", json=keyed).json()["repeated"] is True


def test_a_preference_teaches_about_both_answers(own: Served) -> None:
    worse, better = (
        own.ask("How are you?", "direct@ill").json()["id"],
        own.ask("How are you?", "direct@well").json()["id"],
    )
    told = own.http.post("/v1/feedback", json={"id": worse, "preferred": better}).json()
    assert {(one["arm"], one["reward"]) for one in told["learned"]} == {("direct@ill", 0.0), ("direct@well", 1.0)}


def test_a_correction_is_kept_with_the_answer(own: Served) -> None:
    answer = own.ask("How are you?", "direct@ill").json()["id"]
    own.http.post("/v1/feedback", json={"id": answer, "correction": "I am splendid.", "comment": "cheer up"})
    row = own.decision(answer, "ok")
    assert "I am splendid." in str(row["feedback"])
    assert "cheer up" in str(row["feedback"])


def test_feedback_may_follow_the_answer_at_once(own: Served) -> None:
    for i in range(20):
        answer = own.ask(f"How are you on day {i}?").json()["id"]
        assert own.http.post("/v1/feedback", json={"id": answer, "score": 0.5}).status_code == 200
