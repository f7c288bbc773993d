"""Several workers on one socket, as a person starts them: what they share, and what becomes of one that dies."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import httpx
import psutil
import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from models.errors import BadSettings
from service.sections import Settings
from service.together import Together
from service.workers import Workers, check, share
from tests.checkout import ROOT
from tests.service.serving import SLOW

CONFIG = """
[server]
workers = 2
drain_seconds = 20
[strategies]
enabled = ["direct"]
[models.well]
backend = "scripted"
extra = { reply = "I am well." }
[models.slow]
backend = "SLOW"
extra = { journal = "JOURNAL", pieces = 8, pause = 0.1 }
"""


@contextmanager
def workers(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Two workers on a free port in a group of their own, and their address."""
    config = CONFIG.replace("SLOW", SLOW).replace("JOURNAL", str(folder / "journal.txt"))
    (folder / "my.toml").write_text(config)
    words = [sys.executable, "-m", "service", "serve", "--port", "0", "--config", str(folder / "my.toml")]
    words += ["--db", f"sqlite:///{folder / 'test.db'}"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            words, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True
        )
    with process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
            assert found, (folder / "log").read_text()
            yield process, found[0]
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def ask(url: str, model: str = "direct@well") -> str:
    """The words of an answer, over a connection of its own: any worker may give it."""
    body = {"model": model, "messages": [{"role": "user", "content": "How are you?"}]}
    reply = httpx.post(f"{url}/v1/chat/completions", json=body, timeout=30).raise_for_status()
    return str(reply.json()["choices"][0]["message"]["content"])


def counted(url: str) -> float:
    """The answers that all workers have given, as one of them says."""
    text = httpx.get(f"{url}/metrics").text
    return sum(float(n) for n in re.findall(r"^pointsman_decisions_total\{[^}]*\} ([\d.]+)", text, re.MULTILINE))


def eventually(holds: Callable[[], bool], seconds: float = 15.0) -> None:
    """Wait until it holds."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it did not come true in time"
        time.sleep(0.05)


def children(process: subprocess.Popen[str]) -> set[int]:
    """The workers' process ids."""
    return {child.pid for child in psutil.Process(process.pid).children()}


def test_workers_add_up_what_they_count_and_one_that_dies_is_started_again(tmp_path: Path) -> None:
    with workers(tmp_path) as (process, url):
        first = children(process)
        assert len(first) == 2
        with (tmp_path / "log").open() as log:
            for _ in range(20):
                ask(url)
            eventually(lambda: [counted(url) for _ in range(6)] == [20.0] * 6)
            assert {'"worker": 1', '"worker": 2'} <= set(re.findall(r'"worker": \d', log.read())), "one did it all"
        os.kill(min(first), signal.SIGKILL)
        eventually(lambda: len(children(process) - first) == 1)
        assert ask(url) == "I am well."
        eventually(lambda: [counted(url) for _ in range(6)] == [21.0] * 6)
        text = httpx.get(f"{url}/metrics").text
        assert set(re.findall(r'pointsman_log_pending\{worker="(\d)"\}', text)) == {"1", "2"}
        left = children(process)
        process.kill()  # they see that nobody watches them
        eventually(lambda: not any(psutil.pid_exists(one) for one in left))
    assert (tmp_path / "log").read_text().count("a worker has died") == 1


def test_a_worker_that_comes_after_a_reload_has_the_new_settings(tmp_path: Path) -> None:
    with workers(tmp_path) as (process, url):
        file = tmp_path / "my.toml"
        file.write_text(file.read_text().replace("I am well.", "I am new."))
        process.send_signal(signal.SIGHUP)
        eventually(lambda: {ask(url) for _ in range(6)} == {"I am new."})
        first = children(process)
        for one in first:
            os.kill(one, signal.SIGKILL)
        eventually(lambda: len(children(process) - first) == 2)
        assert {ask(url) for _ in range(6)} == {"I am new."}


def test_a_reload_that_comes_while_a_worker_starts_reaches_it_once_it_serves(tmp_path: Path) -> None:
    heard, starting = tmp_path / "heard", tmp_path / "starting"

    def run(number: int, reports: Connection, restarted: bool) -> None:
        starting.touch()
        time.sleep(0.5)
        signal.signal(signal.SIGHUP, lambda *_: heard.touch())
        reports.send(None)
        while True:
            time.sleep(0.05)

    def steer() -> None:
        eventually(starting.exists)
        os.kill(os.getpid(), signal.SIGHUP)
        try:
            eventually(heard.exists, 5)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    steering = threading.Thread(target=steer)
    steering.start()
    Workers(1, run, 1.0).supervise(lambda: None, lambda: None)
    steering.join()
    assert heard.exists()


def test_ctrl_c_and_sigterm_let_running_answers_end(tmp_path: Path) -> None:
    answers: list[str] = []
    with workers(tmp_path) as (process, url):
        assert process.stdout is not None
        threads = [threading.Thread(target=lambda: answers.append(ask(url, "direct@slow"))) for _ in range(4)]
        for thread in threads:
            thread.start()
        journal = tmp_path / "journal.txt"
        eventually(lambda: journal.exists() and journal.read_text().count("started") == 4)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        os.killpg(process.pid, signal.SIGTERM)  # as systemd does
        for thread in threads:
            thread.join()
        assert process.wait(timeout=20) == 0
        said = process.stdout.read()
    assert answers == ["tick " * 8] * 4
    assert "Pointsman serves" not in said, "the address is told once"
    assert said.count("Waiting for running answers") == 1
    assert "Traceback" not in (tmp_path / "log").read_text()
    assert list(tmp_path.glob("*.spool")) == []


def test_what_keeps_a_worker_from_starting_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text(
        '[models.well]\nbackend = "scripted"\nextra.reply = "x"\n[router]\ndefault_arm = "none@nobody"\n'
    )
    words = [sys.executable, "-m", "service", "serve", "--port", "0", "--workers", "2"]
    words += ["--config", str(tmp_path / "my.toml"), "--db", f"sqlite:///{tmp_path / 'test.db'}"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("pointsman: settings: router.default_arm = 'none@nobody' is unknown")
    assert "Traceback" not in done.stderr


def settings(**model: object) -> Settings:
    """Settings with one model, for two workers."""
    return Settings.model_validate({"server": {"workers": 2}, "models": {"mine": model}})


def test_a_model_in_the_process_is_refused_to_several_workers() -> None:
    with pytest.raises(BadSettings, match=r"server\.workers = 2: mine would be loaded once for each worker"):
        check(settings(backend="in_process", path="weights"))
    check(settings(backend="remote", model="openai/mine"))
    check(Settings.model_validate({"models": {"mine": {"backend": "in_process", "path": "weights"}}}))


def test_workers_share_what_a_model_is_limited_to() -> None:
    mine = share(settings(backend="remote", concurrency=5, rpm=61, tpm=1)).models["mine"]
    assert (mine.concurrency, mine.rpm, mine.tpm) == (3, 30, 1)
    free = share(settings(backend="remote")).models["mine"]
    assert (free.concurrency, free.rpm, free.tpm) == (8, None, None)


def registry(folder: Path, worker: int, count: float) -> Together:
    """What a worker counted, kept for the others."""
    own = CollectorRegistry()
    Counter("asked", "questions", ["arm"], registry=own).labels("a").inc(count)
    Histogram("seconds", "time", buckets=(1.0, 2.0), registry=own).observe(count)
    Gauge("waiting", "now", registry=own).set(count)
    made = Together(own, folder, worker)
    made.keep()
    return made


def test_counts_add_up_over_workers_and_those_who_came_before_them(tmp_path: Path) -> None:
    registry(tmp_path, 1, 1.0)
    two = registry(tmp_path, 2, 2.0)
    one = registry(tmp_path, 1, 4.0)  # in the place of the first, which died
    for asked in (one, two):
        lines = generate_latest(asked).decode().splitlines()
        assert 'asked_total{arm="a"} 7.0' in lines
        assert 'seconds_bucket{le="1.0"} 1.0' in lines
        assert 'seconds_bucket{le="+Inf"} 3.0' in lines
        assert "seconds_sum 7.0" in lines
        assert {line for line in lines if line.startswith("waiting")} == {
            'waiting{worker="1"} 4.0',
            'waiting{worker="2"} 2.0',
        }
