"""The log keeps up with as many answers as the service can give: what waits for SQL does not grow with the load."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.faults.standing import Process, process
from tests.upstream import Upstream

AT_ONCE, SECONDS = 16, 3.0
BODY = b'{"model": "direct@one", "messages": [{"role": "user", "content": "What is this and why is it so?"}]}'


@pytest.fixture
def standing(tmp_path: Path) -> Iterator[Process]:
    with Upstream(keep=0) as upstream, process(tmp_path, upstream) as running:
        yield running


def pressed(url: str, until: float) -> int:
    """Ask again and again over one connection; how many answers came."""
    host, port = url.removeprefix("http://").split(":")
    first = f"POST /v1/chat/completions HTTP/1.1\r\nhost: {host}:{port}\r\ncontent-type: application/json\r\n"
    asked, answers = f"{first}content-length: {len(BODY)}\r\n\r\n".encode() + BODY, 0
    with socket.create_connection((host, int(port)), timeout=30) as line, line.makefile("rb") as replies:
        while time.monotonic() < until:
            line.sendall(asked)
            head = [row.lower() for row in iter(replies.readline, b"\r\n")]
            replies.read(next(int(row.split()[1]) for row in head if row.startswith(b"content-length")))
            answers += head[0].startswith(b"http/1.1 200")
    return answers


def waiting(url: str) -> float:
    """Events that are not in SQL yet."""
    told = httpx.get(f"{url}/metrics").text
    return next(float(line.split()[-1]) for line in told.splitlines() if line.startswith("pointsman_log_pending"))


def test_what_waits_for_sql_does_not_grow_with_the_load(standing: Process) -> None:
    until, answers = time.monotonic() + SECONDS, list[int]()
    threads = [threading.Thread(target=lambda: answers.append(pressed(standing.url, until))) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    time.sleep(SECONDS - 0.2)
    left = waiting(standing.url)
    for thread in threads:
        thread.join()
    assert left < sum(answers), "of each answer three events come"
