"""Requests as chat apps send them, written down from what the apps document and send, and what should be read in them.

Only the phrases by which a prompt is known are the apps' own words.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # JSON

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Recorded:
    """One request, and what it is: the kind of side request, whose it is, in which conversation, on which message."""

    name: str
    headers: dict[str, str]
    body: dict[str, Any]
    side: str | None
    conversation: str | None = None
    user: str | None = None
    message: str | None = None


def recorded(app: str) -> list[Recorded]:
    """All requests of an app ("open_webui", "librechat")."""
    return [Recorded(**one) for one in json.loads((HERE / f"{app}.json").read_text())]
