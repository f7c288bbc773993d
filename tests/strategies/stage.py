"""The stage a strategy is tested on: a small library, an embedder of words, a record of the run."""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.backend import Backend
from models.scripted import Answer, Scripted
from models.types import Message, Reply, Request
from strategies.core import Budget, Called, Constraints, Context, Example, Noted, Passage, Query, Strategy, Token
from strategies.core.events import Fact, RunEvent
from strategies.core.query import Library, Memory, Vector
from strategies.core.registry import Param

Say = Callable[[Request], str]


@dataclass
class WordEmbedder:
    """Embeds a text as the bag of its words, each word hashed to one of 256 directions; unit length."""

    name: str = "words"
    size: int = 256

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = np.zeros((len(texts), self.size), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in re.findall(r"\w+", text.lower()):
                row[int(hashlib.sha256(word.encode()).hexdigest(), 16) % self.size] += 1
            row /= max(1e-9, float(np.linalg.norm(row)))
        return rows

    async def close(self) -> None:
        pass


@dataclass
class Shelf:
    """A library that holds these passages and returns the first k, whatever is searched."""

    passages: Sequence[Passage]

    async def search(self, text: str, k: int) -> list[Passage]:
        return list(self.passages[:k])


@dataclass
class Past:
    """A memory that returns the first k of these examples, whatever is asked."""

    told: Sequence[Example]

    async def examples(self, embedding: Vector, k: int, key: str | None = None) -> list[Example]:
        return list(self.told[:k])


@dataclass
class Ran:
    """What a run did: the answer, the calls in the order in which they began, the streamed text, notes and facts.

    `best` is the best answer so far that the run kept, also if it failed.
    """

    text: str = ""
    calls: list[Called] = field(default_factory=list)
    streamed: str | None = None
    notes: list[str] = field(default_factory=list)
    facts: dict[str, Fact] = field(default_factory=dict)
    best: Reply | str | None = None

    @property
    def labels(self) -> list[str]:
        return [call.label for call in self.calls]

    def prompt(self, label: str) -> str:
        """The last user message of the call of that label."""
        return next(call.request.messages[-1].text for call in self.calls if call.label == label)

    def hear(self, event: RunEvent) -> None:
        if isinstance(event, Called):
            self.calls.append(event)
            self.calls.sort(key=lambda call: call.started)
        elif isinstance(event, Noted):
            self.notes.append(event.text)
            self.facts.update(event.facts)
        elif isinstance(event, Token):
            self.streamed = (self.streamed or "") + event.text


async def run(
    strategy: Strategy,
    asked: str | Request,
    say: Answer | Scripted,
    *,
    ran: Ran | None = None,
    peers: Mapping[str, Backend] | None = None,
    library: Library | None = None,
    memory: Memory | None = None,
    constraints: Constraints | None = None,
    budget: Budget | None = None,
    params: Mapping[str, Param] | None = None,
    **more: Param,
) -> Ran:
    """Run a strategy on a question or a whole request; a failure is raised, what it did until then is in `ran`."""
    ran = ran or Ran()
    request = Request((Message("user", asked),)) if isinstance(asked, str) else asked
    embedder = WordEmbedder()
    ctx = Context(
        query=Query(request, (await embedder.embed([request.messages[-1].text]))[0], constraints or Constraints()),
        backend=say if isinstance(say, Scripted) else Scripted("small", say),
        emit=ran.hear,
        peers=peers or {},
        library=library,
        memory=memory,
        embedder=embedder,
        budget=budget or Budget(),
    )
    try:
        answer = await strategy.run(ctx, **(params or {}), **more)
    finally:
        ran.best = ctx.best
    ran.text = answer.text if isinstance(answer, Reply) else answer
    return ran


def saying(*replies: str) -> Say:
    """Say these one after the other; asking for more is an error."""
    left = list(replies)
    return lambda _: left.pop(0)
