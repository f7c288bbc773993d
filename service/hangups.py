"""SIGHUP from the first moment of `serve`: noted while nobody can act on it, raised again as soon as somebody can."""

import signal
from types import FrameType
from typing import Self


class Early:
    """Notes a hangup that comes too early. Within the block none ends the process; it may set what acts on them."""

    def __init__(self) -> None:
        self._came = False

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGHUP, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGHUP, self._before)

    def tell(self) -> None:
        """Raise it again, once, if it came; called by who acts on it from now on."""
        if self._came:
            self._came = False
            signal.raise_signal(signal.SIGHUP)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._came = True
