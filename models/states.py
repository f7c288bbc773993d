"""How a model is doing: its breaker, the calls under way, those that wait, and whether it is loaded."""

from dataclasses import dataclass

from models.backend import Backend
from models.breaker import Breaker, State
from models.limited import Limited
from models.room import Room
from models.waiting import waiting_of


@dataclass(frozen=True, slots=True)
class ModelState:
    """`in_use` calls run, `queued` wait; a new one would wait `seconds`; `warm` says that the model is loaded."""

    name: str
    breaker: State
    in_use: int
    queued: int
    seconds: float
    warm: bool


def states(backend: Backend) -> ModelState:
    """The state of one model, read off whatever stands around it (models.limits)."""
    breaker: State = "closed"
    in_use = queued = 0
    inner: Backend = backend
    while isinstance(inner, Limited):
        if isinstance(inner, Breaker):
            breaker = inner.state
        elif isinstance(inner, Room):
            in_use, queued = inner.in_use, inner.queued
        inner = inner.inner
    waiting = waiting_of(backend)
    return ModelState(backend.name, breaker, in_use, queued, waiting.seconds, waiting.warm)
