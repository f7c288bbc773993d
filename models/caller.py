"""Which run a model call belongs to: the engine names it in the run's task, and every call below inherits the name."""

from collections.abc import Hashable
from contextvars import ContextVar

RUN: ContextVar[str] = ContextVar("run", default="")
"""The decision's id; empty outside a run."""


def caller() -> Hashable:
    """The run that is asking; outside a run each call stands for itself."""
    return RUN.get() or object()
