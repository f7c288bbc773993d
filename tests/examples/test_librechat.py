"""LibreChat: the endpoint of its configuration file, played as LibreChat reads it."""

import re
from typing import Any  # YAML and JSON

import httpx
import pytest
import yaml

from tests.examples.playing import EXAMPLES, feedback
from tests.service.recorded import Recorded, recorded
from tests.service.serving import Served

CONFIG = yaml.safe_load((EXAMPLES / "librechat" / "librechat.yaml").read_text())
ENDPOINT: dict[str, Any] = CONFIG["endpoints"]["custom"][0]
USER = "66f0c0ffee"
PLACEHOLDER = re.compile(r"\{\{LIBRECHAT_(\w+)\}\}")
KNOWN = {
    *("name", "apiKey", "baseURL", "models", "headers", "titleConvo", "titleModel", "titleMethod", "titleTiming"),
    *("modelDisplayLabel", "tokenConfig", "dropParams", "addParams", "customParams", "iconURL", "summarize"),
}
"""Keys of a custom endpoint in LibreChat's documentation, as far as they are used here."""


def client(service: Served, conversation: str, message: str) -> httpx.Client:
    """What LibreChat sends with: the key and the headers of the endpoint, environment and placeholders filled."""
    values = {"BODY_CONVERSATIONID": conversation, "BODY_MESSAGEID": message, "USER_ID": USER}
    headers = {
        name: PLACEHOLDER.sub(lambda found: values[found[1]], text) for name, text in ENDPOINT["headers"].items()
    }
    key = ENDPOINT["apiKey"].replace("${POINTSMAN_KEY}", "none")
    base = ENDPOINT["baseURL"].replace("http://127.0.0.1:8000", service.url)
    return httpx.Client(base_url=base, headers={**headers, "authorization": f"Bearer {key}"}, timeout=30.0)


def test_the_file_is_an_endpoint_as_librechat_documents_it() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", CONFIG["version"])
    assert ENDPOINT.keys() <= KNOWN
    assert ENDPOINT["baseURL"] == "http://127.0.0.1:8000/v1", "the address that `make serve` prints"
    assert set(ENDPOINT["tokenConfig"]) <= set(ENDPOINT["models"]["default"])
    assert all({"prompt", "completion", "context"} <= one.keys() for one in ENDPOINT["tokenConfig"].values())


def test_the_models_are_fetched_and_hold_those_that_the_file_names(service: Served) -> None:
    with client(service, "", "") as librechat:
        listed = [one["id"] for one in librechat.get("models").raise_for_status().json()["data"]]
    assert ENDPOINT["models"]["fetch"] is True
    assert {*ENDPOINT["models"]["default"], ENDPOINT["titleModel"]} <= set(listed)


@pytest.mark.parametrize("one", recorded("librechat"), ids=lambda one: one.name)
def test_its_requests_are_answered_and_titles_known_as_such(service: Served, one: Recorded) -> None:
    body = {name: value for name, value in one.body.items() if name not in ("tools", "tool_choice", "response_format")}
    with client(service, "lc-1", "lc-m-1") as librechat:
        reply = librechat.post("chat/completions", json={**body, "model": "auto"})
    assert reply.status_code == 200, reply.text
    assert (reply.headers["x-pointsman-policy"] == "side_request") == (one.side is not None)


def test_whose_answer_it_was_is_known_and_may_be_judged_by_librechats_own_ids(service: Served) -> None:
    chat = recorded("librechat")[0].body
    with client(service, "lc-2", "lc-m-2") as librechat:
        streamed = librechat.post("chat/completions", json=chat)
        assert streamed.text.endswith("data: [DONE]\n\n")
        judged = {"conversation": "lc-2", "message": "lc-m-2", "thumb": "down", "rater": f"librechat:{USER}"}
        answer_id = librechat.post("feedback", json=judged).raise_for_status().json()["id"]
    row = service.decision(answer_id, "ok")
    assert (row["conversation"], row["message"], row["origin"]["user"]) == ("lc-2", "lc-m-2", USER)
    assert feedback(service, answer_id) == [(f"librechat:{USER}", 0.0)]
