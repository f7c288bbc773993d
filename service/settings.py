"""The one reader of the settings: a TOML file, the environment over it, the command line over both.

Nothing else reads the environment. An error names the key at fault, and the line of the file or the variable.
"""

import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any  # a TOML value before it is checked

from pydantic import ValidationError

from models.errors import BadSettings
from models.zoo import DOCUMENTS, ZOO, weights
from service.environment import overrides_of
from service.litellm_list import models_of
from service.sections import Settings
from service.toml_lines import line_of
from strategies.core import load as load_strategies

Tree = dict[str, Any]


def load(
    path: Path | None = None,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, Mapping[str, object]] | None = None,
) -> Settings:
    """The settings of the file at `path` (None: the embedded default), overridden; the process's environment if None.

    Where the file names no model, those of the zoo serve, with the zoo's documents. Relative paths of models, documents
    and fitted files in the file are taken from the file's folder. Raises BadSettings.
    """
    variables = os.environ if environment is None else environment  # noqa: TID251  # the one reader
    # litellm asks the network for its price list when it is imported, unless it is told to use the one it ships
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # noqa: TID251  # set, not read
    source = _Source(path)
    tree = source.tree if _names_models(source.tree, variables, flags or {}) else _with_zoo(source.tree)
    for variable, keys, value in overrides_of(variables, tree):
        _set(tree, keys, value)
        source.set_by[keys] = variable
    for section, values in (flags or {}).items():
        for key, value in values.items():
            _set(tree, (section, key), value)
            source.set_by[(section, key)] = f"--{key}"
    try:
        settings = Settings.model_validate(tree)
    except ValidationError as wrong:
        first = wrong.errors()[0]
        keys = tuple(str(part) for part in first["loc"])
        raise source.error(keys, _meaning(first["type"], first["msg"], first.get("input"))) from wrong
    _take_list(settings, source, variables)
    _check_strategies(settings, source)
    _check_guards(settings, source)
    named = [("models", name, table) for name, table in settings.models.items()]
    for section, name, table in [*named, *(("servers", name, table) for name, table in settings.servers.items())]:
        if table.api_key_env is not None:
            secret = variables.get(table.api_key_env)
            if not secret:
                at = (section, name, "api_key_env")
                raise source.error(at, f"the environment variable {table.api_key_env!r} is not set")
            table._api_key = secret
        if table.path is not None and not Path(table.path).exists():
            raise source.error(("models", name, "path"), f"there is no directory {table.path!r}")
    for given in settings.knowledge.documents:
        if not Path(given).exists():
            raise source.error(("knowledge", "documents"), f"there is no file or folder {given!r}")
    return settings


class _Source:
    """The settings as they were written, to say where a fault stands."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.text = ""
        self.tree: Tree = {}
        self.set_by: dict[tuple[str, ...], str] = {}
        if path is None:
            return
        try:
            self.text = path.read_text(encoding="utf-8")
            self.tree = tomllib.loads(self.text)
        except OSError as missing:
            raise BadSettings(f"cannot read the settings file {str(path)!r}: {missing.strerror}") from missing
        except UnicodeDecodeError as binary:
            raise BadSettings(f"{path}: not a text file in UTF-8") from binary
        except tomllib.TOMLDecodeError as wrong:
            raise BadSettings(f"{path}: not valid TOML: {wrong}") from wrong
        self._resolve_paths(path.resolve().parent)

    def error(self, keys: Iterable[str], why: str) -> BadSettings:
        """The error for the key, with the place it was set in."""
        whole = tuple(key for key in keys if key != "[key]")
        name = ".".join(whole)
        for length in range(len(whole), 0, -1):
            if variable := self.set_by.get(whole[:length]):
                return BadSettings(f"{variable}: {name}: {why}", param=name)
        line = line_of(self.text, whole)
        where = f"{self.path}, line {line}: " if line else ""
        return BadSettings(f"{where}{name}: {why}", param=name)

    def _resolve_paths(self, folder: Path) -> None:
        models, knowledge = self.tree.get("models"), self.tree.get("knowledge")
        for table in models.values() if isinstance(models, dict) else ():
            if isinstance(table, dict) and isinstance(table.get("path"), str):
                table["path"] = str(folder / table["path"])
            if isinstance(table, dict) and str(table.get("backend", "")).endswith(".py"):
                table["backend"] = str(folder / table["backend"])
        if isinstance(knowledge, dict) and isinstance(knowledge.get("documents"), list):
            knowledge["documents"] = [str(folder / str(given)) for given in knowledge["documents"]]
        guards = self.tree.get("guards")
        if isinstance(guards, dict) and isinstance(guards.get("terms"), str):
            guards["terms"] = str(folder / guards["terms"])
        litellm = self.tree.get("litellm")
        if isinstance(litellm, dict) and isinstance(litellm.get("config"), str):
            litellm["config"] = str(folder / litellm["config"])
        strategies = self.tree.get("strategies")
        for table in strategies.values() if isinstance(strategies, dict) else ():
            if isinstance(table, dict) and table.get("fitted") and isinstance(table["fitted"], str):
                table["fitted"] = str(folder / table["fitted"])
        server = self.tree.get("server")
        if isinstance(server, dict) and isinstance(server.get("log_file"), str):
            server["log_file"] = str(folder / server["log_file"])
        embedder = self.tree.get("embedder")
        for key in ("path", "cache"):
            if isinstance(embedder, dict) and isinstance(embedder.get(key), str):
                embedder[key] = str(folder / embedder[key])


def _with_zoo(tree: Tree) -> Tree:
    models = {name: {"backend": "in_process", "path": str(weights(name))} for name in ZOO}
    knowledge = tree.get("knowledge", {})
    if isinstance(knowledge, dict):
        knowledge = {"documents": [str(DOCUMENTS)], **knowledge}
    strategies = tree.get("strategies", {})
    if isinstance(strategies, dict):  # such small models copy best when nothing is left to chance
        strategies = {"retrieval": {"temperature": 0.0}, "multi_expert": {"most_tokens": 256}, **strategies}
    return {**tree, "models": models, "knowledge": knowledge, "strategies": strategies}


def _names_models(tree: Tree, variables: Mapping[str, str], flags: Mapping[str, Mapping[str, object]]) -> bool:
    """Whether any model is named, in the file or by way of a LiteLLM list."""
    listed = tree.get("litellm") or flags.get("litellm") or variables.get("POINTSMAN_LITELLM__CONFIG")
    return bool(tree.get("models") or tree.get("servers") or listed)


def _take_list(settings: Settings, source: _Source, variables: Mapping[str, str]) -> None:
    """Add the models of a LiteLLM list to those of the file."""
    if settings.litellm.config is None:
        return
    for name, table in models_of(Path(settings.litellm.config), variables).items():
        if name in settings.models:
            raise source.error(("litellm", "config"), f"the list has a model {name!r}, and [models] has one, too")
        settings.models[name] = table
    if not settings.models:
        raise source.error(("litellm", "config"), f"no model in {settings.litellm.config!r} can be served")


def _check_strategies(settings: Settings, source: _Source) -> None:
    known = load_strategies()
    names = ", ".join(sorted(known))
    for name in settings.strategies.enabled or ():
        if name not in known:
            raise source.error(("strategies", "enabled"), f"unknown strategy {name!r}; there are {names}")
    for name, params in settings.strategies.params.items():
        if name not in known:
            raise source.error(("strategies", name), f"unknown key or strategy; there are enabled, {names}")
        for param, value in params.items():
            if param not in known[name].params:
                takes = ", ".join(sorted(known[name].params)) or "none"
                raise source.error(("strategies", name, param), f"{name} has no such parameter; it takes {takes}")
            kind = type(known[name].params[param])
            if type(value) is not kind and not (kind is float and type(value) is int):
                raise source.error(("strategies", name, param), f"should be {kind.__name__}, not {value!r}")


def _check_guards(settings: Settings, source: _Source) -> None:
    table = settings.guards
    if table.moderator not in ("", "terms", *settings.models):
        names = ", ".join(sorted(settings.models))
        raise source.error(("guards", "moderator"), f"no model is called {table.moderator!r}; there are terms, {names}")
    if table.moderator == "terms" and table.terms is None:
        raise source.error(("guards", "moderator"), "terms needs a file of terms: set guards.terms")
    if table.moderator != "terms" and table.terms is not None:
        raise source.error(("guards", "terms"), f'is used by moderator = "terms" only, not by {table.moderator!r}')


def _set(tree: Tree, keys: tuple[str, ...], value: object) -> None:
    for key in keys[:-1]:
        inside = tree.setdefault(key, {})
        if not isinstance(inside, dict):
            raise BadSettings(f"{'.'.join(keys)}: {key} is not a table")
        tree = inside
    tree[keys[-1]] = value


def _meaning(kind: str, message: str, given: object) -> str:
    """Pydantic's words in ours: what is wrong, quoting the value."""
    if kind == "extra_forbidden":
        return "unknown key"
    if kind == "missing":
        return "must be set"
    if kind == "value_error":
        return message.removeprefix("Value error, ")
    return f"{message[:1].lower()}{message[1:]}, not {given!r}"
