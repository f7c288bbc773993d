"""The stub upstream that counts each fault where it strikes, and knows which question it struck."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any  # JSON

from benchmarks.faults_kinds import KINDS, SHARE, answer
from tests.upstream import Seen, Upstream
from tests.upstream.behaviour import Mode

PACE = 0.02
"""Seconds between the pieces of a stream, so that clients leave and kills come in the middle of some."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a model, and whether its fault struck."""

    model: str
    struck: bool


@dataclass(slots=True)
class Striking(Upstream):
    """The stub with a model for each kind of fault; `calls` are those for each question, in their order."""

    calls: defaultdict[int, list[Call]] = field(init=False, default_factory=lambda: defaultdict(list))
    asked: Counter[str] = field(init=False, default_factory=Counter)
    struck: Counter[str] = field(init=False, default_factory=Counter)
    body: Mapping[str, Any] = field(init=False, default_factory=dict)
    """Of the request that came last; it is answered before the next one is looked at."""

    def prepare(self, seed: int) -> None:
        """Let each model have its fault, and answer with the number of the question."""
        for i, (name, kind) in enumerate(KINDS.items()):
            share = SHARE if kind.row else 1.0
            pace = kind.behaviour.pace or PACE
            told = replace(kind.behaviour, says=_says, chunks=10, pace=pace, failure_rate=share, seed=seed + i)
            self._modes[name] = _Counted(told, upstream=self)

    def note(self, method: str, path: str, head: bytes, body: dict[str, Any]) -> Seen:
        """Write a request down."""
        self.body = body
        return Upstream.note(self, method, path, head, body)

    def took(self, hit: bool) -> None:
        """The request that came last is a call, which the fault of its model strikes or not."""
        model = str(self.body["model"])
        # A plain reply is whole without [DONE].
        hit = hit and (model != "no_done" or bool(self.body.get("stream")))
        self.asked[model] += 1
        self.struck[model] += hit
        self.calls[_number(self.body)].append(Call(model, hit))


@dataclass(slots=True)
class _Counted(Mode):
    """A behaviour that tells the stub of each strike."""

    upstream: Striking = field(kw_only=True)

    def strikes(self) -> bool:
        hit = Mode.strikes(self)
        self.upstream.took(hit)
        return hit


def _says(asked: Mapping[str, Any]) -> str:
    return answer(_number(asked))


def _number(asked: Mapping[str, Any]) -> int:
    return int(asked["messages"][-1]["content"].rpartition(" ")[2])
