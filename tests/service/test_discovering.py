"""The models of servers come and go with the servers' lists; a server that is down costs neither start nor models."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from models.errors import BadSettings
from service import discovering
from service.sections import Settings
from service.settings import load
from tests.service.serving import WELL, Served, served, settings
from tests.upstream.behaviour import Behaviour
from tests.upstream.server import Upstream


def server(upstream: Upstream, **more: object) -> dict[str, object]:
    """A table of `[servers]`."""
    return {"api_base": f"{upstream.url}/v1", "refresh_seconds": 0.1, "retries": 0, **more}


def names(running: Served) -> list[str]:
    """The plain models that the service lists."""
    return sorted(one["id"] for one in running.get("/v1/models")["data"] if "direct@" not in one["id"])


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_every_model_of_a_server_is_served_under_its_own_name(tmp_path: Path) -> None:
    with Upstream(
        Behaviour(says="from the server"), names=("org/one:7b", "openai/gpt", "well", "auto", "embed")
    ) as upstream:
        chosen = settings(tmp_path, {"well": WELL}, servers={"box": server(upstream, exclude=["emb*"])})
        with served(chosen) as running:
            assert names(running) == ["auto", "box/auto", "box/well", "openai/gpt", "org/one:7b", "well"]
            said = running.ask("Hello?", model="direct@org/one:7b").raise_for_status().json()
            assert said["choices"][0]["message"]["content"] == "from the server"
            assert upstream.seen[-1].model == "org/one:7b"
            for name, id_there in (("box/well", "well"), ("openai/gpt", "openai/gpt")):
                running.ask("Hello?", model=f"direct@{name}").raise_for_status()
                assert upstream.seen[-1].model == id_there
        assert list(chosen.models) == ["well"], "the settings themselves stay as they were"


def test_two_servers_with_a_model_of_one_name_are_told_apart(tmp_path: Path) -> None:
    with Upstream(names=("same", "one")) as first, Upstream(names=("same", "two")) as second:
        chosen = settings(tmp_path, {"well": WELL}, servers={"a": server(first), "b": server(second)})
        with served(chosen) as running:
            assert names(running) == ["a/same", "auto", "b/same", "one", "two", "well"]


def test_new_models_appear_and_vanished_ones_go_while_it_runs(tmp_path: Path) -> None:
    with Upstream(names=("old",)) as upstream, served(_over(tmp_path, server(upstream))) as running:
        assert names(running) == ["auto", "old", "well"]
        upstream.names = ("new",)
        until(lambda: names(running) == ["auto", "new", "well"])
        assert running.ask("Hello?", model="direct@new").status_code == 200
        gone = running.ask("Hello?", model="direct@old")
        assert (gone.status_code, gone.json()["error"]["code"]) == (404, "model_not_found")


def _over(folder: Path, table: dict[str, object]) -> Settings:
    return settings(folder, {"well": WELL}, servers={"box": table})


def test_a_server_that_is_down_at_the_start_has_the_models_that_it_had(tmp_path: Path) -> None:
    with Upstream(names=("one", "two")) as upstream:
        tables = {"box": server(upstream)}
        with served(settings(tmp_path, {"well": WELL}, servers=tables)) as running:
            assert names(running) == ["auto", "one", "two", "well"]
        upstream.stop()
        with served(settings(tmp_path, {"well": WELL}, servers=tables)) as running:
            assert names(running) == ["auto", "one", "two", "well"]
            assert running.ask("Hello?", model="direct@well").status_code == 200
            assert running.ask("Hello?", model="direct@one").status_code == 502
            upstream.names = ("one", "three")
            upstream.start()
            until(lambda: names(running) == ["auto", "one", "three", "well"])
            assert running.ask("Hello?", model="direct@three").status_code == 200


def test_a_server_that_was_never_up_costs_a_warning_and_no_start(tmp_path: Path) -> None:
    (tmp_path / "servers.json").write_text("{damaged")
    tables = {"box": {"api_base": "http://127.0.0.1:1/v1"}}
    begun = time.monotonic()
    with served(settings(tmp_path, {"well": WELL}, servers=tables)) as running:
        assert time.monotonic() - begun < 8.0
        assert names(running) == ["auto", "well"]


def test_what_the_servers_had_is_kept_beside_the_database(tmp_path: Path) -> None:
    with Upstream(names=("one", "two")) as upstream, served(_over(tmp_path, server(upstream, include=["o*"]))):
        pass
    assert json.loads((tmp_path / "servers.json").read_text()) == {"box": {"one": "one"}}


def test_models_are_called_the_same_after_a_restart(tmp_path: Path) -> None:
    with Upstream(names=("same",)) as first, Upstream(names=("other",)) as second:
        chosen = settings(tmp_path, {"well": WELL}, servers={"a": server(first), "b": server(second)})
        with served(chosen) as running:
            second.names = ("other", "same")
            until(lambda: "b/same" in names(running))
            before = names(running)
            assert before == ["auto", "b/same", "other", "same", "well"]
        with served(chosen) as running:
            assert names(running) == before
        (tmp_path / "servers.json").write_text('{"a": ["same"], "b": ["same", "other"]}')
        first.stop()
        with served(chosen) as running:
            assert names(running) == ["a/same", "auto", "b/same", "other", "well"], "an older file holds no names"


def test_a_look_that_fails_in_a_way_that_nobody_foresaw_is_not_the_last_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []

    async def torn(api_base: str, key: str | None, seconds: float) -> list[str]:
        looks.append(seconds)
        if len(looks) in (2, 3):
            raise RuntimeError("the line was closed under our hands")
        return ["one"] if len(looks) < 4 else ["one", "two"]

    monkeypatch.setattr(discovering, "listed", torn)
    with served(_over(tmp_path, {"api_base": "http://a/v1", "refresh_seconds": 0.1})) as running:
        until(lambda: names(running) == ["auto", "one", "two", "well"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[servers.box]\n", "a server needs an api_base"),
        ('[servers.box]\napi_base = "http://a"\nmodel = "m"\n', "neither a model"),
        ('[servers.box]\napi_base = "http://a"\nincl = []\n', r"line 3: servers\.box\.incl: unknown key"),
        ('[servers.box]\napi_base = "http://a"\napi_key_env = "NOT_SET"\n', r"line 3: servers\.box\.api_key_env"),
        ('[models.m]\nbackend = "remote"\nload = "demand"\n', "models.m: load = .demand. is for in_process models"),
        ('[models.m]\nbackend = "in_process"\nunload_after = 5\n', "unload_after needs load"),
    ],
)
def test_tables_that_cannot_be_meant_are_told(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "my.toml"
    path.write_text(text)
    with pytest.raises(BadSettings, match=words):
        load(path, {})


def test_a_file_with_nothing_but_servers_is_served_without_the_zoo(tmp_path: Path) -> None:
    path = tmp_path / "my.toml"
    path.write_text('[servers.box]\napi_base = "http://a/v1"\napi_key_env = "KEY"\n')
    chosen = load(path, {"KEY": "s3cret"})
    assert chosen.models == {}
    assert chosen.servers["box"].spec().api_key == "s3cret"
