"""Moving to new settings: what is told of bad ones, what a new worker begins with, who is inside meanwhile."""

import asyncio
import time
from pathlib import Path
from typing import Any  # an ASGI message

import pytest
from starlette.requests import Request
from structlog.testing import capture_logs

from service.ground import grounded
from service.openai_api import complete
from service.reloading import Houses
from service.responses_api import respond
from service.responses_body import ResponsesBody
from service.settings import load
from service.wire import ChatBody
from tests.service.serving import ILL, WELL, settings, slow
from tests.service.test_reloading import ask, moving, text, until

FAR = '[models.m]\nbackend = "remote"\nmodel = "openai/m"\n'


@pytest.mark.parametrize(
    ("file", "environment", "setting"),
    [
        (FAR, {"POINTSMAN_SERVER__API_KEYS": '["hunter2"'}, None),
        (FAR, {"POINTSMAN_SERVER__API_KEYS": '["hunter2", 2]'}, "server.api_keys.1"),
        ('[server]\napi_keys = "hunter2"\n', {}, "server.api_keys"),
        ('server = [{api_keys = ["hunter2"]}]\n', {}, "server"),
        (f'{FAR}api_key_env = "hunter2"\n', {}, "models.m.api_key_env"),
        (f'{FAR}api_base = ["http://me:hunter2@far"]\n', {}, "models.m.api_base"),
        ('[store]\nurl = ["postgresql://me:hunter2@far/db"]\n', {}, "store.url"),
    ],
)
async def test_what_may_hold_a_secret_is_told_to_nobody(
    tmp_path: Path, file: str, environment: dict[str, str], setting: str | None
) -> None:
    (tmp_path / "my.toml").write_text(file)
    async with moving(settings(tmp_path, {"one": WELL})) as service:
        service.read[0] = lambda: load(tmp_path / "my.toml", environment)
        with capture_logs() as lines:
            assert not await service.houses.reload()
        assert (service.houses.told["refused"], service.houses.told["setting"]) == (True, setting)
        assert "hunter2" not in str(service.houses.told) + str(lines)
        assert [line["setting"] for line in lines if "reason" in line] == [setting]


async def test_a_worker_that_is_started_again_begins_with_the_newest_settings_that_can_be_used(tmp_path: Path) -> None:
    first = settings(tmp_path, {"one": WELL})
    for newest, reply, refused in (
        (settings(tmp_path, {"two": ILL}), "I am ill.", False),
        (settings(tmp_path, {"two": ILL}, router={"default_arm": "direct@nobody"}), "I am well.", True),
        (settings(tmp_path, {"two": ILL}, server={"port": 9}), "I am well.", True),
    ):
        async with grounded(first) as ground:
            houses = Houses(ground, first, lambda newest=newest: newest, restarted=True)  # type: ignore[misc]
            try:
                await houses.open()
                assert text(await ask(houses.now)) == reply
                assert houses.told["refused"] is refused
            finally:
                await houses.close()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("responses", [False, True])
async def test_a_question_that_is_being_decided_on_ends_under_the_old_settings(
    tmp_path: Path, stream: bool, responses: bool
) -> None:
    judge = slow(tmp_path, pieces=1, pause=1.5, word="safe")
    async with moving(settings(tmp_path, {"one": WELL, "judge": judge}, guards={"moderator": "judge"})) as service:
        house = service.houses.now

        async def receive() -> dict[str, Any]:
            await asyncio.sleep(30)
            return {"type": "http.disconnect"}

        state = {"request_id": "r", "begun": time.perf_counter()}
        request = Request({"type": "http", "headers": [], "state": state}, receive)
        if responses:
            answer = asyncio.create_task(
                respond(ResponsesBody(input="Well?", model="direct@one", stream=stream), request, house)
            )
        else:
            asked = {"messages": [{"role": "user", "content": "Well?"}], "model": "direct@one", "stream": stream}
            answer = asyncio.create_task(complete(ChatBody.model_validate(asked), request, house))
        await until((tmp_path / "journal.txt").exists)
        assert await service.to(settings(tmp_path, {"two": ILL}))
        (leaving,) = service.houses._leaving
        await asyncio.sleep(0.1)
        assert not leaving.done(), "the old house is open as long as somebody is inside"
        assert (await answer).status_code == 200
        if not stream:
            await asyncio.wait_for(leaving, 5)
