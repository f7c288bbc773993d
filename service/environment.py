"""Settings in environment variables: `POINTSMAN_SECTION__KEY=value`, read as the type that the key has.

Lists are written with commas or as JSON, tables as JSON. A variable without a double underscore is none of ours.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_origin  # Any: a value before it is checked

from pydantic import BaseModel, TypeAdapter, ValidationError

from models.errors import BadSettings
from service.sections import Settings

PREFIX = "POINTSMAN_"

Path = tuple[str, ...]


def overrides_of(environment: Mapping[str, str], known: Mapping[str, Any]) -> Iterator[tuple[str, Path, object]]:
    """The variable, the path and the value of each override; `known` is what the file says (for names of models).

    Raises BadSettings for a variable that names no key, or whose value has not the key's type.
    """
    for variable, raw in sorted(environment.items()):
        if variable.startswith(PREFIX) and "__" in variable:
            words = variable.removeprefix(PREFIX).split("__")
            path, annotation = _resolve(variable, words, known)
            yield variable, path, _read(variable, raw, annotation)


def _resolve(variable: str, words: list[str], known: Mapping[str, Any]) -> tuple[Path, Any]:
    path: list[str] = []
    annotation: Any = Settings
    inside: object = known
    for word in words:
        names = list(inside) if isinstance(inside, Mapping) else []
        key = next((name for name in names if _plain(name) == _plain(word)), word.lower())
        annotation = _inside(annotation, key)
        if annotation is None:
            raise BadSettings(f"{variable}: there is no setting {'.'.join([*path, key])!r}")
        inside = inside.get(key) if isinstance(inside, Mapping) else None
        path.append(key)
    return tuple(path), annotation


def _inside(annotation: Any, key: str) -> Any:
    """The type of what stands under `key` in a value of type `annotation`; None where nothing may."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        field = annotation.model_fields.get(key)
        if field is not None:
            return field.rebuild_annotation()
        return dict[str, Any] if annotation.model_config.get("extra") == "allow" else None
    if get_origin(annotation) is dict:
        return get_args(annotation)[1]
    return Any if annotation is Any else None


def _read(variable: str, raw: str, annotation: Any) -> object:
    kinds = (annotation, *get_args(annotation))
    try:
        if any(get_origin(kind) is list for kind in kinds) and not raw.lstrip().startswith("["):
            return [item.strip() for item in raw.split(",") if item.strip()]
        if any(kind is Any or get_origin(kind) in (dict, list) for kind in kinds):
            return _literal(raw)
        value: object = TypeAdapter(annotation).validate_strings(raw)
    except (ValidationError, json.JSONDecodeError) as wrong:
        why = wrong.errors()[0]["msg"] if isinstance(wrong, ValidationError) else str(wrong)
        raise BadSettings(f"{variable} = {raw!r}: {why}") from wrong
    return value


def _literal(raw: str) -> object:
    """JSON where it is JSON, else the words as they stand."""
    if raw.lstrip().startswith(("[", "{")):
        return json.loads(raw)
    try:
        return json.loads(raw)
    except json.JSONDecodeError:
        return raw


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "_", name.lower())
