"""How long a call of a model would wait before it is its turn: for other calls, and for a model that is not loaded."""

from typing import NamedTuple

from models.backend import Backend


class Waiting(NamedTuple):
    """`seconds` before a call would begin, as far as can be foreseen; `warm` says that the model is loaded."""

    seconds: float = 0.0
    warm: bool = True


def waiting_of(backend: Backend) -> Waiting:
    """What the back-end says of itself in `waiting`; nothing to wait for where it says nothing."""
    # No isinstance with a protocol: that reads the property once more at every layer, which doubles the work each time.
    told = getattr(backend, "waiting", None)
    return told if isinstance(told, Waiting) else Waiting()
