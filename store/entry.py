"""A passage as the indices hold it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """A passage and the document that it belongs to."""

    id: str
    document_id: str
    title: str
    text: str
