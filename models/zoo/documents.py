"""The shipped documents: a register of people, a gazetteer of cities, a directory of companies, made by a command."""

from collections import defaultdict
from pathlib import Path

from .world import Fact, world

FOLDER = Path(__file__).resolve().parent / "documents"
TITLES = {"person": "Register of people", "city": "Gazetteer of cities", "company": "Directory of companies"}
PER_FILE = 30


def paragraphs(kind: str) -> list[str]:
    """One short paragraph for each subject of a kind: all of its facts, as they are now."""
    own: dict[str, list[Fact]] = defaultdict(list)
    for fact in world():
        if fact.kind == kind:
            own[fact.subject].append(fact)
    return [" ".join(fact.state() for fact in facts) for facts in own.values()]


def texts() -> dict[str, str]:
    """File name to contents, for every shipped document."""
    made: dict[str, str] = {}
    for kind, title in TITLES.items():
        rows = paragraphs(kind)
        parts = [rows[i : i + PER_FILE] for i in range(0, len(rows), PER_FILE)]
        for number, part in enumerate(parts, 1):
            head = title if len(parts) == 1 else f"{title}, part {number}"
            slug = head.lower().replace(",", "").replace(" ", "-")
            made[f"{slug}.md"] = f"# {head}\n\n" + "\n\n".join(part) + "\n"
    return made


def write(folder: Path = FOLDER) -> list[Path]:
    """Write the documents and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, text in texts().items():
        (folder / name).write_text(text)
        paths.append(folder / name)
    return paths
