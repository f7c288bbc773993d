"""A model list in the format of LiteLLM's proxy, as it is: each `model_name` becomes a model, its entries its servers.

Read are `model_list` with `model_name`, `litellm_params` and `model_info`, `environment_variables`, and values of the
form `os.environ/NAME`. What else is there configures LiteLLM's own proxy (routing, budgets): one warning names it.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any  # YAML before it is checked

import yaml
from pydantic import ValidationError

from models.deployments import together
from models.errors import BadSettings
from service.sections import ModelTable

REFERENCE = "os.environ/"
CHAT = (None, "chat", "completion", "responses")
"""The modes of entries that answer questions."""
READ = ("model_list", "environment_variables")
KEYS = {
    "api_base": "api_base",
    "base_url": "api_base",
    "rpm": "rpm",
    "tpm": "tpm",
    "max_parallel_requests": "concurrency",
    "max_retries": "retries",
    "num_retries": "retries",
    "stream_timeout": "timeout",
    "request_timeout": "timeout",
    "timeout": "timeout",
    "input_cost_per_token": "usd_per_1m_in",
    "output_cost_per_token": "usd_per_1m_out",
}
"""What stands for a key of `[models.NAME]`; of two that mean the same, the later one of this table counts."""
OURS = ("model", "api_key", "weight", "order", "tags", "region_name", "litellm_credential_name")
"""What the entry says besides and the model's server is not told."""
WHOLE, FRACTION, PER_MILLION = ("rpm", "tpm", "concurrency", "retries"), ("timeout",), 1e6

log = logging.getLogger("litellm")


def models_of(path: Path, environment: Mapping[str, str]) -> dict[str, ModelTable]:
    """The models of the list at `path`. Raises BadSettings that names the entry at fault."""
    tree = _read(path)
    own = tree.get("environment_variables") or {}
    variables = {**{str(name): str(value) for name, value in own.items()}, **environment}
    if ignored := sorted(set(tree) - set(READ)):
        keys = " (general_settings.master_key too: set server.api_keys)" if _has_key(tree) else ""
        log.warning("%s: %s are not read: they configure LiteLLM's own proxy%s", path, ", ".join(ignored), keys)
    found: dict[str, list[ModelTable]] = {}
    for i, entry in enumerate(tree["model_list"]):
        place = _Entry(path, i, entry, variables)
        if why := place.left_out():
            log.warning("%s is left out: %s", place.where, why)
        else:
            found.setdefault(place.name, []).append(place.table())
    return {name: tables[0] if len(tables) == 1 else _together(tables) for name, tables in found.items()}


class _Entry:
    """One entry of the list."""

    def __init__(self, path: Path, i: int, entry: object, variables: Mapping[str, str]) -> None:
        self.where = f"{path}: model_list[{i}]"
        self._variables = variables
        if not isinstance(entry, dict):
            raise self.wrong(f"should be a table with model_name and litellm_params, not {entry!r}")
        name = entry.get("model_name")
        if not isinstance(name, str) or not name.strip() or not name.isprintable():
            raise self.wrong(f"model_name = {name!r} should be a name")
        self.name = name
        self.where = f"{self.where} ({self.name})"
        self._params = {key: self._resolved(key, one) for key, one in self._table(entry, "litellm_params").items()}
        self._info = self._table(entry, "model_info") if entry.get("model_info") is not None else {}
        if not isinstance(self._params.get("model"), str) or not self._params["model"]:
            raise self.wrong(f"litellm_params.model = {self._params.get('model')!r} should name the model")

    def wrong(self, why: str) -> BadSettings:
        """The error that says where."""
        return BadSettings(f"{self.where}: {why}", param="litellm.config")

    def left_out(self) -> str:
        """Why the entry is no model here; empty if it is one."""
        mode = self._info.get("mode", self._params.get("mode"))
        if mode not in CHAT:
            return f"its mode is {mode!r}, and only models that answer questions are served"
        if "*" in self.name:
            return "names with * stand for models that the list does not name"
        return "" if self.name.isascii() else "a name of a model is plain ASCII here"

    def table(self) -> ModelTable:
        """The same as a table `[models.NAME]`. Raises BadSettings."""
        tree: dict[str, Any] = {"backend": "remote", "model": self._params["model"]}
        prices = {key: self._info[key] for key in KEYS if key.endswith("_per_token") and key in self._info}
        told = {**prices, **self._params}
        for key, ours in KEYS.items():
            if told.get(key) is not None:
                tree[ours] = self._number(key, ours, told[key])
        tree["extra"] = {key: one for key, one in self._params.items() if key not in KEYS and key not in OURS}
        try:
            table = ModelTable.model_validate(tree)
        except ValidationError as wrong:
            first = wrong.errors()[0]
            at = ".".join(str(part) for part in first["loc"])
            raise self.wrong(f"litellm_params: {at}: {first['msg']}, not {first.get('input')!r}") from wrong
        secret = self._params.get("api_key")
        table._api_key = None if secret is None else str(secret)
        return table

    def _table(self, entry: Mapping[str, Any], key: str) -> dict[str, Any]:
        found = entry.get(key)
        if not isinstance(found, dict):
            raise self.wrong(f"{key} should be a table, not {found!r}")
        return found

    def _resolved(self, key: str, value: object) -> object:
        """The value, or that of the environment variable it refers to, however deep it lies."""
        if isinstance(value, dict):
            return {inside: self._resolved(f"{key}.{inside}", one) for inside, one in value.items()}
        if isinstance(value, list):
            return [self._resolved(key, one) for one in value]
        if not isinstance(value, str) or not value.startswith(REFERENCE):
            return value
        variable = value.removeprefix(REFERENCE)
        if not self._variables.get(variable):
            raise self.wrong(f"litellm_params.{key}: the environment variable {variable!r} is not set")
        return self._variables[variable]

    def _number(self, key: str, name: str, value: object) -> object:
        """As our own key has it: prices by the million tokens, numbers that were written as texts."""
        try:
            if name in WHOLE:
                return int(str(value))
            if name in FRACTION:
                return float(str(value))
            return round(PER_MILLION * float(str(value)), 9) if key.endswith("_per_token") else value
        except ValueError as wrong:
            raise self.wrong(f"litellm_params.{key} = {value!r} should be a number") from wrong


def _together(tables: list[ModelTable]) -> ModelTable:
    whole = together([one.spec() for one in tables])
    table = ModelTable(
        backend=whole.backend,
        concurrency=whole.concurrency,
        queue=whole.queue,
        timeout=whole.timeout,
        retries=whole.retries,
        usd_per_1m_in=whole.usd_per_1m_in,
        usd_per_1m_out=whole.usd_per_1m_out,
    )
    table._deployments = whole.deployments
    return table


def _read(path: Path) -> dict[str, Any]:
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as missing:
        raise BadSettings(f"cannot read the model list {str(path)!r}: {missing.strerror}") from missing
    except (yaml.YAMLError, UnicodeDecodeError) as wrong:
        raise BadSettings(f"{path}: not valid YAML: {' '.join(str(wrong).split())}") from wrong
    if not isinstance(tree, dict) or not isinstance(tree.get("model_list"), list):
        raise BadSettings(f"{path}: there is no model_list in it: a list of model_name and litellm_params")
    own = tree.get("environment_variables")
    if own is not None and not isinstance(own, dict):
        raise BadSettings(f"{path}: environment_variables should be a table, not {own!r}")
    return tree


def _has_key(tree: Mapping[str, Any]) -> bool:
    general = tree.get("general_settings")
    return isinstance(general, dict) and "master_key" in general
