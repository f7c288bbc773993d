"""Open WebUI and LibreChat: their recorded requests, sent as they are."""

import json

import pytest

from tests.service.clients.conftest import TITLE, Stubbed
from tests.service.recorded import Recorded, recorded

ALL = [*recorded("open_webui"), *recorded("librechat")]


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
def test_a3_every_recorded_request_is_answered(stubbed: Stubbed, one: Recorded) -> None:
    reply = stubbed.served.http.post("/v1/chat/completions", json=one.body, headers=one.headers)
    assert reply.status_code == 200, reply.text
    assert reply.headers["x-pointsman-policy"] == ("layered" if one.side is None else "side_request")
    if one.body.get("stream"):
        assert reply.headers["content-type"].startswith("text/event-stream")
        assert reply.text.endswith("data: [DONE]\n\n")
        usage = [json.loads(line[6:]) for line in reply.text.split("\n\n") if '"usage":{' in line]
        assert len(usage) == bool(one.body.get("stream_options"))
        assert all(chunk["choices"] == [] for chunk in usage)
    else:
        assert reply.json()["choices"][0]["finish_reason"] in ("stop", "tool_calls")


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
def test_a3_what_an_app_says_to_itself_does_not_reach_the_model(stubbed: Stubbed, one: Recorded) -> None:
    stubbed.served.http.post("/v1/chat/completions", json=one.body, headers=one.headers).raise_for_status()
    assert not {"metadata", "chat_id", "session_id", "id", "features", "model_item"} & stubbed.seen.keys()
    assert [turn["content"] for turn in stubbed.seen["messages"]] == [turn["content"] for turn in one.body["messages"]]


def test_a12_a_title_comes_whole_as_the_json_that_was_asked_for(stubbed: Stubbed) -> None:
    one = next(one for one in ALL if one.name == "a title, as now")
    answer = stubbed.served.http.post("/v1/chat/completions", json=one.body).raise_for_status().json()
    assert answer["choices"][0]["message"]["content"] == TITLE
    assert stubbed.seen["max_tokens"] == 1000


def test_a1_the_list_of_models_is_as_the_apps_read_it(stubbed: Stubbed) -> None:
    for path in ("/v1/models", "/models"):
        told = stubbed.served.get(path)
        assert told["object"] == "list"
        assert [one["id"] for one in told["data"]] == ["auto", "stub", "direct@stub"]
        for one in told["data"]:
            assert one["object"] == "model"
            assert {"id", "created", "owned_by", "name", "description"} <= one.keys()
            assert stubbed.served.get(f"{path}/{one['id']}") == one
