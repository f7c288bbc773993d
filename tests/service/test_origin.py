"""Who asks: every name under which chat apps send it, cut to a length, and nothing that is secret."""

from typing import Any  # JSON

import pytest
from starlette.datastructures import Headers

from service.origin import conversation_of, origin_of
from service.wire import APPS_OWN, ChatBody
from tests.service.recorded import Recorded, recorded
from tests.service.serving import Served

ALL = [*recorded("open_webui"), *recorded("librechat")]


def body(**fields: Any) -> ChatBody:
    """A question with these fields."""
    return ChatBody.model_validate({"messages": [{"role": "user", "content": "Hm?"}], **fields})


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
def test_a13_the_recorded_requests_say_who_asks_and_where(one: Recorded) -> None:
    asked, headers = ChatBody.model_validate(one.body), Headers(one.headers)
    origin = origin_of(asked, headers, "r-1", "k-1")
    assert (origin.user, origin.message) == (one.user, one.message)
    assert conversation_of(asked, headers) == one.conversation
    assert (origin.request, origin.key) == ("r-1", "k-1")


def test_quoted_names_are_read() -> None:
    given = Headers({"X-OpenWebUI-User-Name": "Ada%20L%C3%B6we", "X-OpenWebUI-User-Email": "ada%40example.org"})
    origin = origin_of(body(), given)
    assert origin.facts == {"name": "Ada Löwe", "email": "ada@example.org"}
    assert origin.user == "ada@example.org", "who has no id is known by the address"


def test_openais_own_fields_are_kept() -> None:
    origin = origin_of(body(safety_identifier="s", prompt_cache_key="p", metadata={"team": "birds", "n": 3}), Headers())
    assert origin.user == "s"
    assert origin.facts == {
        "safety_identifier": "s",
        "prompt_cache_key": "p",
        "metadata": {"team": "birds", "n": 3},
    }


def test_what_the_pointsman_object_says_comes_first() -> None:
    asked = body(pointsman={"conversation": "mine"}, chat_id="theirs")
    assert conversation_of(asked, Headers({"x-conversation-id": "another"})) == "mine"
    assert conversation_of(body(chat_id="theirs"), Headers({"x-conversation-id": "another"})) == "another"
    assert conversation_of(body(metadata={"session_id": "s"}), Headers()) == "s"


def test_values_are_cut_and_cleaned_and_what_is_none_is_left_out() -> None:
    assert origin_of(body(user="x" * 5000), Headers()).user == "x" * 200
    assert origin_of(body(user=" a\x00\r\nb\u0085c "), Headers()).user == "a b c"
    nothings: tuple[object, ...] = ("", "  ", "{{USER_ID}}", None, {}, ["u"], True)
    for nothing in nothings:
        assert origin_of(body(user=nothing), Headers()).user is None
    many = origin_of(body(metadata={str(i): {"deep": 1} if i % 2 else "x" * 999 for i in range(99)}), Headers())
    assert set(many.facts["metadata"].values()) == {"x" * 200}
    assert len(many.facts["metadata"]) == 16


def test_no_cookie_and_no_credential_is_kept() -> None:
    headers = Headers({"authorization": "Bearer secret", "cookie": "token=secret", "x-api-key": "secret"})
    assert "secret" not in repr(origin_of(body(), headers))


def test_the_log_tells_who_asked(own: Served) -> None:
    one = next(one for one in ALL if one.name == "a chat with who asks")
    sent = {**one.body, "stream": False}
    answer = own.http.post("/v1/chat/completions", json=sent, headers=one.headers).raise_for_status().json()
    row = own.decision(answer["id"], "ok")
    assert (row["conversation"], row["message"], row["side"]) == ("chat-1", "message-1", None)
    assert (row["origin"]["user"], row["origin"]["name"], row["origin"]["role"]) == ("u-1", "Ada Löwe", "user")


def test_a3_the_apps_own_fields_are_not_passed_on_and_unknown_ones_are() -> None:
    one = next(one for one in ALL if one.name == "a chat with every field of the app's own")
    extra = ChatBody.model_validate(one.body).request().extra
    assert extra == {"cache_control": {"type": "ephemeral"}, "num_ctx": 4096, "foo": "bar"}
    assert not APPS_OWN & extra.keys()
