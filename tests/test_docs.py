"""The documents tell the truth: transcripts replay, tables are complete, and all that they name exists."""

import importlib.util
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import httpx
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from service.sections import Settings
from store.tables import TABLES
from tests.replay import fences, matches, replayed, steps

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
TRANSCRIPTS = ["README.md", "docs/tutorial.md"]
ADDRESS = "127.0.0.1:8000"
ROW = re.compile(r"^\| *(?P<key>[\w-]+) *\|(?P<rest>.*)\|$", re.MULTILINE)


def sections(document: str) -> dict[str, dict[str, list[str]]]:
    """The tables of a document: by heading, from the first cell of each row to the other cells."""
    found: dict[str, dict[str, list[str]]] = {}
    for part in re.split(r"^## ", (ROOT / document).read_text(), flags=re.MULTILINE)[1:]:
        heading = part.splitlines()[0].strip().strip("`")
        body = re.sub(r"^\|.*\|\n(?=\|---)", "", part, flags=re.MULTILINE)  # without the heads of its tables
        rows = {row["key"]: [cell.strip() for cell in row["rest"].split("|")] for row in ROW.finditer(body)}
        found[heading] = {key: cells for key, cells in rows.items() if set(key) != {"-"}}
    return found


# --- Transcripts


@dataclass(frozen=True, slots=True)
class Running:
    """A service that was started as the documents say, and what it said."""

    address: str
    said: str


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """The embedded default with an empty database, by the command that `make serve` runs."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    made = subprocess.run(
        ["make", "-n", "serve", f"ARGS=--port {port}"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    served = [line for line in made.splitlines() if "-m service serve" in line]
    assert served == [f"exec .venv/bin/python -m service serve --port {port}"]
    log = tmp_path / "log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, *served[0].split()[2:]],
            cwd=ROOT,
            stdout=sink,
            stderr=sink,
            env=environment(tmp_path),
        )
    try:
        deadline = time.monotonic() + 120
        while not ready(f"http://127.0.0.1:{port}"):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield Running(f"127.0.0.1:{port}", log.read_text())
    finally:
        process.terminate()
        process.wait(timeout=60)


def environment(folder: Path) -> dict[str, str]:
    """This process's environment with a database of its own and draws that repeat."""
    ours = {"POINTSMAN_STORE__URL": f"sqlite:///{folder / 'docs.db'}", "POINTSMAN_ROUTER__SEED": "1", "COLUMNS": "120"}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("POINTSMAN_")}  # noqa: TID251  # a child's
    return {**kept, "HF_HUB_OFFLINE": "1", **ours}


def ready(url: str) -> bool:
    """Whether the service can answer, its documents included."""
    try:
        return httpx.get(f"{url}/readyz", timeout=5.0).status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("document", TRANSCRIPTS)
def test_every_transcript_replays(document: str, running: Running, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed, and the transcripts use it")
    told = steps(ROOT / document)
    assert told, "the document has no transcript"
    commands = [
        step.command.replace(ADDRESS, running.address).replace(".venv/bin/python", sys.executable) for step in told
    ]
    started = [i for i, step in enumerate(told) if step.command == "make serve"]
    for i in started:
        commands[i] = ":"
    printed = [text.replace(running.address, ADDRESS) for text in replayed(commands, ROOT, environment(tmp_path))]
    for i in started:
        printed[i] = running.said.replace(running.address, ADDRESS).strip("\n")
    wrong = [
        f"$ {step.command}\n--- expected\n{step.prints}\n--- printed\n{text}"
        for step, text in zip(told, printed, strict=True)
        if not matches(step.prints, text)
    ]
    assert wrong == [], "\n\n".join(wrong)


def test_a_transcript_matches_only_what_it_shows() -> None:
    assert matches("a … c\n…\nend", "a b c\nx\ny\nend")
    assert matches("…", "")
    assert not matches("a … c", "a b d")
    assert not matches("", "a")


# --- Completeness


def test_every_setting_is_documented_with_its_default() -> None:
    told = sections("docs/settings.md")
    for name, field in Settings.model_fields.items():
        model = field.annotation
        heading = f"[{name}]"
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            heading, model = f"[{name}.NAME]", model_of(field.annotation)
        assert heading in told, f"docs/settings.md has no section {heading}"
        defaults = {key: shown(one) for key, one in model.model_fields.items()}
        assert {key: cells[0] for key, cells in told[heading].items()} == defaults, heading


def model_of(annotation: object) -> type[BaseModel]:
    """The section that a table of sections holds."""
    model = get_args(annotation)[-1]
    assert isinstance(model, type)
    assert issubclass(model, BaseModel)
    return model


def shown(field: FieldInfo) -> str:
    """A default as the document writes it."""
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True)
    if default is None:
        return "none"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f'`"{default}"`' if isinstance(default, str) else f"`{default}`"


def test_every_table_and_column_is_documented() -> None:
    told = {name: set(rows) for name, rows in sections("docs/schema.md").items()}
    real = {name: set(table.columns.keys()) for name, table in TABLES.items()}
    assert told == real


def test_every_direct_dependency_has_a_reason_and_a_pin() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    told = sections("docs/dependencies.md")
    for heading, wanted in (
        ("To run", project["project"]["dependencies"]),
        ("To check and to build", project["dependency-groups"]["dev"]),
    ):
        names = {canonicalize_name(Requirement(line).name) for line in wanted}
        assert set(told[heading]) == names, heading
        assert names <= pins(), heading


def test_the_locks_pin_everything_exactly_and_fit_machines_with_and_without_a_gpu() -> None:
    lines = [line for name in ("requirements.lock", "requirements-dev.lock") for line in pinned(name)]
    exact = re.compile(r"^[a-z0-9-]+==[\w.]+( ; .+)?$")
    assert [line for line in lines if not exact.match(line)] == []
    assert [line for line in lines if line.startswith(("torch==", "nvidia-", "cuda-", "triton"))] == []
    assert pinned("requirements-torch.txt") == ["torch==2.13.0"]


def pinned(name: str) -> list[str]:
    """The lines of a requirements file without its comments."""
    return [line for line in (ROOT / name).read_text().splitlines() if line and not line.startswith("#")]


def pins() -> set[str]:
    """Everything that is pinned."""
    files = ("requirements-torch.txt", "requirements.lock", "requirements-dev.lock")
    return {line.partition("==")[0] for name in files for line in pinned(name)}


# --- What they name exists


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_path_that_a_document_names_exists(document: Path) -> None:
    text = document.read_text()
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    links = [link for link in re.findall(r"\]\(([^)#]+)[^)]*\)", prose) if "://" not in link]
    missing = [link for link in links if not (document.parent / link).exists()]
    tops = "|".join(re.escape(path.name) for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith("."))
    paths = re.findall(rf"(?<![\w/.:-])((?:{tops})/[\w./-]*[\w/])", text)
    made = {"strategies/rephrase.py", "router/policies/epsilon_greedy.py"}  # the reader's own, copied from examples/
    missing += [path for path in paths if path not in made and not (ROOT / path).exists()]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_that_a_document_names_exists(document: Path) -> None:
    text = document.read_text()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^ {4}|`|\$ |&& )(?:[A-Z_]+=\S+ )?make ([a-z-]+)", text, re.MULTILINE))
    assert named - targets == set()
    modules = set(re.findall(r"python -m ([\w.]+)", text))
    assert {module for module in modules if importlib.util.find_spec(module) is None} == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_code_that_a_document_takes_from_a_file_is_that_files(document: Path) -> None:
    for fence in fences(document):
        _, _, name = fence.info.partition("python ")
        if name:
            assert fence.body == (ROOT / name).read_text(), f"{document.name} shows {name} as it is no more"


def test_the_readme_fits_two_screens_and_names_both_commands() -> None:
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) <= 130
    assert "make serve" in text
    assert "make test" in text
    assert "benchmarks" in text


@pytest.mark.parametrize("target", ["help", "install", "serve", "test", "check", "bench", "wheel", "lock"])
def test_every_target_of_the_contract_is_in_the_makefile(target: str) -> None:
    done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_continuous_integration_runs_the_check_which_ends_in_the_tests() -> None:
    assert "make check" in (ROOT / ".ci" / "run").read_text().splitlines()[-1]
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    made = subprocess.run(
        ["make", "--no-print-directory", "-n", "check"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert made.splitlines()[-1].strip() == ".venv/bin/python -m pytest"
