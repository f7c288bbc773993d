"""What a running strategy reports: calls, notes, tokens, the answer or the failure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from models.errors import PointsmanError
from models.types import Part, Reply, Request, TokenLogprob

Fact = str | int | float | bool | None | list[str] | list[int] | list[float]


@dataclass(frozen=True, slots=True)
class Called:
    """A model call has ended: what was asked of whom and what came back; `started` is in seconds into the run.

    Of its `seconds` it `waited` so many for its turn, for its model to be loaded, or for another try.
    """

    label: str
    model: str
    request: Request
    reply: Reply | None
    started: float
    seconds: float
    error: str | None = None
    waited: float = 0.0


@dataclass(frozen=True, slots=True)
class Noted:
    """Something the waiting user may like to know; `facts` are kept in the log (a choice, a verdict)."""

    text: str
    facts: Mapping[str, Fact] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the answer, as it comes."""

    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[Part, ...] = ()
    logprobs: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True, slots=True)
class Answered:
    """The whole answer; its text equals the streamed tokens joined."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class Failed:
    """The strategy could not answer."""

    error: PointsmanError


RunEvent = Called | Noted | Token | Answered | Failed
