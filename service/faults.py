"""Faults of a body are told one at a time: each is a hundred times as large as what it tells of."""

from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

T = TypeVar("T")
Items = Annotated[list[T], Field(fail_fast=True)]
"""A list that is refused at its first fault."""


class Closed(BaseModel):
    """A body, or an object in one, that takes no field but its own and is refused at the first other one."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _one_unknown_key_is_told(cls, given: object) -> object:
        if not isinstance(given, dict):
            return given
        unknown = [name for name in given if name not in cls.model_fields]
        return {name: value for name, value in given.items() if name in cls.model_fields or name == unknown[0]}
