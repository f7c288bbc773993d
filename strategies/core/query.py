"""What a strategy is asked: the query with the caller's parameters and limits, and what it may look up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable  # Any: what a client says of its request is JSON

import numpy as np
from numpy.typing import NDArray

from models.types import Message, Request

Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Constraints:
    """What the caller allows; None or empty means no limit. `quality` 0..1 is the dial from cheap to good.

    `max_tokens` bounds what all calls of a run generate together; `clarify` says that the user may be asked back before
    an answer.
    """

    quality: float | None = None
    max_seconds: float | None = None
    max_calls: int | None = None
    max_tokens: int | None = None
    max_usd: float | None = None
    models: tuple[str, ...] = ()
    strategies: tuple[str, ...] = ()
    explore: bool | None = None
    clarify: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """Who asks, and in the client's own words of what: nothing here changes how the question is answered, but `side`.

    `key` is the id of the API key, `user`, `message` and `facts` are what the client says of itself, `request` is the
    HTTP request's id. `side` names the side request of a chat app that this is ("title", "tags", ...): answered at
    once by the cheapest model, and never learned from.
    """

    key: str | None = None
    user: str | None = None
    message: str | None = None
    request: str | None = None
    side: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """One question: the caller's whole request, its last user text, and that text's embedding (unit length).

    The embedding is NaN throughout where nothing hangs on it: an arm that the request names, a side request.
    """

    request: Request
    embedding: Vector
    constraints: Constraints = field(default_factory=Constraints)
    conversation: str | None = None
    origin: Origin = field(default_factory=Origin)

    @property
    def messages(self) -> tuple[Message, ...]:
        """The conversation, oldest first; the last user message is the question."""
        return self.request.messages

    @property
    def text(self) -> str:
        """The question: the words of the last user message."""
        return question_of(self.request.messages)


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document of the library; `score` is the cosine to what was searched."""

    id: str
    text: str
    title: str
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Example:
    """A past question with an answer that was rated well; `reward` 0..1."""

    question: str
    answer: str
    reward: float
    score: float = 0.0


class Library(Protocol):
    """Where passages are found."""

    async def search(self, text: str, k: int) -> list[Passage]:
        """The k passages nearest to `text`, best first; empty if the library is."""
        ...


class Memory(Protocol):
    """Where past well-rated answers are found."""

    async def examples(self, embedding: Vector, k: int, key: str | None = None) -> list[Example]:
        """The k nearest past questions with a well-rated answer, nearest first: of those that came with the API key of
        this id, or without any.
        """
        ...


@runtime_checkable
class Sampled(Protocol):
    """A memory that also shows what it holds, whatever is asked."""

    async def sample(self, n: int, key: str | None = None) -> list[Example]:
        """Up to n past questions with a well-rated answer of this API key, spread over the log; the same ones while it
        is the same.
        """
        ...


def question_of(messages: tuple[Message, ...]) -> str:
    """The words of the last user message; empty if there is none."""
    return next((message.text for message in reversed(messages) if message.role == "user"), "")
