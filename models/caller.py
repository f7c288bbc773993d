"""What a model call belongs to and how far it has come, known to every layer below without being handed down."""

import time
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

RUN: ContextVar[str] = ContextVar("run", default="")
"""The decision's id, which the engine names in the run's task; empty outside a run."""


@dataclass(slots=True)
class Progress:
    """Of one call: whether it is still `held` back on our side, and the seconds that it `waited` there so far."""

    held: bool = False
    waited: float = 0.0


PROGRESS: ContextVar[Progress | None] = ContextVar("progress", default=None)
"""That of the call under way, which whoever makes the call sets."""


def caller() -> Hashable:
    """The run that is asking; outside a run each call stands for itself."""
    return RUN.get() or object()


@contextmanager
def held_back() -> Iterator[None]:
    """In this block the call waits for its turn, for a model to be loaded, or for the next try.

    One that ends here, since its caller has left, say, stays marked: the model was not asked.
    """
    progress = PROGRESS.get() or Progress()
    progress.held, began = True, time.perf_counter()
    yield
    progress.held = False
    progress.waited += time.perf_counter() - began
