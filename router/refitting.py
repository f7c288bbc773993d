"""When what is fitted is fitted anew, and where: in a thread of its own, so that nobody waits."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

import structlog

FIRST = 32
GROWTH = 1.33

F = TypeVar("F")
S = TypeVar("S")

log = structlog.get_logger()


class Schedule:
    """Fits come when judgements have grown by a third since the last one, the first at FIRST."""

    def __init__(self) -> None:
        self._due = FIRST

    def reached(self, judgements: int) -> int:
        """The last due number of judgements that has been reached and was not told before; 0 where none was."""
        last = 0
        while self._due <= judgements:
            last, self._due = self._due, int(self._due * GROWTH) + 1
        return last


class Background(Generic[S, F]):
    """One fit at a time of a snapshot S to an F; of the snapshots that come meanwhile only the last is fitted."""

    def __init__(self, fit: Callable[[S], F]) -> None:
        self._fit = fit
        self._wanted: list[S] = []
        self._found: list[F] = []
        self._running: threading.Thread | None = None

    def begin(self, snapshot: S) -> None:
        """Fit the snapshot now, or when the fit that runs is through."""
        if self._running is None:
            self._start(snapshot)
        else:
            self._wanted = [snapshot]

    def taken(self) -> F | None:
        """The fit that has come to its end since this was last asked; begins the next one that is wanted."""
        if self._running is None or self._running.is_alive():
            return None
        self._running = None
        found = self._found.pop() if self._found else None
        if self._wanted:
            self._start(self._wanted.pop())
        return found

    def last(self) -> F | None:
        """Wait until nothing is fitted any more; the last fit that came of it."""
        last = None
        while self._running is not None:
            self._running.join()
            last = self.taken() or last
        return last

    def _start(self, snapshot: S) -> None:
        def work() -> None:
            try:
                self._found = [self._fit(snapshot)]
            except (ValueError, IndexError, ArithmeticError, MemoryError) as failure:  # what sklearn and numpy raise
                log.warning("the policy goes on with its last fit", error=str(failure))

        self._running = threading.Thread(target=work, name="policy-fit", daemon=True)
        self._running.start()
