"""What one run may use."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that one run may use; None means no limit. Tokens are generated ones, seconds are of the clock."""

    calls: int | None = None
    tokens: int | None = None
    seconds: float | None = None
