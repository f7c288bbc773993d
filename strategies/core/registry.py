"""Finding strategies: a file under `strategies/` with a decorated function of its own name is a strategy."""

import importlib
import inspect
import pkgutil
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache

import strategies
from models.errors import UnknownModel
from models.types import Reply
from strategies.core.context import Context
from strategies.core.tasks import CATEGORIES

Param = str | int | float | bool
Run = Callable[..., Awaitable[Reply | str]]


Counted = Callable[[Mapping[str, Param], frozenset[str]], float]
"""A number of calls, by the parameters and by what the arm's model offers."""


@dataclass(frozen=True, slots=True)
class Peers:
    """How a strategy asks another model: in a `share` of its runs, at most once a run.

    `own` counts the calls of the arm's model in a run, `most` those of the run that takes the most. A parameter `to`,
    where the strategy has one, names the other model.
    """

    share: float | Callable[[Mapping[str, Param]], float]
    own: Counted
    most: Counted

    def share_of(self, params: Mapping[str, Param]) -> float:
        """The share of runs that ask another model; 0 means that with these parameters none does."""
        return self.share(params) if callable(self.share) else self.share


@dataclass(frozen=True, slots=True)
class Strategy:
    """A way of asking. `run(ctx, **params)` returns the answer; `calls(params)` is how many model calls it expects.

    `needs` names what the model or the service must offer ("documents", "prompts", "logprobs", "internals");
    `params` are the keyword arguments of the function with their defaults. `relays` says that the answer is one call
    with all of the caller's parameters, so that tools, response formats and log-probabilities work. `peers` says how it
    asks other models than its arm's; None: it never does. `helps` and `hurts` name the categories of questions (see
    tasks.py) on which it is known to: what the router believes before anybody has judged.
    """

    name: str
    run: Run
    calls: Callable[[Mapping[str, Param]], float]
    needs: frozenset[str]
    paper: str
    summary: str
    params: Mapping[str, Param]
    relays: bool = False
    peers: Peers | None = None
    helps: frozenset[str] = frozenset()
    hurts: frozenset[str] = frozenset()


def strategy(
    *,
    calls: float | Callable[[Mapping[str, Param]], float],
    paper: str = "",
    needs: frozenset[str] = frozenset(),
    relays: bool = False,
    peers: Peers | None = None,
    helps: Collection[str] = (),
    hurts: Collection[str] = (),
) -> Callable[[Run], Strategy]:
    """Turn `async def name(ctx, *, param=default)` into a Strategy of that name."""

    def wrap(run: Run) -> Strategy:
        name = getattr(run, "__name__", "")
        keywords = [p for p in inspect.signature(run).parameters.values() if p.kind is p.KEYWORD_ONLY]
        params = {p.name: p.default for p in keywords}
        counted = calls if callable(calls) else (lambda _: float(calls))
        summary = (inspect.getdoc(run) or "").split("\n", 1)[0]
        told = frozenset(helps), frozenset(hurts)
        if unknown := (told[0] | told[1]) - set(CATEGORIES):
            raise ValueError(f"strategy {name}: unknown categories {sorted(unknown)}; there are {list(CATEGORIES)}")
        return Strategy(name, run, counted, needs, paper, summary, params, relays, peers, *told)

    return wrap


@cache
def load() -> Mapping[str, Strategy]:
    """Every strategy there is, by name: one for each module of the package that defines one of its own name."""
    found: dict[str, Strategy] = {}
    for folder in (strategies.__path__,):
        for entry in pkgutil.iter_modules(folder):
            if entry.ispkg:
                continue
            value = getattr(importlib.import_module(f"strategies.{entry.name}"), entry.name, None)
            if isinstance(value, Strategy):
                found[entry.name] = value
    return found


def find(name: str) -> Strategy:
    """The strategy of that name. Raises UnknownModel, naming those there are."""
    known = load()
    if name not in known:
        raise UnknownModel(f"unknown strategy {name!r}; there are {', '.join(sorted(known))}", param="model")
    return known[name]


__all__ = ["Context", "Param", "Peers", "Run", "Strategy", "find", "load", "strategy"]
