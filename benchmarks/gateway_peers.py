"""Starting what the gateway benchmark compares, each as a process of its own on loopback: stub, Pointsman, peers."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # JSON

import httpx

from benchmarks.gateway_load import Target
from tests.store.cluster import cluster, new_database, programs

ROOT = Path(__file__).resolve().parents[1]
CACHE = Path.home() / ".cache" / "pointsman" / "benchmarks"
LITELLM, PORTKEY = "1.106.2", "1.15.2"
INSTALL = 900.0
"""Seconds that an installation may take."""
MODELS = ("one", "two")
"""The stub's models that answer at once; SLOW answers after SLOW_SECONDS."""
KEY = "pm-" + os.urandom(24).hex()
"""What Pointsman's requests carry; LiteLLM's proxy wants a key, too."""
SLOW, SLOW_SECONDS = "slow", 0.005


class Absent(RuntimeError):
    """A peer that cannot be had on this machine; the message says why."""


@dataclass(frozen=True, slots=True)
class Pointsman:
    """A running Pointsman: where it is, its process, its database (None: not a file)."""

    url: str
    pid: int
    database: Path | None

    def target(self, model: str, name: str) -> Target:
        """A way of asking it."""
        return Target(name, self.url, model, {"authorization": f"Bearer {KEY}"}, pid=self.pid)


@contextmanager
def stub() -> Iterator[str]:
    """The stub upstream; its address."""
    port = _free_port()
    slow = ["--set", SLOW, f"delay={SLOW_SECONDS}"]
    names = ["--names", ",".join((*MODELS, SLOW))]
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "tests.upstream", "--port", str(port), *slow, *names]
    with _process(command, {}, f"{url}/v1/models", 20.0):
        yield url


def upstream_counts(url: str) -> dict[str, int]:
    """What the stub has counted."""
    counts: dict[str, int] = httpx.get(f"{url}/stub/seen", timeout=10.0).json()
    return counts


@contextmanager
def pointsman(
    upstream: str, *, strategies: Sequence[str] = ("direct",), args: Sequence[str] = (), database: str | None = None
) -> Iterator[Pointsman]:
    """Pointsman over the stub's models, with an empty SQLite file unless a database is named; `args` go to `serve`."""
    with tempfile.TemporaryDirectory(prefix="pointsman-gateway-") as folder:
        file = None if database else Path(folder) / "bench.db"
        config = Path(folder) / "bench.toml"
        config.write_text(_settings(upstream, strategies, database or f"sqlite:///{file}"))
        port = _free_port()
        command = [sys.executable, "-m", "service", "serve", "--config", str(config), "--port", str(port), *args]
        url = f"http://127.0.0.1:{port}"
        with _process(command, {"HF_HUB_OFFLINE": "1"}, f"{url}/readyz", 120.0) as child:
            yield Pointsman(url, child.pid, file)


@contextmanager
def litellm(upstream: str) -> Iterator[Target]:
    """LiteLLM's proxy, one worker, as it starts by default. Raises Absent."""
    program = _installed_litellm()
    key = "sk-" + os.urandom(24).hex()
    with tempfile.TemporaryDirectory(prefix="pointsman-litellm-") as folder:
        config = Path(folder) / "config.yaml"
        entries = [
            {
                "model_name": name,
                "litellm_params": {"model": f"openai/{name}", "api_base": f"{upstream}/v1", "api_key": "none"},
            }
            for name in MODELS
        ]
        config.write_text(json.dumps({"model_list": entries, "litellm_settings": {"telemetry": False}}))  # YAML too
        port = _free_port()
        command = [str(program), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
        settings = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MASTER_KEY": key}
        url = f"http://127.0.0.1:{port}"
        with _process([*command, "--num_workers", "1"], settings, f"{url}/health/readiness", 180.0) as child:
            yield Target(f"LiteLLM {LITELLM}", url, MODELS[0], {"authorization": f"Bearer {key}"}, child.pid)


@contextmanager
def portkey(upstream: str) -> Iterator[Target]:
    """Portkey's gateway. Raises Absent. (It has no option for the address and listens on every one.)"""
    folder = _installed_portkey()
    port = _free_port()
    main = folder / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
    settings = {"TRUSTED_CUSTOM_HOSTS": "127.0.0.1,localhost", "NODE_ENV": "production"}
    headers = {
        "x-portkey-provider": "openai",
        "x-portkey-custom-host": f"{upstream}/v1",
        "authorization": "Bearer none",
    }
    url = f"http://127.0.0.1:{port}"
    with _process(["node", str(main), f"--port={port}", "--headless"], settings, f"{url}/", 60.0) as child:
        yield Target(f"Portkey {PORTKEY}", url, MODELS[0], headers, child.pid)


@contextmanager
def postgres() -> Iterator[str]:
    """A PostgreSQL of its own, without fsync, thrown away afterwards; its URL. Raises Absent."""
    found = programs()
    if found is None:
        raise Absent("PostgreSQL's server programs are missing; on Debian and Ubuntu: apt-get install postgresql")
    with cluster(found) as folder:
        yield new_database(folder, "bench")


def _settings(upstream: str, strategies: Sequence[str], database: str) -> str:
    lines = [
        "[server]",
        f"api_keys = [{json.dumps(KEY)}]",
        "[store]",
        f"url = {json.dumps(database)}",
        "[strategies]",
        f"enabled = {json.dumps(list(strategies))}",
    ]
    for name in (*MODELS, SLOW) if len(strategies) > 1 else MODELS:
        lines += [f"[models.{name}]", 'backend = "remote"', f'model = "openai/{name}"']
        lines += [f'api_base = "{upstream}/v1"', "concurrency = 64"]
    return "\n".join(lines) + "\n"


def _installed_litellm() -> Path:
    folder = CACHE / f"litellm-{LITELLM}"
    done = folder / "done"
    if not done.exists():
        shutil.rmtree(folder, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(folder)])
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*pip, f"litellm[proxy]=={LITELLM}"])
        done.touch()
    return folder / "bin" / "litellm"


def _installed_portkey() -> Path:
    folder = CACHE / f"portkey-{PORTKEY}"
    if missing := [name for name in ("node", "npm") if shutil.which(name) is None]:
        raise Absent(f"{' and '.join(missing)} missing; on Debian: apt-get install nodejs npm")
    done = folder / "done"
    if not done.exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--omit=dev"]
        _run([*command, f"@portkey-ai/gateway@{PORTKEY}"])
        done.touch()
    return folder


def _run(command: Sequence[str]) -> None:
    print(f"$ {' '.join(command)}", file=sys.stderr)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL, check=False)
    except subprocess.TimeoutExpired as late:
        raise Absent(f"not installed within {INSTALL:.0f} s: {' '.join(command)}") from late
    if done.returncode:
        raise Absent(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()[-300:]}")


@contextmanager
def _process(
    command: Sequence[str], settings: Mapping[str, str], ready: str, patience: float
) -> Iterator[subprocess.Popen[bytes]]:
    """A child in a group of its own, once that address answers; ended with all of its own children. Raises Absent."""
    with tempfile.TemporaryFile() as sink:
        environment = {**os.environ, **settings}  # noqa: TID251  # a child's, passed on
        child = subprocess.Popen(command, cwd=ROOT, stdout=sink, stderr=sink, env=environment, start_new_session=True)
        try:
            if not _answers(child, ready, patience):
                sink.seek(0)
                said = sink.read()[-1500:].decode(errors="replace")
                raise Absent(f"{ready} did not answer within {patience:.0f} s: {said}")
            yield child
        finally:
            _end(child)


def _end(child: subprocess.Popen[Any]) -> None:
    for how in (signal.SIGTERM, signal.SIGKILL):
        if child.poll() is None:
            os.killpg(child.pid, how)
            try:
                child.wait(timeout=15)
            except subprocess.TimeoutExpired:
                continue


def _answers(child: subprocess.Popen[bytes], address: str, patience: float) -> bool:
    until = time.monotonic() + patience
    while time.monotonic() < until and child.poll() is None:
        try:
            if httpx.get(address, timeout=5.0).status_code == 200:
                return True
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
