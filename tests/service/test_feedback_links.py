"""Feedback by the client's own ids, and by a link that a bot hands out: nothing is judged before the page is sent."""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any  # JSON

import pytest

from service.feedback_links import is_link, token_of
from store.keys import Key, digest_of, opened_keys
from tests.service.serving import Served, served, settings

KEY = "a-key-of-the-bot-that-is-long-enough"
HELD = {"authorization": f"Bearer {KEY}"}


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Served]:
    """A service that asks for a key."""
    with served(settings(tmp_path, server={"api_keys": [KEY]})) as running:
        yield running


def feedback(service: Served, decision_id: str) -> list[dict[str, Any]]:
    """What the log holds of judgements on a decision."""
    rows: list[dict[str, Any]] = service.decision(decision_id, "ok")["feedback"]
    return rows


def test_a14_an_answer_is_named_by_the_clients_conversation_and_message(own: Served) -> None:
    ids = []
    for message in ("m-1", "m-2"):
        headers = {"x-openwebui-chat-id": "c-1", "x-openwebui-message-id": message}
        body = {"model": "direct@well", "messages": [{"role": "user", "content": f"the capital? {message}"}]}
        ids.append(own.http.post("/v1/chat/completions", json=body, headers=headers).raise_for_status().json()["id"])
    told = own.http.post("/v1/feedback", json={"conversation": "c-1", "message": "m-1", "thumb": "up"})
    assert told.raise_for_status().json()["id"] == ids[0]
    latest = own.http.post("/v1/feedback", json={"conversation": "c-1", "thumb": "down"}).raise_for_status().json()
    assert latest["id"] == ids[1]
    assert [one["reward"] for one in feedback(own, ids[0])] == [1.0]
    for unknown in ({"conversation": "c-2"}, {"conversation": "c-1", "message": "m-3"}):
        gone = own.http.post("/v1/feedback", json={**unknown, "thumb": "up"})
        assert gone.status_code == 404
        assert gone.json()["error"]["param"] == "conversation"


def test_a_side_request_of_the_conversation_is_not_what_was_meant(own: Served) -> None:
    headers = {"x-openwebui-chat-id": "c-1", "x-openwebui-message-id": "m-1"}
    body = {"model": "auto", "messages": [{"role": "user", "content": "the capital?"}]}
    answer = own.http.post("/v1/chat/completions", json=body, headers=headers).raise_for_status().json()
    task = {**headers, "x-openwebui-task": "title_generation"}
    own.http.post("/v1/chat/completions", json=body, headers=task).raise_for_status()
    told = own.http.post("/v1/feedback", json={"conversation": "c-1", "message": "m-1", "thumb": "up"})
    assert told.raise_for_status().json()["id"] == answer["id"]


@pytest.mark.parametrize(
    "body",
    [{}, {"id": "a", "conversation": "b"}, {"message": "m"}, {"id": "a", "message": "m"}, {"conversation": ""}],
)
def test_an_answer_is_named_in_one_way(own: Served, body: dict[str, str]) -> None:
    assert own.http.post("/v1/feedback", json={**body, "thumb": "up"}).status_code == 400


def test_a14_opening_a_link_changes_nothing_and_sending_its_page_does(own: Served) -> None:
    decision_id = own.ask("the capital?", "direct@well").json()["id"]
    page = own.http.get(f"/v1/feedback/{decision_id}", params={"thumb": "up"})
    assert page.status_code == 200
    assert own.http.head(f"/v1/feedback/{decision_id}?thumb=up").status_code == 200
    assert feedback(own, decision_id) == []
    assert "<script" not in page.text
    assert re.search(r'<button name="thumb" value="up" class=asked', page.text)
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self'" in policy
    style = re.search(r"<style>(.*)</style>", page.text)
    assert style is not None
    assert hashlib.sha256(style[1].encode()).digest().hex() == style_digest(policy)
    sent = own.http.post(f"/v1/feedback/{decision_id}", data={"thumb": "down", "comment": "Wrong <b>"})
    assert sent.status_code == 200
    assert sent.headers["content-type"].startswith("text/html")
    judged = feedback(own, decision_id)
    assert [(one["reward"], one["rater"], one["comment"]) for one in judged] == [(0.0, "link", "Wrong <b>")]


def style_digest(policy: str) -> str:
    """The digest of the one style that the policy allows, in hexadecimal digits."""
    found = re.search(r"style-src 'sha256-([^']+)'", policy)
    return "" if found is None else base64.b64decode(found[1]).hex()


@pytest.mark.parametrize("data", [{}, {"thumb": "sideways"}, {"thumb": "up", "comment": "x" * 2001}])
def test_a_form_that_cannot_be_meant_is_refused(own: Served, data: dict[str, str]) -> None:
    decision_id = own.ask("the capital?", "direct@well").json()["id"]
    reply = own.http.post(f"/v1/feedback/{decision_id}", data=data)
    assert (reply.status_code, set(reply.json())) == (400, {"error"})
    assert feedback(own, decision_id) == []


def test_nothing_that_is_sent_becomes_part_of_the_page(own: Served) -> None:
    decision_id = own.ask("the capital?", "direct@well").json()["id"]
    page = own.http.get(f"/v1/feedback/{decision_id}", params={"token": '"><script>alert(1)</script>'})
    assert "<script" not in page.text
    assert own.http.get("/v1/feedback/chatcmpl-none").status_code == 404
    assert own.http.post("/v1/feedback/chatcmpl-none", data={"thumb": "up"}).status_code == 404


def test_a_link_opens_by_its_token_alone_and_only_its_own_answer(locked: Served) -> None:
    body = {"model": "direct@well", "messages": [{"role": "user", "content": "the capital?"}]}
    one, two = (locked.http.post("/v1/chat/completions", json=body, headers=HELD).json()["id"] for _ in range(2))
    assert locked.http.get(f"/v1/feedback/{one}/link").status_code == 401
    link = locked.http.get(f"/v1/feedback/{one}/link", headers=HELD).raise_for_status().json()
    assert KEY not in str(link)
    assert link["up"].startswith(f"{locked.url}/v1/feedback/{one}?thumb=up&token=")
    page = locked.http.get(link["up"])
    assert page.status_code == 200
    token = link["up"].partition("token=")[2]
    assert f'name="token" value="{token}"' in page.text
    for path, given in ((one, ""), (one, token[:-1]), (two, token)):
        assert locked.http.get(f"/v1/feedback/{path}", params={"token": given}).status_code == 401
        refused = locked.http.post(f"/v1/feedback/{path}", data={"thumb": "up", "token": given})
        assert refused.status_code == 401
    assert locked.http.post(f"/v1/feedback/{one}", data={"thumb": "up", "token": token}).status_code == 200
    assert locked.http.post("/v1/feedback", json={"id": one, "thumb": "up"}).status_code == 401


def test_a_bot_can_sign_a_link_by_the_documented_rule(locked: Served) -> None:
    body = {"model": "direct@well", "messages": [{"role": "user", "content": "the capital?"}]}
    decision_id = locked.http.post("/v1/chat/completions", json=body, headers=HELD).json()["id"]
    secret = hashlib.sha256(KEY.encode()).hexdigest()
    token = hmac.new(secret.encode(), f"feedback:{decision_id}".encode(), "sha256").hexdigest()[:32]
    assert locked.http.get(f"/v1/feedback/{decision_id}", params={"token": token}).status_code == 200


@pytest.mark.parametrize(("scopes", "status"), [(("chat",), 401), (("chat", "feedback"), 200), (("admin",), 200)])
def test_a_link_is_as_good_as_its_keys_right_to_judge(
    tmp_path: Path, locked: Served, scopes: tuple[str, ...], status: int
) -> None:
    key = f"pm-{'a' * 40}"
    with opened_keys(f"sqlite:///{tmp_path / 'test.db'}") as keys:
        keys.add(Key("a" * 8, "asking", digest_of(key), scopes))
    body = {"model": "direct@well", "messages": [{"role": "user", "content": "the capital?"}]}
    one = locked.http.post("/v1/chat/completions", json=body, headers={"authorization": f"Bearer {key}"}).json()["id"]
    token = token_of(one, digest_of(key))
    assert locked.http.get(f"/v1/feedback/{one}", params={"token": token}).status_code == status
    assert locked.http.post(f"/v1/feedback/{one}", data={"thumb": "down", "token": token}).status_code == status
    assert len(locked.http.get(f"/v1/decisions/{one}", headers=HELD).json()["feedback"]) == (status == 200)


def test_only_the_page_of_one_answer_is_a_link() -> None:
    assert is_link("/v1/feedback/chatcmpl-1")
    for path in ("/v1/feedback", "/v1/feedback/a/link", "/v1/decisions/a", "/v1/feedbacks/a"):
        assert not is_link(path)
