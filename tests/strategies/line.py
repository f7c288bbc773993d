"""The main line: a strategy run by a real engine, with its limits, fallbacks and what the log is told at the end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.backend import Backend
from models.scripted import Answer, Scripted
from models.types import Message, Reply, Request
from router.catalog import Catalog
from router.costs import Costs
from router.engine import Engine
from router.policies import load_policy
from router.types import Ended, Event, RouterSettings
from strategies.core import Answered, Called, Constraints, Noted, Strategy, Token
from strategies.core.query import Library
from strategies.core.registry import Param
from strategies.direct import direct
from tests.strategies.stage import WordEmbedder


@dataclass(frozen=True)
class Journey:
    """All events of one run."""

    events: Sequence[Event]

    @property
    def ended(self) -> Ended:
        return next(event for event in self.events if isinstance(event, Ended))

    @property
    def status(self) -> str:
        return self.ended.outcome.status

    @property
    def arm(self) -> str:
        return str(self.ended.outcome.arm)

    @property
    def reply(self) -> Reply:
        return next(event.reply for event in self.events if isinstance(event, Answered))

    @property
    def text(self) -> str:
        """The answer, which is what was streamed."""
        assert self.reply.text == "".join(event.text for event in self.events if isinstance(event, Token))
        return self.reply.text

    @property
    def labels(self) -> list[str]:
        return [event.label for event in self.events if isinstance(event, Called)]

    @property
    def kept(self) -> bool:
        """Whether the answer is flagged as the best so far of a run that could not go on."""
        return any(event.facts.get("kept") is True for event in self.events if isinstance(event, Noted))


async def travel(
    strategy: Strategy,
    asked: str | Request,
    say: Answer | Scripted,
    *others: Backend,
    constraints: Constraints = Constraints(),  # noqa: B008  # frozen
    library: Library | None = None,
    params: Mapping[str, Param] | None = None,
    offers: frozenset[str] = frozenset(),
) -> Journey:
    """Run `STRATEGY@small` through an engine; `others` are the other models. Raises what the engine raises."""
    backends = {model.name: model for model in (say if isinstance(say, Scripted) else Scripted("small", say), *others)}
    settings, given = RouterSettings(policy="fixed", seed=1), {strategy.name: dict(params or {})}
    known = {one.name: one for one in (direct, strategy)}
    engine = Engine(
        backends,
        load_policy("fixed", settings),
        WordEmbedder(),
        Catalog(backends, None, given, lambda: offers, {}, known=known),
        Costs(),
        tell=lambda decision_id, event: None,
        library=library,
        params=given,
        settings=settings,
    )
    request = Request((Message("user", asked),)) if isinstance(asked, str) else asked
    decision = await engine.decide(request, f"{strategy.name}@small", constraints)
    return Journey([event async for event in engine.run(decision)])
