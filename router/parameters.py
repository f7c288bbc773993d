"""Reading `[router.params]` into a policy's own dataclass of numbers."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, TypeVar

from models.errors import BadSettings

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


def read(kind: type[T], params: Mapping[str, float], meant: Callable[[T], Mapping[str, bool]]) -> T:
    """The settings' values, and the defaults of `kind` for the rest; names that it has not are for others.

    `meant` says by name which values can be meant. Raises BadSettings for one that cannot.
    """
    found = kind(**{field.name: params[field.name] for field in fields(kind) if field.name in params})
    for name, fine in meant(found).items():
        if not fine:
            raise BadSettings(f"router.params.{name} = {params.get(name)!r} cannot be meant")
    return found
