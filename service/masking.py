"""No key in what is written to stderr, whoever writes it: ours, users', those of model servers."""

import re
from collections.abc import Iterable, MutableMapping
from typing import Any  # what structlog passes on

HIDDEN = "[key]"
SHORTEST = 8
"""A shorter secret is not looked for: its letters stand in ordinary words."""
LIKE_A_KEY = r"\b(?:pm|sk)-[\w-]{12,}|(?<=[Bb]earer )[^\s'\",;]{8,}"


class Mask:
    """Puts `[key]` in the place of the `secrets`, and of whatever looks like a key of ours or of OpenAI's kind.

    A step of structlog's.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._known: frozenset[str] = frozenset()
        self.hide(secrets)

    def hide(self, secrets: Iterable[str]) -> None:
        """Look for these, too, from now on."""
        self._known = self._known.union(one for one in secrets if len(one) >= SHORTEST)
        known = sorted(map(re.escape, self._known), key=len, reverse=True)
        self._pattern = re.compile("|".join([*known, LIKE_A_KEY]))
        self._signs = ("pm-", "sk-", "earer ", *self._known)

    def __call__(self, _: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        for name, value in event.items():
            if isinstance(value, str):
                event[name] = self.masked(value)
        return event

    def masked(self, text: str) -> str:
        """The text without keys."""
        suspect = any(
            sign in text for sign in self._signs
        )  # the pattern alone takes longer than all the rest of a line
        return self._pattern.sub(HIDDEN, text) if suspect else text
