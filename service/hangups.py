"""SIGHUP from the first moment of `serve`: noted while nobody can act on it, raised again as soon as somebody can."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Early:
    """Whether a hangup has come too early."""

    def __init__(self) -> None:
        self._came = False

    def note(self, number: int, frame: FrameType | None) -> None:
        """What the signal does until then."""
        self._came = True

    def tell(self) -> None:
        """Raise it again, once, if it came; called by who acts on it from now on."""
        if self._came:
            self._came = False
            signal.raise_signal(signal.SIGHUP)


@contextmanager
def noted() -> Iterator[Early]:
    """Die of no hangup in the block; it may set what acts on them, and tell those that came before."""
    early = Early()
    before = signal.signal(signal.SIGHUP, early.note)
    try:
        yield early
    finally:
        signal.signal(signal.SIGHUP, before)
