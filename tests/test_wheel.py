"""The wheel: one package for site-packages, everything inside it, and it answers a question when installed."""

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.checkout import ROOT, tracked

PACKAGES = ("models", "strategies", "router", "store", "service")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built as `make wheel` builds it."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    return next(folder.glob("pointsman-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel in it; what the wheel depends on comes from the one that runs the tests."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False, symlinks=True)
    site = next((folder / "lib").glob("python*/site-packages"))
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", "--no-index", str(wheel)], check=True, capture_output=True)
    ours = next(path for path in sys.path if path.endswith("site-packages"))
    (site / "dependencies.pth").write_text(f"{ours}\n")
    return folder


def test_site_packages_receives_pointsman_and_nothing_else(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"pointsman"}


def test_the_wheel_holds_every_tracked_file_of_the_five_packages(wheel: Path) -> None:
    names = (path.relative_to(ROOT) for path in tracked())
    wanted = {f"pointsman/_app/{name.as_posix()}" for name in names if name.parts[0] in PACKAGES}
    held = set(zipfile.ZipFile(wheel).namelist())
    assert wanted
    assert wanted - held == set()
    assert [name for name in held if name.endswith((".pyc", ".db"))] == []


def test_the_installed_command_tells_what_it_can_do(installed: Path, tmp_path: Path) -> None:
    command = [str(installed / "bin" / "pointsman"), "--help"]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert told.startswith("usage: pointsman")
    assert "serve" in told


def test_the_installed_command_answers_a_question_away_from_the_checkout(installed: Path, tmp_path: Path) -> None:
    environment = {
        **os.environ,  # noqa: TID251  # a child process needs this one's PATH and HOME
        "POINTSMAN_STORE__URL": f"sqlite:///{tmp_path / 'asked.db'}",
    }
    environment.pop("PYTHONPATH", None)
    asked = subprocess.run(
        [installed / "bin" / "pointsman", "ask", "--model", "direct@generalist", "What is 2 + 3?"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert asked.returncode == 0, asked.stderr
    assert asked.stdout.strip()
    assert (tmp_path / "asked.db").exists()
