"""A small marshalling yard: scripted models, strategies made for the occasion, an embedder of words, an engine."""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.backend import Internals
from models.errors import PointsmanError
from models.types import Chunk, Message, Reply, Request, Usage
from router.catalog import Catalog
from router.costs import Costs
from router.engine import Engine
from router.policies import load_policy
from router.types import Arm, Candidate, Decision, Ended, Event, Feedback, RouterSettings
from strategies.core import Constraints, Context, Query, Strategy
from strategies.core.query import Vector
from strategies.direct import direct

USAGE = Usage(prompt_tokens=3, completion_tokens=2, seconds=0.5, gpu_seconds=0.25, usd=0.001)


@dataclass
class Model:
    """A model that says one text word by word, or fails with one error after `before` words, or never ends."""

    name: str
    says: str | PointsmanError = "a fine answer"
    before: int = 0
    hangs: bool = False
    offers: frozenset[str] = frozenset()
    internals: Internals | None = None
    asked: list[Request] = field(default_factory=list)
    open: int = 0

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        self.asked.append(request)
        self.open += 1
        try:
            text = "so far so good" if isinstance(self.says, PointsmanError) else self.says
            words = re.findall(r"\S+\s*", text)
            for word in words[: self.before] if isinstance(self.says, PointsmanError) else words:
                await asyncio.sleep(0)
                yield Chunk(word)
            if self.hangs:
                await asyncio.Event().wait()
            if isinstance(self.says, PointsmanError):
                raise self.says
            yield Chunk(finish_reason="stop", usage=USAGE)
        finally:
            self.open -= 1

    async def close(self) -> None:
        """Nothing to give back."""


class Words:
    """Embeds a text as the unit sum of a fixed random direction for each of its words."""

    name, size = "words", 16

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.stack([self.one(text) for text in texts])

    def one(self, text: str) -> Vector:
        """The embedding of one text."""
        seeds = [sum(ord(letter) * 31**i for i, letter in enumerate(word)) for word in text.lower().split()]
        total = sum((np.random.default_rng(seed).normal(size=self.size) for seed in seeds), np.full(self.size, 1e-3))
        return (total / np.linalg.norm(total)).astype(np.float32)

    async def close(self) -> None:
        """Nothing to give back."""


def made(
    name: str,
    run: Callable[[Context], object] | None = None,
    *,
    calls: float = 1.0,
    needs: frozenset[str] = frozenset(),
) -> Strategy:
    """A strategy that answers with what `run` returns or awaits to; without one it answers directly."""

    async def body(ctx: Context) -> Reply | str:
        given = await ctx.answer() if run is None else run(ctx)
        found = await given if asyncio.iscoroutine(given) else given
        assert isinstance(found, Reply | str)
        return found

    return Strategy(name, body, lambda _: calls, needs, "", "", {})


def candidates(models: Sequence[str] = ("m0", "m1", "m2"), strategies: int = 5) -> list[Candidate]:
    """Fifteen arms, or as many as asked for, of unknown cost."""
    return [Candidate(Arm(model, s.name), s) for model in models for s in (made(f"s{i}") for i in range(strategies))]


def query(embedding: Vector, **constraints: object) -> Query:
    """A query with this embedding."""
    limits = Constraints(**constraints)  # type: ignore[arg-type]  # the caller names fields of Constraints
    return Query(asking("anything"), embedding, limits)


def asking(text: str) -> Request:
    """A request with one user message."""
    return Request((Message("user", text),))


def rated(arm: Arm, embedding: Vector, reward: float, weight: float = 1.0) -> Feedback:
    """A judgement."""
    return Feedback("chatcmpl-0", arm, embedding, reward, weight=weight)


@dataclass
class Yard:
    """An engine over scripted models, and all that it told the log."""

    engine: Engine
    models: Mapping[str, Model]
    told: list[tuple[str, Event]]
    costs: Costs

    @property
    def ends(self) -> list[Ended]:
        """What the log was told at the ends of runs."""
        return [event for _, event in self.told if isinstance(event, Ended)]

    async def events(self, decision: Decision) -> list[Event]:
        """The run's events, to its end."""
        return [event async for event in self.engine.run(decision)]


def yard(
    models: Sequence[Model], strategies: Sequence[Strategy] = (), *, policy: str = "fixed", default: str | None = None
) -> Yard:
    """Wire an engine; `direct` is always among the strategies."""
    backends = {model.name: model for model in models}
    known = {s.name: s for s in (direct, *strategies)}
    settings = RouterSettings(policy=policy, default_arm=default, seed=1)
    told: list[tuple[str, Event]] = []
    costs = Costs()
    engine = Engine(
        backends,
        load_policy(policy, settings),
        Words(),
        Catalog(backends, None, {}, frozenset, {}, known=known),
        costs,
        tell=lambda decision_id, event: told.append((decision_id, event)),
        settings=settings,
    )
    return Yard(engine, backends, told, costs)
