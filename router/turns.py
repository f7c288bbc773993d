"""In which order judgements are learned: that of their moments, which a restart finds in the log.

A judgement from outside is kept, which takes a while, and then learned; what a run teaches by failing is learned at
once and kept later. Were a failure learned while a judgement is being kept, the log would tell another order.
"""

import asyncio
from collections.abc import Callable
from types import TracebackType

from router.types import Feedback


class Turns:
    """One judgement after the other, as a context: the turn begins before its moment is set and ends after learning."""

    def __init__(self, learn: Callable[[Feedback], None]) -> None:
        self._learn, self._lock = learn, asyncio.Lock()
        self._waiting: list[Feedback] = []

    async def __aenter__(self) -> None:
        await self._lock.acquire()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        waiting, self._waiting = self._waiting, []
        self._lock.release()
        for feedback in waiting:
            self._learn(feedback)

    def learn(self, feedback: Feedback) -> None:
        """Learn what has just happened: now, or at the end of the turn that is being taken."""
        if self._lock.locked():
            self._waiting.append(feedback)
        else:
            self._learn(feedback)
