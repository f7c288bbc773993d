"""The commands as a person runs them: in a process of their own, with what they print and how they end."""

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import structlog

from service.__main__ import main
from tests.service.serving import SLOW

ROOT = Path(__file__).resolve().parents[2]
SCRIPTED = '[strategies]\nenabled = ["direct"]\n[models.well]\nbackend = "scripted"\nextra = { reply = "I am well." }\n'


def command(folder: Path, *arguments: str) -> list[str]:
    """A command with a settings file and a database in the folder."""
    if not (folder / "my.toml").exists():
        (folder / "my.toml").write_text(SCRIPTED)
    config = [] if "--config" in arguments else ["--config", str(folder / "my.toml")]
    return [sys.executable, "-m", "service", *arguments, *config, "--db", f"sqlite:///{folder / 'test.db'}"]


@dataclass(frozen=True, slots=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Runs a command in this process, which has its libraries loaded already."""

    def call(*arguments: str, stdin: str = "") -> Done:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        code = main(command(tmp_path, *arguments)[3:])
        out, err = capsys.readouterr()
        return Done(code, out, err)

    yield call
    structlog.reset_defaults()  # the commands point it at the stderr of this test


@contextmanager
def serve(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`serve` on a free port, and its address as it told it."""
    words = command(folder, "serve", "--port", "0")
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            told = ""
            while "curl" not in told:
                line = process.stdout.readline()
                assert line, process.stderr.read() if process.stderr else ""
                told += line
            found = re.search(r"http://127\.0\.0\.1:\d+", told)
            assert found
            yield process, found[0]
        finally:
            if process.poll() is None:
                process.kill()


def test_ask_prints_the_answer_and_nothing_else_on_stdout(tmp_path: Path) -> None:
    words = command(tmp_path, "ask", "How are you?")
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "I am well.\n"


def test_ask_explains_and_speaks_json(run: Run) -> None:
    told = json.loads(run("ask", "--json", "--explain", "How are you?").out)
    assert told["answer"] == "I am well."
    assert told["pointsman"]["arm"] == "direct@well"
    assert told["decision"]["propensities"] == {"direct@well": 1.0}
    text = run("ask", "--explain", "-", stdin="How are you?").out
    assert text.startswith("I am well.\n")
    assert "direct@well answered" in text
    assert told["decision"]["why"].split()[0] in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("ask", "--model", "nobody", "How are you?"), "unknown model 'nobody'"),
        (("ask", ""), "question"),
        (("knowledge", "add", "none.md"), "'none.md'"),
        (("knowledge", "remove", "none"), "'none'"),
        (("serve", "--config", "none.toml"), "'none.toml'"),
    ],
)
def test_wrong_commands_end_with_2_and_one_line(run: Run, arguments: tuple[str, ...], words: str) -> None:
    done = run(*arguments)
    assert done.code == 2, done.err
    assert words in done.err
    assert done.err.strip().splitlines()[-1].startswith("pointsman: ")
    assert done.out == ""


def test_a_missing_model_directory_is_named_at_the_start(tmp_path: Path, run: Run) -> None:
    (tmp_path / "my.toml").write_text('[models.mine]\nbackend = "in_process"\npath = "weights"\n')
    done = run("serve")
    assert done.code == 2
    assert "my.toml, line 3: models.mine.path: there is no directory" in done.err


def test_a_directory_without_a_model_is_named_at_the_start(tmp_path: Path, run: Run) -> None:
    (tmp_path / "weights").mkdir()
    (tmp_path / "my.toml").write_text('[models.mine]\nbackend = "in_process"\npath = "weights"\n')
    done = run("serve", "--port", "0")
    assert done.code == 2
    assert "models.mine" in done.err
    assert "Traceback" not in done.err


def test_a_port_in_use_is_told(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("serve", "--port", str(taken.getsockname()[1]))
    assert done.code == 2
    assert "cannot listen on 127.0.0.1" in done.err


def test_knowledge_goes_in_is_found_and_goes(tmp_path: Path, run: Run) -> None:
    folder = tmp_path / "papers"
    (folder / "deep").mkdir(parents=True)
    (folder / "herons.md").write_text("# Herons\n\nHerons stand in the reeds and eat fish.")
    (folder / "deep" / "steel.txt").write_text("Steel is iron with a little carbon.")
    (folder / "left-out.bin").write_bytes(b"\x00")
    added = run("knowledge", "add", str(folder))
    assert added.code == 0, added.err
    assert "2 documents" in added.out
    listed = run("knowledge", "list").out
    assert "herons" in listed
    assert "steel" in listed
    found = run("knowledge", "search", "-k", "1", "What do herons eat?").out
    assert "eat fish" in found
    first = next(line.split()[0] for line in listed.splitlines() if "herons" in line)
    assert run("knowledge", "remove", first).code == 0
    assert "herons" not in run("knowledge", "list").out


def slow_toml(folder: Path, pieces: int, drain: float) -> str:
    """Settings with a model that takes 0.1 s a piece."""
    extra = f'extra = {{ journal = "{folder / "journal.txt"}", pieces = {pieces}, pause = 0.1 }}'
    return (
        f'[server]\ndrain_seconds = {drain}\n[strategies]\nenabled = ["direct"]\n'
        f'[models.slow]\nbackend = "{SLOW}"\n{extra}\n'
    )


def ask_slowly(url: str, answers: list[str]) -> threading.Thread:
    """Ask in a thread; the text, or the name of the error, is appended to `answers`."""

    def ask() -> None:
        body = {"messages": [{"role": "user", "content": "Go."}]}
        try:
            reply = httpx.post(f"{url}/v1/chat/completions", json=body, timeout=30.0)
            answers.append(reply.json()["choices"][0]["message"]["content"])
        except (httpx.TransportError, KeyError, ValueError) as error:
            answers.append(type(error).__name__)

    thread = threading.Thread(target=ask)
    thread.start()
    return thread


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_lets_running_answers_end(tmp_path: Path, how: signal.Signals) -> None:
    (tmp_path / "my.toml").write_text(slow_toml(tmp_path, pieces=10, drain=20))
    answers: list[str] = []
    with serve(tmp_path) as (process, url):
        thread = ask_slowly(url, answers)
        while not (tmp_path / "journal.txt").exists():
            time.sleep(0.02)
        process.send_signal(how)
        thread.join()
        assert process.wait(timeout=20) in (0, -how)
        log = process.stderr.read() if process.stderr else ""
    assert answers == ["tick " * 10]
    line = next(json.loads(line) for line in log.splitlines() if '"decision"' in line)
    assert (line["arm"], line["status"]) == ("direct@slow", "ok")
    assert "Traceback" not in log


def test_ctrl_c_waits_no_longer_than_it_was_told(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text(slow_toml(tmp_path, pieces=600, drain=1))
    answers: list[str] = []
    with serve(tmp_path) as (process, url):
        thread = ask_slowly(url, answers)
        while not (tmp_path / "journal.txt").exists():
            time.sleep(0.02)
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.wait(timeout=20)
        assert time.monotonic() - begun < 10
        thread.join()
    assert (tmp_path / "journal.txt").read_text().split() == ["started", "cancelled"]
    (tmp_path / "my.toml").write_text(SCRIPTED)
    with serve(tmp_path) as (_, url):
        row = httpx.get(f"{url}/v1/decisions").json()["data"][0]
        whole = httpx.get(f"{url}/v1/decisions/{row['id']}").json()
    assert whole["outcome"]["status"] == "cancelled"


def test_help_is_quick_and_names_the_commands() -> None:
    begun = time.monotonic()
    words = [sys.executable, "-m", "service", "--help"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert all(word in done.stdout for word in ("serve", "ask", "knowledge"))
    assert time.monotonic() - begun < 15
    assert "torch" not in _imported()


def _imported() -> str:
    words = [sys.executable, "-X", "importtime", "-c", "import service.__main__, service.settings"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True, env=dict(os.environ))  # noqa: TID251  # passed on to a child
    return done.stderr
