"""The guards as the settings want them: `[guards]`, and the screening of `[knowledge]`."""

from collections.abc import Mapping
from pathlib import Path

from models.backend import Backend
from models.errors import BadSettings
from router.guards import Guards
from service.sections import Settings
from strategies.core.moderating import Asked, Moderator, open_terms


def open_guards(settings: Settings, backends: Mapping[str, Backend]) -> Guards:
    """The guards of a service. Raises BadSettings for a moderator that is not there or a file of terms that cannot be
    read."""
    table = settings.guards
    moderator: Moderator | None = None
    if table.moderator == "terms":
        if table.terms is None:
            raise BadSettings(
                "guards.moderator: terms needs a file of terms: set guards.terms", param="guards.moderator"
            )
        moderator = open_terms(Path(table.terms))
    elif table.moderator:
        if table.moderator not in backends:
            raise BadSettings(f"guards.moderator: no model is called {table.moderator!r}", param="guards.moderator")
        moderator = Asked(backends[table.moderator])
    return Guards(
        task_switch=table.task_switch,
        screening=settings.knowledge.screening,
        moderator=moderator,
        rewriter=backends.get(table.moderator) if table.moderator != "terms" else None,
    )
