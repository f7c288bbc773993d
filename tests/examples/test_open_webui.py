"""Open WebUI: its connection, the filter, the buttons, and the poller that carries its thumbs over."""

import asyncio
import json
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # the examples' own types

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.checkout import ROOT
from tests.examples.open_webui_app import TOKEN, USER, OpenWebUI, function
from tests.examples.playing import EXAMPLES, feedback, listening, loaded
from tests.service.serving import Served, served, settings

HEADERS = json.loads((EXAMPLES / "open_webui" / "connection.json").read_text())
RATER = f"open-webui:{USER['id']}"
LONG_AGO = 1_700_000_000.0


def buttons(service: Served) -> Any:
    """The action, pointed at the service."""
    action = function("buttons.py")
    action.valves = action.Valves(address=f"{service.url}/")
    return action


async def test_the_connections_headers_name_chat_message_user_and_task(service: Served) -> None:
    app = OpenWebUI(service, HEADERS)
    message = await app.ask("ow-1", "the capital?")
    row = service.decision(app.answered("ow-1", message), "ok")
    assert (row["conversation"], row["message"], row["origin"]["user"]) == ("ow-1", message, USER["id"])
    title = await app.ask("ow-1", "a prompt of our own for titles", task="title_generation")
    assert service.decision(app.answered("ow-1", title), "ok")["policy"] == "side_request"


async def test_the_filter_names_them_where_no_headers_do_and_keeps_the_answers_id(service: Served) -> None:
    app = OpenWebUI(service, filters=[function("ids.py")])
    message = await app.ask("ow-2", "the capital?")
    answered = app.answered("ow-2", message)
    row = service.decision(answered, "ok")
    assert (row["conversation"], row["message"], row["origin"]["user"]) == ("ow-2", message, USER["id"])
    assert app.chats["ow-2"][message]["usage"]["pointsman_id"] == answered
    assert app.shown == [], "nothing is shown unless it was asked for"


async def test_the_filter_knows_a_workspaces_model_by_the_one_that_it_is_made_of(service: Served) -> None:
    app = OpenWebUI(service, filters=[function("ids.py")])
    await app.ask("ow-3", "the capital?", model={"id": "auto", "info": {"base_model_id": "auto"}, "preset": True})
    assert app.sent[-1]["chat_id"] == "ow-3"


@pytest.mark.parametrize("model", [{"openai": {"owned_by": "somebody"}}, {"ollama": {}}, {"info": {}}, {}])
async def test_the_filter_leaves_requests_to_other_servers_as_they_are(service: Served, model: dict[str, Any]) -> None:
    app = OpenWebUI(service, filters=[function("ids.py")])
    await app.ask("ow-4", "the capital?", model={"id": "auto", **model})
    assert app.sent[-1].keys() == {"model", "messages", "stream", "stream_options"}
    foreign = {"id": "x", "choices": [], "usage": {"total_tokens": 1}}
    assert await app.filters[0].stream(dict(foreign)) == foreign


async def test_the_filter_shows_the_arm_if_it_was_told_to(service: Served) -> None:
    chosen = function("ids.py")
    chosen.valves = chosen.Valves(show_arm=True)
    app = OpenWebUI(service, filters=[chosen])
    message = await app.ask("ow-5", "the capital?")
    arm = service.decision(app.answered("ow-5", message), "ok")["arm"]
    assert app.shown == [{"type": "status", "data": {"description": arm, "done": True}}]


@pytest.mark.parametrize(("which", "reward"), [("up", 1.0), ("down", 0.0)])
@pytest.mark.parametrize("with_usage", [False, True])
async def test_a_button_is_feedback_by_the_ids_of_chat_and_message_or_by_the_answers_own(
    service: Served, which: str, reward: float, with_usage: bool
) -> None:
    app = OpenWebUI(service, {} if with_usage else HEADERS, filters=[function("ids.py")] if with_usage else [])
    chat = f"ow-6-{which}-{with_usage}"
    earlier, message = await app.ask(chat, "the capital?"), await app.ask(chat, "and now?")
    if with_usage:  # then the ids of chat and message are not needed
        app.chats["elsewhere"] = app.chats[chat]
    await app.press(buttons(service), which, "elsewhere" if with_usage else chat, message, with_usage=with_usage)
    assert [one["data"]["type"] for one in app.shown] == ["success"]
    assert feedback(service, app.answered(chat, message)) == [(RATER, reward)]
    assert feedback(service, app.answered(chat, earlier)) == []


async def test_a_button_that_could_not_be_heard_says_so_and_breaks_nothing(service: Served) -> None:
    app, action = OpenWebUI(service), buttons(service)
    await app.press(action, "up", "ow-nowhere", "no-message")
    action.valves = action.Valves(address="http://127.0.0.1:9")
    await app.press(action, "up", "ow-nowhere", "no-message")
    action.valves = action.Valves(address="http://127.0.0.1:none")
    await app.press(action, "up", "ow-nowhere", "no-message")
    assert [one["data"]["type"] for one in app.shown] == ["warning", "error", "error"]


async def test_a_button_carries_its_key(tmp_path: Path) -> None:
    key = "a-key-of-open-webui-that-is-long-enough"
    with served(settings(tmp_path, server={"api_keys": [key]})) as locked:
        app, action = OpenWebUI(locked), buttons(locked)
        await app.press(action, "up", "ow-nowhere", "no-message")
        action.valves = action.Valves(address=locked.url, api_key=key)
        await app.press(action, "up", "ow-nowhere", "no-message")
    assert [one["data"]["content"][:20] for one in app.shown] == ["Pointsman did not ta", "Pointsman knows noth"]


# --- The thumbs of the app's own


@dataclass
class Polled:
    """An Open WebUI that listens, and what looks at it."""

    app: OpenWebUI
    url: str
    carrier: Any


@pytest.fixture
def polled(service: Served) -> Iterator[Polled]:
    """An app without feedback, and a carrier that has seen nothing yet."""
    app = OpenWebUI(service, HEADERS)
    with listening(app.app()) as url, carried(url, service) as carrier:
        yield Polled(app, url, carrier)


class carried:  # noqa: N801  # used as a function
    """A new carrier, as after a restart; closes its clients."""

    def __init__(self, url: str, service: Served, token: str = TOKEN) -> None:
        self._clients = (
            httpx.Client(base_url=url, headers={"authorization": f"Bearer {token}"}),
            httpx.Client(base_url=service.url),
        )

    def __enter__(self) -> Any:
        return loaded("open_webui/thumbs.py").Carrier(*self._clients)

    def __exit__(self, *_: object) -> None:
        for client in self._clients:
            client.close()


async def test_thumbs_are_carried_over_once_however_often_it_starts(polled: Polled, service: Served) -> None:
    app = polled.app
    good, bad = await app.ask("th-1", "the capital?"), await app.ask("th-1", "and now?")
    app.rate("th-1", good, 1, LONG_AGO, reason="accurate_information", comment="Just so.", details={"rating": 9})
    app.rate("th-1", bad, -1, LONG_AGO)
    app.rate("th-other", "of-another-server", 1, LONG_AGO)
    app.feedbacks.append({"id": "arena", "type": "rating", "data": {"rating": None}, "meta": None, "updated_at": 1})
    assert str(polled.carrier.look(time.time())).startswith("2 taken down, 0 known already, 1 of other")
    assert feedback(service, app.answered("th-1", good)) == [(RATER, 1.0)]
    assert feedback(service, app.answered("th-1", bad)) == [(RATER, 0.0)]
    row = service.decision(app.answered("th-1", good), "ok")["feedback"][0]
    assert row["comment"] == "accurate_information - Just so."
    assert str(polled.carrier.look(time.time())).startswith("0 taken down, 0 known already, 0 of other")
    with carried(polled.url, service) as restarted:
        assert str(restarted.look(time.time())).startswith("0 taken down, 2 known already, 1 of other")
    assert len(feedback(service, app.answered("th-1", good))) == 1


async def test_a_changed_thumb_is_heard_and_one_just_given_waits_for_its_comment(
    polled: Polled, service: Served
) -> None:
    app = polled.app
    message = await app.ask("th-2", "the capital?")
    row = app.rate("th-2", message, 1)
    assert polled.carrier.look(time.time()).waiting == 1
    assert feedback(service, app.answered("th-2", message)) == []
    assert polled.carrier.look(time.time() + 61).taken == 1
    row["data"]["rating"], row["updated_at"] = -1, row["updated_at"] + 5
    assert polled.carrier.look(time.time() + 122).taken == 1
    assert feedback(service, app.answered("th-2", message)) == [(RATER, 1.0), (RATER, 0.0)]


async def test_who_comes_back_to_the_first_thumb_is_not_heard_again(polled: Polled, service: Served) -> None:
    app = polled.app
    message = await app.ask("th-8", "the capital?")
    row = app.rate("th-8", message, 1, LONG_AGO)
    seen = []
    for rating in (1, -1, 1):
        row["data"]["rating"], row["updated_at"] = rating, row["updated_at"] + 100
        look = polled.carrier.look(time.time())
        seen.append((look.taken, look.repeated))
    assert seen == [(1, 0), (1, 0), (0, 1)]
    assert feedback(service, app.answered("th-8", message)) == [(RATER, 1.0), (RATER, 0.0)]


async def test_of_thumbs_changed_within_a_minute_the_last_alone_is_heard(polled: Polled, service: Served) -> None:
    app = polled.app
    message = await app.ask("th-9", "the capital?")
    row, now = app.rate("th-9", message, 1), time.time()
    for i, rating in enumerate((1, -1, 1)):
        row["data"]["rating"], row["updated_at"] = rating, int(now) + 30 * i
        assert polled.carrier.look(now + 30 * i).waiting == 1
    assert polled.carrier.look(now + 125).taken == 1
    assert feedback(service, app.answered("th-9", message)) == [(RATER, 1.0)]


async def test_a_thumb_and_a_button_of_one_person_are_one_judgement(polled: Polled, service: Served) -> None:
    app = polled.app
    message = await app.ask("th-3", "the capital?")
    await app.press(buttons(service), "up", "th-3", message)
    app.rate("th-3", message, 1, LONG_AGO)
    assert polled.carrier.look(time.time()).repeated == 1
    assert feedback(service, app.answered("th-3", message)) == [(RATER, 1.0)]


async def test_a_thumb_finds_its_answer_by_the_id_that_the_filter_left(polled: Polled, service: Served) -> None:
    app = polled.app
    app.headers, app.filters = {}, [function("ids.py")]
    message = await app.ask("th-4", "the capital?")
    app.rate("th-4", message, -1, LONG_AGO)["meta"]["chat_id"] = "since moved"
    assert polled.carrier.look(time.time()).taken == 1
    assert feedback(service, app.answered("th-4", message)) == [(RATER, 0.0)]


async def test_a_judgement_that_is_refused_does_not_stop_the_others(polled: Polled, service: Served) -> None:
    app = polled.app
    message = await app.ask("th-5", "the capital?")
    app.rate("x" * 300, message, 1, LONG_AGO)  # no such chat can be named
    app.rate("th-5", message, 1, LONG_AGO - 1)
    seen = polled.carrier.look(time.time())
    assert (seen.refused, seen.taken) == (1, 1)


async def test_what_pointsman_could_not_take_now_is_sent_again(polled: Polled, service: Served) -> None:
    app = polled.app
    message = await app.ask("th-6", "the capital?")
    app.rate("th-6", message, 1, LONG_AGO)

    async def busy(request: Request) -> Response:
        return Response(status_code=503)

    well = polled.carrier.pointsman
    ill = Starlette(routes=[Route("/v1/feedback", busy, methods=["POST"])])
    with listening(ill) as url, httpx.Client(base_url=url) as polled.carrier.pointsman:
        assert polled.carrier.look(time.time()).waiting == 1
    polled.carrier.pointsman = well
    assert polled.carrier.look(time.time()).taken == 1


@pytest.mark.parametrize("told", ["<p>Welcome</p>", "[]", "{}"])
async def test_what_is_no_pointsman_stops_the_poller_and_is_named(polled: Polled, told: str) -> None:
    message = await polled.app.ask("th-10", "the capital?")
    polled.app.rate("th-10", message, 1, LONG_AGO)

    async def welcome(request: Request) -> Response:
        return Response(told)

    other = Starlette(routes=[Route("/v1/feedback", welcome, methods=["POST"])])
    with listening(other) as url, httpx.Client(base_url=url) as polled.carrier.pointsman:
        stopped = sys.modules[type(polled.carrier).__module__].Stopped
        with pytest.raises(stopped, match=f"{url}.* is no Pointsman"):
            polled.carrier.look(time.time())


@pytest.mark.parametrize(("token", "code"), [(TOKEN, 0), ("sk-of-a-plain-user", 1)])
async def test_the_command_carries_thumbs_over_and_says_what_is_wrong(
    polled: Polled, service: Served, tmp_path: Path, token: str, code: int
) -> None:
    message = await polled.app.ask(f"th-7-{code}", "the capital?")
    polled.app.rate(f"th-7-{code}", message, 1, LONG_AGO)
    (tmp_path / "token").write_text(f"{token}\n")
    command = [sys.executable, "examples/open_webui/thumbs.py", "--once", "--token-file", str(tmp_path / "token")]
    done = await asyncio.create_subprocess_exec(
        *command, "--open-webui", f"{polled.url}/", "--pointsman", service.url, cwd=ROOT, stdout=PIPE, stderr=PIPE
    )
    stdout, stderr = [text.decode() for text in await done.communicate()]
    assert done.returncode == code, stderr
    assert ("1 taken down" in stdout) == (code == 0)
    assert ("administrator" in stderr) == (code == 1)
    assert len(feedback(service, polled.app.answered(f"th-7-{code}", message))) == (code == 0)
