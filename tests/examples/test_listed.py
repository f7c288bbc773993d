"""Every example is listed with its command, and run by a test."""

import re
from pathlib import Path

import pytest

from tests.checkout import ROOT
from tests.examples.playing import EXAMPLES

README = (EXAMPLES / "README.md").read_text()
ROW = re.compile(
    r"^\| \[(?P<name>[\w./-]+)\]\((?P<link>[\w./-]+)\) \|(?P<shows>.*)\|(?P<command>.*)\| `(?P<test>.*)` \|$", re.M
)
LISTED = {found["name"]: found for found in ROW.finditer(README)}
NO_EXAMPLE = ("README.md", "__init__.py")


def test_every_example_is_listed_and_nothing_else() -> None:
    files = [path for path in EXAMPLES.rglob("*") if path.is_file() and path.parent.name != "__pycache__"]
    there = {path.relative_to(EXAMPLES).as_posix() for path in files if path.name not in NO_EXAMPLE}
    assert set(LISTED) == there
    assert all(found["name"] == found["link"] and found["shows"].strip() for found in LISTED.values())


@pytest.mark.parametrize("name", LISTED)
def test_every_example_is_run_by_the_test_that_the_list_names(name: str) -> None:
    test = ROOT / LISTED[name]["test"]
    short = name.rpartition("/")[2]
    wanted = f"examples/{name}" if short == "ask.py" else rf"\b{re.escape(short.removesuffix('.py'))}\b"
    assert re.search(wanted, test.read_text()), f"{test.name} does not name {short}"
    command = LISTED[name]["command"]
    assert command.strip()
    assert "examples/" not in command or f"examples/{name}" in command


@pytest.mark.parametrize("document", sorted(EXAMPLES.rglob("README.md")), ids=lambda path: path.parent.name)
def test_what_a_readme_links_to_is_there(document: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []
    assert links
