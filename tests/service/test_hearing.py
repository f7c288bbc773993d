"""What the next turn of a conversation says of the answer before it is kept as a judgement that weighs little."""

import itertools
import time
from pathlib import Path
from typing import Any  # JSON

import pytest

from tests.service.serving import Served, served, settings, slow

QUESTION = "How are you on this fine day?"
MARKERS = itertools.count()


def say(service: Served, *turns: str, **more: Any) -> dict[str, Any]:
    """The completion of a conversation, in which user and assistant take turns."""
    roles = ("user", "assistant")
    messages = [{"role": roles[i % 2], "content": turn} for i, turn in enumerate(turns)]
    reply = service.http.post("/v1/chat/completions", json={"model": "direct@well", "messages": messages, **more})
    told: dict[str, Any] = reply.raise_for_status().json()
    return told


def answer_of(told: dict[str, Any]) -> str:
    """Its words."""
    return str(told["choices"][0]["message"]["content"])


def judgements(service: Served, decision_id: str) -> list[dict[str, Any]]:
    """The judgements of a decision that follow from anything said so far."""
    # Turns are heard one after another: once these thanks have come, all that was said before them has been heard.
    asked = f"Marker {next(MARKERS)} for all ears"
    marker = say(service, asked)
    say(service, asked, answer_of(marker), "Thanks!")
    deadline = time.monotonic() + 10
    while not service.get(f"/v1/decisions/{marker['id']}")["feedback"]:
        assert time.monotonic() < deadline, "the thanks were not heard"
        time.sleep(0.02)
    rows: list[dict[str, Any]] = service.get(f"/v1/decisions/{decision_id}")["feedback"]
    return rows


def kinds(service: Served, decision_id: str) -> list[str]:
    """The kinds of these judgements."""
    return [row["kind"] for row in judgements(service, decision_id)]


@pytest.mark.parametrize(
    ("turn", "kind", "reward"),
    [
        ("No, that is wrong.", "correction_signal", 0.0),
        ("how are you, on this fine day", "asked_again", 0.0),
        ("Great, thanks!", "thanks", 1.0),
    ],
)
def test_a_next_turn_that_sends_our_answer_back_is_heard(own: Served, turn: str, kind: str, reward: float) -> None:
    first = say(own, QUESTION)
    second = say(own, QUESTION, f"  {answer_of(first)}\n", turn)
    (row,) = judgements(own, first["id"])
    assert (row["rater"], row["kind"], row["reward"]) == ("implicit", kind, reward)
    assert 0.1 <= row["weight"] <= 0.2
    assert row["comment"].startswith("Nobody rated this: the next turn")
    assert second["id"] in row["comment"]
    assert judgements(own, second["id"]) == []
    assert own.get("/v1/policies")["beliefs"]["raters"]["implicit"]["n"] >= 1


def test_a_streamed_answer_is_followed_too(own: Served) -> None:
    with own.client() as client:
        pieces = list(
            client.chat.completions.create(
                model="direct@well", messages=[{"role": "user", "content": QUESTION}], stream=True
            )
        )
    text = "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices)
    say(own, QUESTION, text, "That's wrong.")
    assert kinds(own, pieces[0].id) == ["correction_signal"]


def test_a_conversation_is_known_by_its_id_where_no_history_is_sent(own: Served) -> None:
    talk = {"pointsman": {"conversation": "a talk"}}
    first = say(own, QUESTION, **talk)
    say(own, "What is the capital?", **talk)
    third = say(own, "That is not correct.", **talk)
    assert third
    assert kinds(own, first["id"]) == []
    other = say(own, QUESTION, pointsman={"conversation": "another"})
    say(own, "That is not correct.", pointsman={"conversation": "a third"})
    assert kinds(own, other["id"]) == []


def test_an_answer_that_is_asked_for_anew_in_one_conversation_did_not_please(own: Served) -> None:
    talk = {"pointsman": {"conversation": "a talk"}}
    first = say(own, QUESTION, **talk)
    follow = [QUESTION, answer_of(first), "Thanks! And what is the weather over there?"]
    second = say(own, *follow, **talk)
    say(own, *follow, **talk)
    assert kinds(own, second["id"]) == ["asked_again"]
    assert kinds(own, first["id"]) == ["thanks"], "said twice, it counts once"


def test_strangers_who_ask_the_same_say_nothing_of_each_other(own: Served) -> None:
    ids = [say(own, QUESTION)["id"] for _ in range(3)]
    say(own, QUESTION, "An answer that we never gave.", "That is wrong.")
    assert [kinds(own, one) for one in ids] == [[], [], []]


def test_what_a_chat_program_asks_for_itself_is_not_heard(own: Served) -> None:
    first = say(own, QUESTION)
    say(own, QUESTION, answer_of(first), "### Task: Is that wrong? Write a title.")
    assert kinds(own, first["id"]) == []


def test_an_answer_that_the_user_did_not_wait_for_is_not_judged(tmp_path: Path) -> None:
    models = {"well": slow(tmp_path, pieces=12, pause=0.05)}
    with served(settings(tmp_path, models)) as service:
        body = {"model": "direct@well", "messages": [{"role": "user", "content": QUESTION}], "stream": True}
        body["pointsman"] = {"conversation": "a talk"}
        with service.http.stream("POST", "/v1/chat/completions", json=body) as reply:
            next(reply.iter_lines())
        (row,) = service.get("/v1/decisions")["data"]
        service.decision(row["id"], "cancelled")
        say(service, QUESTION, pointsman={"conversation": "a talk"})
        assert service.get(f"/v1/decisions/{row['id']}")["feedback"] == []


def test_a_restart_comes_back_to_what_was_heard(tmp_path: Path) -> None:
    with served(settings(tmp_path)) as service:
        first = say(service, QUESTION)
        say(service, QUESTION, answer_of(first), "That is wrong.")
        assert kinds(service, first["id"]) == ["correction_signal"]
        before = service.get("/v1/policies")
    with served(settings(tmp_path)) as service:
        assert service.get("/v1/policies") == before


def test_what_was_said_last_is_heard_before_the_service_ends(tmp_path: Path) -> None:
    with served(settings(tmp_path)) as service:
        first = say(service, QUESTION)
        say(service, QUESTION, answer_of(first), "That is wrong.")
    with served(settings(tmp_path)) as service:
        assert [row["kind"] for row in service.get(f"/v1/decisions/{first['id']}")["feedback"]] == ["correction_signal"]


@pytest.mark.parametrize("rater", ["engine", "implicit", "known_answers"])
def test_nobody_may_judge_in_the_name_of_the_service(own: Served, rater: str) -> None:
    told = own.http.post("/v1/feedback", json={"id": say(own, QUESTION)["id"], "score": 0, "rater": rater})
    assert told.status_code == 400
    assert repr(rater) in told.json()["error"]["message"]


def test_a_judge_counts_half_of_what_a_person_counts(own: Served) -> None:
    asked = say(own, QUESTION)["id"]
    for rater in ("judge:big", "a person"):
        own.http.post("/v1/feedback", json={"id": asked, "thumb": "up", "rater": rater}).raise_for_status()
    assert {row["rater"]: row["weight"] for row in judgements(own, asked)} == {"judge:big": 0.5, "a person": 1.0}
