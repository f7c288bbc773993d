"""The log: lines that carry the request and the decision, whoever writes them, and never a key or a question."""

import json
import logging
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # JSON

import pytest
import structlog

from models.errors import BadSettings
from service import log
from service.ground import grounded
from service.reloading import Houses
from service.sections import Server, Settings
from tests.service.serving import WELL, Served, served, settings, slow

TALKING = {"backend": str(Path(__file__).parent / "backends" / "talking.py")}
QUOTING = Path(__file__).parent / "backends" / "quoting.py"
KEY = "a-key-of-32-letters-and-digits-42"


@dataclass(frozen=True, slots=True)
class Log:
    """A log in a file of its own."""

    path: Path

    def begin(self, secrets: Iterable[str] = (), **server: Any) -> None:
        """Write to the file from now on, as in a process that no test framework listens to."""
        root = logging.getLogger()
        listening, root.handlers = root.handlers, []
        try:
            log.configure_served(Server(**{"log_file": str(self.path), **server}), secrets)
        finally:
            root.handlers += listening

    def lines(self) -> list[dict[str, Any]]:
        """All that was written."""
        return [json.loads(line) for line in self.path.read_text().splitlines()]

    def about(self, event: str) -> dict[str, Any]:
        """The only line that says so."""
        (found,) = [line for line in self.lines() if line["event"] == event]
        return found


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Log]:
    """A log that has not begun; at the end all is as before."""
    root = logging.getLogger()
    level, before = root.level, set(root.handlers)
    yield Log(tmp_path / "log")
    for one in set(root.handlers) - before:
        if isinstance(one.formatter, structlog.stdlib.ProcessorFormatter):
            root.removeHandler(one)
            one.close()
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize("stream", [False, True])
def test_every_line_of_a_request_carries_its_id_and_its_decision(tmp_path: Path, written: Log, stream: bool) -> None:
    written.begin()
    chosen = settings(tmp_path, {"talking": TALKING}, server={"access_log": True})
    with served(chosen) as service:
        service.http.headers["x-request-id"] = "mine-1"
        reply = service.ask("Say it.", stream=stream)
        assert reply.status_code == 200
    ran = written.about("decision")
    assert ran["decision"].startswith("chatcmpl-")
    assert ran["decision"] in reply.text
    for event in ("decision", "odd thing", "request"):
        line = written.about(event)
        assert (line["request_id"], line["decision"]) == ("mine-1", ran["decision"])
    assert written.about("odd thing")["logger"] == "library"
    assert written.about("odd thing")["level"] == "warning"


def test_two_requests_at_once_do_not_mix_their_ids(tmp_path: Path, written: Log) -> None:
    written.begin()
    chosen = settings(tmp_path, {"slow": slow(tmp_path, pieces=3, pause=0.05), "well": WELL})
    with served(chosen) as service, service.http.stream("POST", "/v1/chat/completions", json=body("slow")) as first:
        second = service.ask("How are you?", "direct@well")
        first.read()
    ids = {row["arm"]: row["request_id"] for row in written.lines() if row["event"] == "decision"}
    assert ids == {
        "direct@slow": first.headers["x-request-id"],
        "direct@well": second.headers["x-request-id"],
    }


def body(model: str) -> dict[str, Any]:
    """A streamed question for one model."""
    return {"model": f"direct@{model}", "stream": True, "messages": [{"role": "user", "content": "Go."}]}


def test_a_run_is_told_with_what_it_took_and_without_what_was_said(tmp_path: Path, written: Log) -> None:
    written.begin()
    with served(settings(tmp_path)) as service:
        answer = service.ask("Is Paris the capital of spies?", "direct@well").json()
        line = written.about("decision")
        assert answer["choices"][0]["message"]["content"] == "Paris is the capital."
    assert (line["arm"], line["chosen"], line["status"], line["calls"]) == ("direct@well", "direct@well", "ok", 1)
    assert (line["policy"], line["propensity"]) == ("layered", 1.0)
    assert line["prompt_tokens"] == answer["usage"]["prompt_tokens"]
    assert line["completion_tokens"] == answer["usage"]["completion_tokens"]
    assert 0 <= line["first_token_seconds"] <= line["seconds"] <= 5
    assert "spies" not in json.dumps(line)
    assert "Paris" not in json.dumps(line)


def test_what_libraries_say_below_a_warning_is_not_written_for_it_quotes_questions(
    tmp_path: Path, written: Log
) -> None:
    written.begin(log_level="debug")
    with served(settings(tmp_path, {"talking": TALKING})) as service:
        service.ask("A secret question")
    assert "odd thing" in written.path.read_text()
    assert "secret question" not in written.path.read_text()


def test_a_request_without_a_run_has_its_line_where_that_is_wanted(tmp_path: Path, written: Log) -> None:
    written.begin()
    with served(settings(tmp_path, server={"access_log": True})) as service:
        refused = service.http.post("/v1/chat/completions", content=b"{")
    line = written.about("request")
    assert (line["method"], line["route"], line["status"]) == ("POST", "/v1/chat/completions", 400)
    assert line["request_id"] == refused.headers["x-request-id"]
    assert "decision" not in line


def test_without_access_log_requests_have_no_lines(own: Served, written: Log) -> None:
    written.begin()
    own.get("/v1/models")
    assert [row for row in written.lines() if row["event"] == "request"] == []


def test_the_http_servers_own_warnings_are_lines_like_all_others(own: Served, written: Log) -> None:
    written.begin()
    host, port = own.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as line:
        line.sendall(b"this is no HTTP\r\n\r\n")
        assert b"400" in line.recv(4096)
    assert written.about("Invalid HTTP request received.")["logger"] == "uvicorn.error"


def test_no_line_holds_a_key_whoever_writes_it(written: Log) -> None:
    written.begin([KEY])
    structlog.get_logger().warning("ours", header=f"Bearer {KEY}", other="sk-abcdefghijklmnop")
    logging.getLogger("library").error("theirs: %s", KEY, exc_info=ValueError(KEY))
    text = written.path.read_text()
    assert len(written.lines()) == 2
    assert text.count("[key]") >= 4
    assert KEY not in text
    assert "sk-abc" not in text


async def test_the_keys_of_new_settings_are_hidden_before_they_are_used_or_refused(
    tmp_path: Path, written: Log
) -> None:
    written.begin([KEY])
    keys = {name: f"{name}-0123456789" for name in ("taken", "refused", "fixed")}

    def new(name: str, **tables: Any) -> Settings:
        table = {"backend": str(QUOTING), "extra": {"extra_headers": {"x-key": keys[name]}}}
        return settings(tmp_path, {"well": WELL, "quoting": table}, **tables)

    first = settings(tmp_path)
    async with grounded(first) as ground:
        queue = [
            new("taken"),
            new("refused", router={"default_arm": "direct@nobody"}),
            new("fixed", server={"port": 9}),
        ]
        houses = Houses(ground, first, lambda: queue.pop(0))
        try:
            await houses.open()
            assert [await houses.reload() for _ in range(3)] == [True, False, False]
        finally:
            await houses.close()
    structlog.get_logger().warning("ours", error=f"the server said {keys} of {KEY}")
    text = written.path.read_text()
    assert [row["event"] for row in written.lines()].count("opened with [key]") == 2
    assert text.count("[key]") >= 6
    assert not [key for key in (*keys.values(), KEY) if key in text]


def test_a_log_that_was_moved_away_is_begun_anew(written: Log) -> None:
    written.begin()
    structlog.get_logger().info("before")
    written.path.rename(written.path.with_suffix(".1"))
    structlog.get_logger().info("after")
    assert written.about("after")["level"] == "info"
    assert len(written.lines()) == 1


def test_the_level_decides_what_is_written(written: Log) -> None:
    written.begin(log_level="warning")
    structlog.get_logger().info("small")
    structlog.get_logger().warning("great")
    assert [line["event"] for line in written.lines()] == ["great"]


def test_a_person_can_read_the_console_format(written: Log) -> None:
    written.begin([KEY], log_format="console")
    structlog.get_logger().info("hello", who=KEY)
    logging.getLogger("library").warning("odd thing")
    first, second = written.path.read_text().splitlines()
    assert "hello" in first
    assert "who=[key]" in first
    assert "odd thing" in second
    assert not first.startswith("{")


def test_lines_go_to_whatever_stderr_is_when_they_are_written(written: Log, capsys: pytest.CaptureFixture[str]) -> None:
    written.begin(log_file=None)
    structlog.get_logger().info("hello")
    assert json.loads(capsys.readouterr().err)["event"] == "hello"


def test_a_log_file_that_cannot_be_written_is_told_before_anything_starts(written: Log) -> None:
    with pytest.raises(BadSettings, match=r"server\.log_file: cannot write .*"):
        written.begin(log_file=str(written.path / "nowhere"))
