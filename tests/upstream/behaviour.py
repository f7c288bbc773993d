"""How the stub upstream answers: what it says, how slowly, and which fault strikes which share of the requests."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal  # Any: a request's JSON

Fault = Literal[
    "",
    "close",  # the connection is closed at once, not a byte is sent
    "hang",  # nothing is ever sent
    "hang_midstream",  # half of the answer, then nothing
    "truncate",  # half of the answer, then the connection is closed
    "no_done",  # half of the answer, then HTTP's proper end without a finish_reason and without [DONE]
    "invalid_json",
    "empty_choices",
    "null_content",
    "length",  # finish_reason "length"
    "long_line",  # a piece of LONG letters
    "split_character",  # two packets, cut inside a character of UTF-8
    "error_frame",  # two pieces, then {"error": ...} and the proper end; a plain reply is nothing but the error
]
LONG = 100_000

Says = str | Callable[[dict[str, Any]], str | dict[str, Any]]
"""The text, or what makes it, or a whole message (as one with `tool_calls`), of the request's body."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The answer to one model's requests. `status` and `fault` strike `failure_rate` of them (drawn with `seed`), and
    only the first `failures` of those if that is given; `delay` (before the headers) and `pace` (between pieces), in
    seconds, hold for all. `says` None: `chunks` numbered words.
    """

    says: Says | None = None
    delay: float = 0.0
    chunks: int = 20
    pace: float = 0.0
    status: int = 200
    retry_after: str | None = None
    fault: Fault = ""
    failure_rate: float = 1.0
    failures: int | None = None
    seed: int = 0


@dataclass(slots=True)
class Mode:
    """A behaviour in use: it counts what it has struck."""

    behaviour: Behaviour
    struck: int = 0
    _draws: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._draws = random.Random(self.behaviour.seed)

    def strikes(self) -> bool:
        """Whether the next request meets the fault. Deterministic in the order of requests."""
        told = self.behaviour
        if told.status == 200 and not told.fault:
            return False
        hit = told.failure_rate >= 1.0 or self._draws.random() < told.failure_rate
        if hit and (told.failures is None or self.struck < told.failures):
            self.struck += 1
            return True
        return False
