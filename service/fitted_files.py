"""The files that `fit` makes: where the settings say, else beside the database, where the service looks for them."""

import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any  # JSON

from models.errors import BadRequest
from service.sections import Settings, Strategies
from strategies.core.registry import find

FITTED = ("mixture_of_prompts", "analogical")
"""The strategies whose files are looked for there."""


def place(settings: Settings, strategy: str) -> Path:
    """The file that `strategies.STRATEGY.fitted` names, or STRATEGY.json beside the SQLite file or where one stands."""
    named = str(settings.strategies.params.get(strategy, {}).get("fitted", ""))
    return Path(named) if named else beside(settings.store.url) / f"{strategy}.json"


def with_fitted(settings: Settings) -> Settings:
    """The settings with the files that lie beside the database, for strategies whose file they do not name."""
    params = {name: dict(table) for name, table in settings.strategies.params.items()}
    for name in FITTED:
        path = place(settings, name)
        if not params.get(name, {}).get("fitted") and path.is_file():
            params.setdefault(name, {})["fitted"] = str(path)
    strategies = Strategies.model_validate({"enabled": settings.strategies.enabled, **params})
    return settings.model_copy(update={"strategies": strategies})


def used(settings: Settings, strategy: str) -> Path:
    """The file that the service reads now: the one of the settings or beside the database, else the shipped one."""
    named = str(with_fitted(settings).strategies.params.get(strategy, {}).get("fitted", ""))
    shipped: Path = vars(sys.modules[find(strategy).run.__module__])["SHIPPED"]
    return Path(named) if named else shipped


def contents(settings: Settings) -> dict[str, str]:
    """A digest of each file that is named or lies beside the database, by strategy; empty for one that is not there."""
    named = {name: table.get("fitted") for name, table in with_fitted(settings).strategies.params.items()}
    return {name: _digest(Path(str(file))) for name, file in named.items() if file}


def entries(path: Path) -> dict[str, Any]:
    """What a fitted file holds, by model; nothing if there is none. Raises BadRequest for a file of another kind."""
    try:
        found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (OSError, ValueError) as wrong:
        raise BadRequest(f"cannot read {str(path)!r}, which is there already: {wrong}", param="out") from wrong
    if not isinstance(found, dict) or not all(isinstance(entry, dict) for entry in found.values()):
        raise BadRequest(f"{str(path)!r} is there already and is no file of fitted prompts", param="out")
    return found


def keep(out: Path, before: Path, settings: Settings, new: Mapping[str, Any]) -> None:
    """Write the new entries at one stroke; others in the file stay. A new file takes over what was used before it."""
    old = entries(out) if out.is_file() else {n: one for n, one in entries(before).items() if n in settings.models}
    draft = out.with_suffix(".draft")
    draft.write_text(json.dumps({**old, **new}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    draft.replace(out)


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:  # its strategy does without, too
        return ""


def beside(url: str) -> Path:
    """Where the SQLite file lies; where one stands, if the database is on a server."""
    name = url.removeprefix("sqlite:///").partition("?")[0]
    return Path(name).parent if url.startswith("sqlite:///") else Path()
