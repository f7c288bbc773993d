"""What a check of a draft says, and what a check is: an async function of the Context and the draft."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from strategies.core.context import Context


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found: True or False, or None where it does not apply; `finding` says what is wrong, `by` who."""

    passed: bool | None
    finding: str = ""
    by: str = ""


Verifier = Callable[[Context, str], Awaitable[Verdict]]
SILENT = Verdict(None)
