"""The rules of the house that a machine can check: imports, the environment, errors, words, first lines, sizes."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.checkout import ROOT, tracked

PACKAGES = ("models", "strategies", "router", "store", "service")
WORDS = re.compile(r"(manager|handler|helper|util|utils|processor|wrapper)s?$", re.IGNORECASE)
# What would tie the repository to the machine it was written on, in pieces so that this file does not match itself.
MACHINE = ("/wo" + "rk/", "/ho" + "me/", "/ro" + "ot/", "/tm" + "p/", "pypi" + ".org", "pythonhosted" + ".org")
CONTAINER_HOME = {"docker/compose.yaml"}  # the vLLM image keeps its models in its own root's cache


def python_files(*folders: str) -> list[Path]:
    """The tracked Python files of the folders, without generated migrations."""
    files = [path for path in tracked(".py") if path.relative_to(ROOT).parts[0] in folders]
    return [path for path in files if "versions" not in path.parts]


def nodes(path: Path) -> Iterator[ast.AST]:
    """Every node of the file's syntax tree."""
    return ast.walk(ast.parse(path.read_text()))


def name_of(path: Path) -> str:
    """The path as it is written from the root of the repository."""
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> set[str]:
    """The dotted names of the modules that the file imports."""
    found: set[str] = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def uses(path: Path, dotted: str) -> bool:
    """Whether the code (not its comments or texts) names `package.thing`, however it was imported."""
    package, _, thing = dotted.rpartition(".")
    attribute = any(
        isinstance(n, ast.Attribute) and n.attr == thing and ast.unparse(n.value) == package for n in nodes(path)
    )
    return attribute or any(name == dotted or name.startswith(f"{dotted}.") for name in imports(path))


def test_each_package_imports_only_what_stands_to_its_left() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_strategy_imports_only_the_core_and_models() -> None:
    # A strategy's own fitted tables lie in strategies/fitted and are part of it.
    allowed = ("strategies.core", "strategies.fitted", "models")
    wrong = {
        f"{name_of(path)}: {name}"
        for path in python_files("strategies")
        if path.parent in (ROOT / "strategies", ROOT / "strategies" / "whitebox")
        for name in imports(path)
        if name.split(".")[0] in PACKAGES and not name.startswith(allowed)
        if name not in ("strategies", *(f"strategies.{part}" for part in ("core", "fitted")))
    }
    assert wrong == set()


def test_what_the_packages_import_is_a_direct_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    optional = [line for lines in project["optional-dependencies"].values() for line in lines]
    named = {canonicalize_name(Requirement(line).name) for line in (*project["dependencies"], *optional)}
    brought_by = packages_distributions()
    foreign = {name.split(".")[0] for path in python_files(*PACKAGES) for name in imports(path)} & set(brought_by)
    unnamed = {module for module in foreign if not named & {canonicalize_name(name) for name in brought_by[module]}}
    assert unnamed == set()


def test_only_the_settings_read_the_environment() -> None:
    readers = {name_of(path) for path in python_files(*PACKAGES, "launcher") if uses(path, "os.environ")}
    readers |= {name_of(path) for path in python_files(*PACKAGES, "launcher") if uses(path, "os.getenv")}
    assert readers == {"service/settings.py"}


@pytest.mark.parametrize("banned", ["unittest.mock", "asyncio.gather"])
def test_nothing_uses_what_the_house_bans(banned: str) -> None:
    files = python_files(*PACKAGES, "benchmarks", "examples", "tests", "launcher")
    assert [name_of(path) for path in files if uses(path, banned)] == []


def test_only_the_recorder_catches_every_exception() -> None:
    broad = [
        name_of(path)
        for path in python_files(*PACKAGES, "benchmarks", "examples", "launcher")
        for node in nodes(path)
        if isinstance(node, ast.ExceptHandler)
        if node.type is None
        or any(isinstance(n, ast.Name) and n.id in ("Exception", "BaseException") for n in ast.walk(node.type))
        # Cleaning up and raising again swallows nothing.
        if not (isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None)
    ]
    assert broad == ["store/recorder.py"]


def test_every_module_says_in_its_first_line_what_it_is() -> None:
    files = python_files(*PACKAGES, "benchmarks", "examples", "launcher", "tests")
    silent = [
        name_of(path)
        for path in files
        if path.read_text().strip() and not (ast.get_docstring(ast.parse(path.read_text())) or "").strip()
    ]
    assert silent == []


def test_no_name_is_a_manager_or_a_helper() -> None:
    vague = [
        f"{name_of(path)}: {node.name}"
        for path in python_files(*PACKAGES)
        for node in nodes(path)
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and WORDS.search(node.name)
    ]
    vague += [name_of(path) for path in python_files(*PACKAGES) if WORDS.search(path.stem)]
    assert vague == []


def test_no_file_of_a_package_is_longer_than_300_lines() -> None:
    # The zoo's world is made of long lists of words and sentences, one a line.
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in python_files(*PACKAGES)}
    most = {name: 550 if name.startswith("models/zoo/") else 300 for name in lengths}
    assert {name: length for name, length in lengths.items() if length > most[name]} == {}


def test_nothing_in_the_repository_names_the_machine_it_was_written_on() -> None:
    texts = tracked(".py", ".md", ".toml", ".txt", ".lock", ".yaml", ".html", ".css", ".js", "Makefile", "run", ".gpu")
    named = [
        f"{name_of(path)}: {piece}"
        for path in texts
        for piece in MACHINE
        if piece in path.read_text() and name_of(path) not in CONTAINER_HOME
    ]
    assert named == []
