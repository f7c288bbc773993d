"""Rows that are read many at a time, without those that are damaged."""

from collections.abc import Callable, Sequence
from typing import TypeVar

K = TypeVar("K")
T = TypeVar("T")

UNREADABLE = (ValueError, TypeError)
"""What reading a damaged row raises: JSON that is none, a moment that is none, an arm that is none."""


def readable(keys: Sequence[K], read: Callable[[Sequence[K]], list[T]]) -> list[T]:
    """What `read` makes of the rows with these keys, in their order, without the rows that it cannot be made of.

    Rows that cannot be read together are read in halves, down to one. Raises StoreError.
    """
    if not keys:
        return []
    try:
        return read(keys)
    except UNREADABLE:
        if len(keys) == 1:
            return []
        half = len(keys) // 2
        return [*readable(keys[:half], read), *readable(keys[half:], read)]
