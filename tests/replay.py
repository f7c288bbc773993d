"""Replaying a transcript of a document: its commands are run in one shell, and what they print must match.

A transcript is a fenced block marked `console`. A line that begins with `$ ` is a command, the lines that begin with
`> ` continue it, and the rest is what it prints. In the output, `…` stands for anything on its line, and a line with
nothing but `…` for any number of lines.
"""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^```(?P<info>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = "\x1e"
PAUSE = 0.3
"""Seconds between two commands: a reader takes longer, and the log is written behind the answer."""


@dataclass(frozen=True, slots=True)
class Step:
    """A command and what it should print."""

    command: str
    prints: str


@dataclass(frozen=True, slots=True)
class Fence:
    """A fenced block of a document: what stands behind the backticks, and its text."""

    info: str
    body: str


def fences(document: Path) -> list[Fence]:
    """The fenced blocks of a document, in order."""
    return [Fence(found["info"].strip(), found["body"]) for found in FENCE.finditer(document.read_text())]


def steps(document: Path) -> list[Step]:
    """The commands of all transcripts of a document, in order."""
    found: list[Step] = []
    for fence in fences(document):
        if fence.info != "console":
            continue
        for piece in re.split(r"^\$ ", fence.body, flags=re.MULTILINE)[1:]:
            lines = piece.splitlines()
            more = next((i for i, text in enumerate(lines) if i and not text.startswith("> ")), len(lines))
            command = "\n".join([lines[0], *(text[2:] for text in lines[1:more])])
            found.append(Step(command, "\n".join(lines[more:]).strip("\n")))
    return found


def replayed(commands: list[str], folder: Path, environment: Mapping[str, str], seconds: float = 300) -> list[str]:
    """What each command prints, both streams together, all run one after another in one shell."""
    script = "".join(f"printf '{MARK}'\n{command}\nsleep {PAUSE}\n" for command in commands)
    done = subprocess.run(
        ["bash"],
        input=script,
        cwd=folder,
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds,
        check=False,
    )
    return [printed.strip("\n") for printed in done.stdout.split(MARK)[1:]]


def matches(expected: str, printed: str) -> bool:
    """Whether an output is what a transcript shows, trailing blanks aside."""
    parts = []
    for text in expected.splitlines():
        if text.strip() == "…":
            parts.append(r"(?:[^\n]*\n)*")
        else:
            parts.append("[^\n]*".join(re.escape(piece) for piece in text.rstrip().split("…")) + "[ \t]*\n")
    return re.fullmatch("".join(parts), printed + "\n" if printed else "") is not None
