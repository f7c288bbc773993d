"""The Slack bot: signed events in, messages out, a button's click into the log."""

import json
import re
import time
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any  # the example's own types
from urllib.parse import urlsplit

import httpx
import pytest
import yaml

from tests.examples.playing import EXAMPLES, feedback, listening, loaded, until
from tests.examples.slack_workspace import ADA, CHANNEL, SECRET, TEAM, TOKEN, Workspace
from tests.service.clients.conftest import Stubbed
from tests.service.serving import Served, served, settings, slow
from tests.upstream import Behaviour, Fault, Upstream

THREAD = "1700000000.000100"
BIRDS = {"backend": "scripted", "extra": {"reply": "<!channel> Herons & <b>storks</b>. " + "They wade. " * 1150}}


@contextmanager
def working(service: Served, asked: Mapping[str, Any] | None = None, **stream: Any) -> Iterator[Workspace]:
    """A workspace with the bot of the example's settings, pointed at the played Slack and at the service."""
    chosen = tomllib.loads((EXAMPLES / "slack" / "bot.toml").read_text())
    workspace = Workspace()
    with listening(workspace.app()) as slack:
        chosen |= {"bot_token": TOKEN, "signing_secret": SECRET, "slack_api": f"{slack}/api"}
        chosen["pointsman"] |= {"address": service.url, **(asked or {})}
        chosen["stream"] |= stream
        with listening(loaded("slack/bot.py").Bot(chosen).app()) as workspace.bot:
            yield workspace


@pytest.fixture(scope="module")
def hung(service: Served) -> Iterator[Workspace]:
    """One bot for the tests that only look at its latest message."""
    with working(service) as workspace:
        yield workspace


def test_a_mention_is_answered_in_its_thread_as_one_conversation(hung: Workspace, service: Served) -> None:
    before = len(hung.states)
    assert hung.mention("<@UBOT> the capital?", "Ev1", thread_ts=THREAD) == 200
    until(lambda: len(hung.states) > before)
    assert hung.last()["blocks"][0]["text"] in ("Paris is the capital.", "I am ill.")
    assert hung.made("chat.postMessage")[-1]["thread_ts"] == THREAD
    row = service.decision(hung.buttons()["👍"]["value"], "ok")
    assert row["conversation"] == f"slack:{TEAM}:{CHANNEL}:{THREAD}"
    assert row["origin"]["user"] == f"slack:{ADA}"
    assert row["question"] == "the capital?"


@pytest.mark.parametrize(("face", "reward"), [("👍", 1.0), ("👎", 0.0)])
def test_a_click_is_feedback_and_is_thanked_for(hung: Workspace, service: Served, face: str, reward: float) -> None:
    before = len(hung.states)
    hung.mention("the capital?", f"Ev2{face}")
    until(lambda: len(hung.states) > before)
    button, thanks = hung.buttons()[face], len(hung.made("chat.postEphemeral"))
    for _ in range(2):
        assert hung.click(button) == 200
    until(lambda: len(hung.made("chat.postEphemeral")) == thanks + 2)
    assert feedback(service, button["value"]) == [(f"slack:{ADA}", reward)]
    assert hung.made("chat.postEphemeral")[-1]["text"].startswith("Thank you")
    assert hung.made("chat.postEphemeral")[-1]["user"] == ADA


def test_a_click_on_what_nobody_knows_is_not_thanked_for(hung: Workspace) -> None:
    before = len(hung.made("chat.postEphemeral"))
    assert hung.click({"action_id": "pointsman_up", "value": "chatcmpl-nobody"}) == 200
    until(lambda: len(hung.made("chat.postEphemeral")) > before)
    assert "could not" in hung.made("chat.postEphemeral")[-1]["text"]


def test_what_is_unsigned_old_or_sent_twice_is_not_answered(hung: Workspace, service: Served) -> None:
    body, path, kind = hung.event("the capital?", "Ev3"), "/slack/events", "application/json"
    asked = len(service.get("/v1/decisions")["data"])
    posted = len(hung.made("chat.postMessage"))
    assert httpx.post(f"{hung.bot}{path}", content=body, headers={"content-type": kind}).status_code == 401
    assert hung.send(path, body, kind, secret="guessed") == 401
    assert hung.send(path, body, kind, at=time.time() - 301) == 401
    assert hung.send(path, body, kind, at=time.time() + 400) == 401
    assert hung.send(path, b"x" * 1_000_001, kind) == 401
    assert hung.click({"action_id": "pointsman_up", "value": "x"}, secret="guessed") == 401
    for _ in range(3):  # as Slack repeats what it believes lost
        assert hung.send(path, body, kind) == 200
    until(lambda: len(service.get("/v1/decisions")["data"]) > asked)
    hung.last()
    assert len(hung.made("chat.postMessage")) == posted + 1
    assert len(service.get("/v1/decisions")["data"]) == asked + 1


@pytest.mark.parametrize(
    "event",
    [
        {"type": "message", "channel_type": "channel"},
        {"type": "message", "channel_type": "im", "bot_id": "B1"},
        {"type": "message", "channel_type": "im", "subtype": "message_changed"},
        {"type": "reaction_added"},
    ],
)
def test_what_was_not_said_to_it_is_not_answered(hung: Workspace, event: dict[str, str]) -> None:
    posted = len(hung.made("chat.postMessage"))
    assert hung.mention("the capital?", f"Ev4{sorted(event.items())}", **event) == 200
    assert hung.send("/slack/events", b"[]", "application/json") == 200
    hung.mention("the capital?", f"Ev4 after {sorted(event.items())}")
    until(lambda: len(hung.made("chat.postMessage")) > posted)
    hung.last()
    assert len(hung.made("chat.postMessage")) == posted + 1


def test_a_direct_message_is_answered_and_slacks_test_of_the_address_is_passed(hung: Workspace) -> None:
    before = len(hung.states)
    hung.mention("the capital?", "Ev5", type="message", channel_type="im", channel="D1")
    until(lambda: len(hung.states) > before)
    assert hung.last()["channel"] == "D1"
    told = json.dumps({"type": "url_verification", "challenge": "3eZbrw1a"}).encode()
    assert hung.sent("/slack/events", told, "application/json").json() == {"challenge": "3eZbrw1a"}


def test_the_answer_shows_while_it_comes(tmp_path: Path) -> None:
    model = slow(tmp_path, pieces=6, pause=0.05)
    with served(settings(tmp_path, {"slow": model})) as own, working(own, pace=0.06) as workspace:
        workspace.mention("tell", "Ev6")
        workspace.last()
        states = [one["blocks"][0]["text"] for one in next(iter(workspace.states.values()))[1:]]
    assert len(states) > 2
    assert states[0].endswith("…")
    assert states[-1].strip() == " ".join(["tick"] * 6)
    assert all(states[-1].startswith(state.removesuffix(" …").rstrip()) for state in states)


def test_a_failure_is_told_as_one_and_cannot_be_judged(tmp_path: Path) -> None:
    with served(settings(tmp_path, {"slow": slow(tmp_path, fail_after=2)})) as own, working(own, pace=0.0) as workspace:
        workspace.mention("tell", "Ev7")
        assert workspace.last()["text"].startswith(":warning: No answer: ")
        assert not workspace.last().get("blocks"), "what was shown of the answer stays"


@pytest.mark.parametrize("fault", ["truncate", "hang_midstream", "no_done", "invalid_json", "error_frame", "close"])
def test_half_an_answer_is_told_as_a_failure_however_the_line_breaks(fault: Fault) -> None:
    with (
        Upstream(Behaviour(says="A heron wades and waits.", fault=fault)) as pointsman,
        httpx.Client(base_url=pointsman.url) as http,
        working(Served(pointsman.url, http), {"seconds": 0.3}, pace=0.0) as workspace,
    ):
        workspace.mention("tell", "Ev11")
        assert re.match(r":warning: No answer: \w", workspace.last()["text"])
        assert not workspace.last().get("blocks"), "what was shown of the answer stays"


def test_the_model_is_told_what_was_said_in_the_thread(stubbed: Stubbed) -> None:
    with working(stubbed.served, turns=3) as workspace:
        answer = {"type": "markdown", "text": "**Fish** & frogs."}
        workspace.thread = [
            {"user": ADA, "text": "too long ago", "ts": "1.0"},
            {"user": ADA, "text": "<@UBOT> What eats a heron?", "ts": "2.0"},
            {"bot_id": "B1", "text": "**Fish** &amp; fr", "blocks": [answer, {"type": "actions"}], "ts": "3.0"},
            {"user": "U2", "text": "1 &lt; 2", "ts": "4.0"},
            {"bot_id": "B1", "text": "…", "ts": "9999999999.0"},
        ]
        workspace.mention("<@UBOT> And a stork?", "Ev8", thread_ts="1.0")
        workspace.last()
    told = [(turn["role"], turn["content"]) for turn in stubbed.seen["messages"]]
    assert told == [
        ("user", "What eats a heron?"),
        ("assistant", "**Fish** & frogs."),
        ("user", "1 < 2"),
        ("user", "And a stork?"),
    ]


def test_a_busy_slack_is_asked_again_and_a_closed_thread_costs_only_the_past(stubbed: Stubbed) -> None:
    with working(stubbed.served) as workspace:
        workspace.refuses, workspace.busy = {"conversations.replies"}, {"chat.postMessage": 1, "chat.update": 2}
        workspace.mention("And a stork?", "Ev9", thread_ts=THREAD)
        assert workspace.last()["blocks"][0]["text"].startswith("I heard 1 messages")
        assert len(workspace.made("chat.postMessage")) == 2
        assert len(workspace.made("chat.update")) == 3


def test_a_models_words_call_nobody_and_fit_into_a_message(tmp_path: Path) -> None:
    with served(settings(tmp_path, {"birds": BIRDS})) as own, working(own) as workspace:
        workspace.mention("tell", "Ev10")
        said = workspace.last()
        answer_id = workspace.buttons()["👍"]["value"]
    assert "<!channel" not in json.dumps(said, ensure_ascii=False)
    assert said["text"].startswith("&lt;\u2060!channel&gt; Herons &amp; ")
    assert len(said["text"]) <= 3000
    assert len(said["blocks"][0]["text"]) <= 12_000
    assert said["blocks"][0]["text"].endswith(f"in the log as {answer_id}._")


def test_the_manifest_asks_for_what_the_bot_uses(hung: Workspace) -> None:
    manifest = yaml.safe_load((EXAMPLES / "slack" / "manifest.yaml").read_text())
    wanted = {"app_mentions:read", "chat:write", "channels:history", "groups:history", "im:history"}
    assert set(manifest["oauth_config"]["scopes"]["bot"]) == wanted
    asked = manifest["settings"]
    assert asked["event_subscriptions"]["bot_events"] == ["app_mention", "message.im"]
    for one in (asked["event_subscriptions"], asked["interactivity"]):
        path = urlsplit(one["request_url"]).path
        assert httpx.post(f"{hung.bot}{path}").status_code == 401, "the bot does not listen there"
