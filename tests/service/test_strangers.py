"""What comes with one API key stays apart from what comes with another: answers, conversations, examples, votes."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any  # JSON

import httpx
import pytest

from service.feedback_links import token_of
from store.keys import Key, digest_of, opened_keys
from tests.service.serving import WELL, Served, served, settings, slow

QUESTION = "How are you on this fine day?"


def headers(name: str) -> dict[str, str]:
    """What this key's requests carry."""
    return {"authorization": f"Bearer pm-{name * 8}"}


def keyed(folder: Path, models: Mapping[str, Any] | None = None, tokens: int | None = None, **tables: Any) -> Any:
    """Settings on a database with the keys of two strangers and one that may do everything."""
    chosen = settings(folder, models, **tables)
    with opened_keys(chosen.store.url) as keys:
        for name in ("a", "b"):
            token = f"pm-{name * 8}"
            keys.add(Key(name, name, digest_of(token), ("chat", "feedback"), tokens=tokens, period="total"))
        for name, scopes in (("r", ("admin",)), ("f", ("feedback",)), ("l", ("chat", "feedback", "read"))):
            keys.add(Key(name, name, digest_of(f"pm-{name * 8}"), scopes))
    return chosen


def say(service: Served, key: str, *turns: str, model: str = "direct@well", talk: str | None = None) -> dict[str, Any]:
    """The completion of a conversation with this key."""
    roles = ("user", "assistant")
    messages = [{"role": roles[i % 2], "content": turn} for i, turn in enumerate(turns)]
    body = {"model": model, "messages": messages, "pointsman": {"conversation": talk}}
    reply = service.http.post("/v1/chat/completions", json=body, headers=headers(key))
    told: dict[str, Any] = reply.raise_for_status().json()
    return told


def rate(service: Served, key: str, **judgement: Any) -> httpx.Response:
    """A judgement with this key."""
    return service.http.post("/v1/feedback", json=judgement, headers=headers(key))


def row(service: Served, decision_id: str) -> dict[str, Any]:
    """A decision as the log has it."""
    reply = service.http.get(f"/v1/decisions/{decision_id}", headers=headers("r"))
    found: dict[str, Any] = reply.raise_for_status().json()
    return found


@pytest.fixture
def service(tmp_path: Path) -> Any:
    with served(keyed(tmp_path, strategies={"enabled": ["direct", "few_shot"]})) as running:
        yield running


def test_a_conversation_is_rated_by_its_own_key_whatever_others_call_theirs(service: Served) -> None:
    first = say(service, "a", QUESTION, talk="1")["id"]
    assert rate(service, "b", conversation="1", score=0).status_code == 404
    second = say(service, "b", QUESTION, talk="1")["id"]
    assert rate(service, "a", conversation="1", score=1).json()["id"] == first
    assert rate(service, "b", conversation="1", score=0).json()["id"] == second
    assert rate(service, "r", conversation="1", score=1).json()["id"] == second, "an admin's is everybody's latest"


def test_nobody_is_heard_on_an_answer_to_another_key(service: Served) -> None:
    for key, heard in (("b", []), ("a", ["asked_again"])):
        talk = f"talk {key}"
        first = say(service, "a", QUESTION, talk=talk)["id"]
        say(service, key, QUESTION, talk=talk)
        marker = say(service, "a", f"Marker for {key}")
        say(service, "a", f"Marker for {key}", marker["choices"][0]["message"]["content"], "Great, thanks!")
        deadline = time.monotonic() + 10
        while not row(service, marker["id"])["feedback"]:  # turns are heard one after another
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert [one["kind"] for one in row(service, first)["feedback"]] == heard


def test_a_past_of_one_key_comes_into_no_prompt_of_another(service: Served) -> None:
    for i in range(5):
        answer = say(service, "a", f"Is my patient Ann Smith well on day {i}?")
        rate(service, "a", id=answer["id"], score=1).raise_for_status()
    prompts = {}
    for key in ("a", "b"):
        asked = say(service, key, "Is my patient Bob well on day 9?", model="few_shot@well")
        prompts[key] = str(row(service, asked["id"])["calls"][-1]["messages"])
    assert "Ann Smith" in prompts["a"]
    assert "Ann Smith" not in prompts["b"]


def test_an_idempotency_key_is_known_to_its_own_caller_alone(service: Served) -> None:
    ids = {key: say(service, key, QUESTION)["id"] for key in ("a", "b")}
    for key, decision_id in ids.items():
        first = rate(service, key, id=decision_id, score=1, idempotency_key="vote-1")
        assert (first.status_code, first.json()["repeated"]) == (200, False)
        assert rate(service, key, id=decision_id, score=1, idempotency_key="vote-1").json()["repeated"]
    other = say(service, "a", QUESTION)["id"]
    assert rate(service, "a", id=other, score=0, idempotency_key="vote-1").status_code == 400


def test_an_answer_to_another_key_is_as_unknown_as_none(service: Served) -> None:
    mine, yours = (say(service, key, QUESTION)["id"] for key in ("b", "a"))
    for named in ({"id": yours}, {"id": "chatcmpl-none"}):
        for judgement in ({"score": 1}, {"thumb": "down"}, {"correction": "Say BANANA."}, {"preferred": mine}):
            reply = rate(service, "b", **named, **judgement)
            assert (reply.status_code, reply.json()["error"]["code"]) == (404, "decision_not_found"), judgement
            assert reply.json()["error"]["message"] == f"no decision has the id {named['id']!r}"
    assert rate(service, "b", id=mine, preferred=yours).status_code == 404
    for decision_id in (yours, "chatcmpl-none"):
        link = service.http.get(f"/v1/feedback/{decision_id}/link", headers=headers("b"))
        assert (link.status_code, link.json()["error"]["code"]) == (404, "decision_not_found")
    for decision_id in (mine, yours):
        assert row(service, decision_id)["feedback"] == []
    assert rate(service, "a", id=yours, score=1).status_code == 200
    other = say(service, "a", QUESTION)["id"]
    assert rate(service, "a", id=yours, preferred=other).status_code == 200


@pytest.mark.parametrize("key", ["r", "f", "l"])
def test_a_key_for_everything_one_that_reads_the_log_and_one_that_only_judges_rate_any_answer(
    service: Served, key: str
) -> None:
    first, second = (say(service, name, QUESTION, talk=name)["id"] for name in ("a", "b"))
    assert rate(service, key, id=first, score=1).status_code == 200
    assert rate(service, key, id=first, preferred=second).status_code == 200
    assert rate(service, key, conversation="b", score=1).json()["id"] == second
    up = service.http.get(f"/v1/feedback/{first}/link", headers=headers(key)).raise_for_status().json()["up"]
    assert service.http.get(up).status_code == 200


def test_a_reader_of_the_log_means_its_own_conversation_before_everybodys(service: Served) -> None:
    own = say(service, "l", QUESTION, talk="1")["id"]
    say(service, "a", QUESTION, talk="1")
    assert rate(service, "l", conversation="1", score=1).json()["id"] == own


def test_a_link_carries_the_right_of_the_key_that_signed_it(service: Served) -> None:
    answer = say(service, "a", QUESTION)["id"]
    for key, status in (("b", 404), ("a", 200), ("f", 200)):
        token = token_of(answer, digest_of(f"pm-{key * 8}"))
        assert service.http.get(f"/v1/feedback/{answer}", params={"token": token}).status_code == status
        sent = service.http.post(f"/v1/feedback/{answer}", data={"thumb": "up", "comment": key, "token": token})
        assert sent.status_code == status
    assert [one["comment"] for one in row(service, answer)["feedback"]] == ["a"], "the same thumb counts once"


def test_a_decision_shows_no_neighbours_of_other_keys(service: Served) -> None:
    rated = {key: [say(service, key, QUESTION)["id"] for _ in range(2)] for key in ("a", "b")}
    for key, ids in rated.items():
        for decision_id in ids:
            rate(service, key, id=decision_id, score=1).raise_for_status()
    own = say(service, "b", "How are you on this fine evening?", model="auto")["id"]
    rate(service, "b", id=own, score=1).raise_for_status()
    shown = {}
    for key in ("a", "b", "l", "r"):
        body = {"messages": [{"role": "user", "content": QUESTION}]}
        told = service.http.post("/v1/route", json=body, headers=headers(key)).raise_for_status().json()
        shown[key] = {one["decision_id"] for one in told["neighbours"]}
    assert shown["a"] == set(rated["a"])
    assert shown["b"] == {*rated["b"], own}
    assert shown["l"] == shown["r"] == shown["a"] | shown["b"]


def leave_early(service: Served, body: Mapping[str, Any]) -> None:
    """Ask with the key "a", and leave after a few pieces, or after half a second without any."""
    url = f"{service.url}/v1/chat/completions"
    try:
        with httpx.stream("POST", url, json=body, headers=headers("a"), timeout=0.5) as reply:
            pieces = (line for line in reply.iter_lines() if line.startswith("data"))
            for _ in range(4):
                next(pieces)
    except httpx.ReadTimeout:
        assert not body["stream"]


@pytest.mark.parametrize("stream", [True, False])
def test_leaving_early_uses_a_budget_up_all_the_same(tmp_path: Path, stream: bool) -> None:
    models = {"well": WELL, "slow": slow(tmp_path, pieces=1000, pause=0.05)}
    body = {"model": "direct@slow", "stream": stream, "messages": [{"role": "user", "content": "word " * 100}]}
    with served(keyed(tmp_path, models, tokens=100)) as service:
        leave_early(service, body)
        (kept,) = service.http.get("/v1/decisions", headers=headers("r")).json()["data"]
        deadline = time.monotonic() + 5
        while (outcome := row(service, kept["id"])["outcome"]) is None:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert (outcome["status"], outcome["prompt_tokens"]) == ("cancelled", 125)
        again = service.http.post("/v1/chat/completions", json={**body, "model": "direct@well"}, headers=headers("a"))
        assert (again.status_code, again.json()["error"]["code"]) == (429, "insufficient_quota")
        assert say(service, "b", QUESTION)["id"], "the other one's is untouched"
