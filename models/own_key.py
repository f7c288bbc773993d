"""The operator's key for a model's server, kept out of what the server says: words of an error reach clients."""

from collections.abc import Mapping

from models.backend import ModelSpec

HIDDEN = "[key]"
SHORTEST = 8
"""A shorter one is not looked for: its letters stand in ordinary words."""


def secrets_of(spec: ModelSpec) -> tuple[str, ...]:
    """What nobody outside may read of a model's settings: its key, and what `extra_headers` send; the longest first."""
    headers = spec.extra.get("extra_headers")
    sent = [str(value) for value in headers.values()] if isinstance(headers, Mapping) else []
    tokens = [value.partition(" ")[2].strip() for value in sent]  # "Bearer KEY"
    found = {one for one in (spec.api_key or "", *sent, *tokens) if len(one) >= SHORTEST}
    return tuple(sorted(found, key=len, reverse=True))


def without(secrets: tuple[str, ...], text: str) -> str:
    """The text with `[key]` in the place of each of the secrets."""
    for one in secrets:
        text = text.replace(one, HIDDEN)
    return text
