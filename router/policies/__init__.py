"""One file per way of choosing; a file's name is the policy's name in the settings."""

import importlib
import pkgutil

from models.errors import BadSettings
from router.types import Policy, RouterSettings


def load_policy(name: str, settings: RouterSettings) -> Policy:
    """Open the policy of that name: a file of this package with `open_policy(settings) -> Policy`.

    Raises BadSettings, naming those there are.
    """
    known = policies()
    if name not in known:
        raise BadSettings(f"router.policy = {name!r} is unknown; there are {', '.join(known)}")
    opened: Policy = importlib.import_module(f"{__name__}.{name}").open_policy(settings)
    return opened


def policies() -> tuple[str, ...]:
    """The names of all policies there are, sorted."""
    return tuple(sorted(entry.name for entry in pkgutil.iter_modules(__path__)))
