"""Printing a benchmark's table and keeping it under docs/benchmarks/ with the command that made it."""

import platform
from collections.abc import Sequence
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "benchmarks"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def keep(name: str, title: str, command: str, text: str, *, write: bool) -> None:
    """Print the report; with `write`, also into docs/benchmarks/NAME.md."""
    whole = f"# {title}\n\nMade by `{command}` on {platform.machine()}, {_cores()} cores.\n\n{text}\n"
    print(whole)
    if write:
        FOLDER.mkdir(parents=True, exist_ok=True)
        (FOLDER / f"{name}.md").write_text(whole)


def _cores() -> int:
    import os

    return os.cpu_count() or 1
