"""The five packages wired together: settings in, a running engine with its store, models and embedder out."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
from fastapi import Depends, Request

from models.backend import Backend
from models.breaker import Breaker
from models.embedding import Embedder
from models.errors import BadSettings
from models.revision import digest_of
from router.catalog import Catalog
from router.costs import Costs
from router.engine import Engine
from router.pacing import Pacer
from router.policies import load_policy
from router.run import Tell
from router.sticky import Sticky
from router.trust import Trusted, trust
from router.types import Decision, Ended, Event, Policy
from router.unplaced import SIDE
from service import current, log
from service.discovering import Discovery
from service.documents import Documents
from service.fitted_files import contents, with_fitted
from service.following import Runs
from service.ground import Ground, grounded, opened_embedder
from service.ground import opened_store as _opened_store
from service.guarding import open_guards
from service.hearing import Hearing
from service.idle import open_idle
from service.keys import Guard
from service.metrics import Metrics
from service.model_pool import Pool
from service.news import Following
from service.sections import Settings
from service.versioned import serving
from service.watching import standing_of
from store import Store
from strategies.core.tasks import category_of
from strategies.mixture_of_prompts import covers

DOCUMENTS_WAIT = 3.0
"""Seconds that the start waits for the first documents to be read in; the rest comes while the service runs."""

END_WAIT = 5.0
"""Seconds that the end waits for cancelled runs to write their last event."""


@dataclass(frozen=True, slots=True)
class House:
    """Everything that is open while the service runs; `snapshot` is the digest that stands in its decisions' rows."""

    settings: Settings
    snapshot: str
    backends: dict[str, Backend]
    embedder: Embedder
    store: Store
    catalog: Catalog
    costs: Costs
    policy: Policy
    engine: Engine
    metrics: Metrics
    documents: Documents
    runs: Runs
    hearing: Hearing

    async def run(self, decision: Decision) -> AsyncGenerator[Event, None]:
        """The engine's run of the decision; while it goes, the house is not closed under it."""
        answer = None
        current.decided(decision.id)
        try:
            with self.runs.one():
                async with aclosing(self.engine.run(decision)) as events:
                    async for event in events:
                        if isinstance(event, Ended) and event.outcome.status == "ok":
                            answer = event.text
                        yield event
        finally:
            if decision.policy != SIDE:
                self.hearing.ended(decision, answer)


@asynccontextmanager
async def opened(
    settings: Settings, metrics: Metrics | None = None, guard: Guard | None = None
) -> AsyncIterator[House]:
    """Open models, embedder and store, fold the log into the policy and the costs; close it all at the end.

    `guard` is the one that requests pass, if there are any.
    """
    load_policy(settings.router.policy, settings.router.spec())  # what cannot be meant is told before all else
    async with grounded(settings, metrics, guard) as ground, furnished(settings, ground) as house:
        try:
            yield house
        finally:
            ground.pool.close()


@asynccontextmanager
async def furnished(settings: Settings, ground: Ground) -> AsyncIterator[House]:
    """A house with these settings on what is open already; there may be several on the same ground."""
    snapshot = await asyncio.to_thread(_snapshot, settings)
    settings = with_fitted(settings.model_copy(update={"models": dict(settings.models)}))  # models come and go
    embedder, store, metrics = ground.embedder, _learning(ground.store), ground.metrics
    async with AsyncExitStack() as stack:
        load_policy(settings.router.policy, settings.router.spec())
        router = (await asyncio.to_thread(serving, settings.router, store.policies)).settings
        policy = trust(load_policy(router.policy, router))
        breakers = list[Breaker]()
        backends = await ground.pool.open(settings, stack, breakers)
        discovery = Discovery(settings, backends, breakers)
        stack.push_async_callback(discovery.close)
        await discovery.begin()
        guards = await asyncio.to_thread(open_guards, settings, backends)
        pacer = Pacer.of(settings.router.params)
        costs = Costs({name: table.spec() for name, table in settings.models.items()})
        covered = covers(str(settings.strategies.params.get("mixture_of_prompts", {}).get("fitted", "")))
        catalog = Catalog(
            backends,
            settings.strategies.enabled,
            settings.strategies.params,
            store.offers,
            {name: frozenset({"prompts"}) for name in covered},
        )
        engine = Engine(
            backends,
            policy,
            embedder,
            catalog,
            costs,
            tell=_each(
                store.news.tell,
                store.recorder.tell,
                metrics.tell,
                ground.guard.tell,
                log.teller(prompts=settings.server.log_prompts),
                ground.traces.tell,
            ),
            library=store.library,
            memory=store.history,
            params=settings.strategies.params,
            pacer=pacer,
            sticky=Sticky.of(settings.router.params),
            guards=guards,
            settings=router,
            most_seconds=settings.server.max_seconds,
            snapshot=snapshot,
        )
        await category_of(np.zeros(embedder.size, np.float32), embedder)  # the first question waits for nothing
        _check_default(settings, catalog)
        newest = await asyncio.to_thread(_fold, store, policy, costs, pacer)
        documents = Documents(store.library, settings.knowledge.documents)
        stack.push_async_callback(documents.close)
        documents.start()
        await documents.wait(DOCUMENTS_WAIT)
        runs = Runs()
        hearing = Hearing(store.ratings, engine.learn, engine.turns, metrics)
        stack.push_async_callback(hearing.close, END_WAIT)
        stack.push_async_callback(runs.ended, END_WAIT)
        news = Following(store, engine.turns, settings.store.poll_seconds)
        stack.push_async_callback(news.close)
        news.start()
        idle = open_idle(settings, engine, store, embedder.name, backends, runs)
        stack.push_async_callback(idle.close)
        idle.start()
        discovery.start(catalog.renew)
        metrics.watch(standing_of(backends, store, policy))
        store.news.follow(newest, engine.learn)
        yield House(
            settings,
            snapshot,
            backends,
            embedder,
            store,
            catalog,
            costs,
            policy,
            engine,
            metrics,
            documents,
            runs,
            hearing,
        )


@asynccontextmanager
async def opened_store(settings: Settings) -> AsyncIterator[Store]:
    """The store alone, for commands that ask no model."""
    async with AsyncExitStack() as stack:
        _, store = await _opened_store(settings, stack)
        yield store


@dataclass(frozen=True, slots=True)
class Bench:
    """The models and the embedder alone."""

    backends: Mapping[str, Backend]
    embedder: Embedder


@asynccontextmanager
async def opened_models(settings: Settings) -> AsyncIterator[Bench]:
    """The models and the embedder, for commands that keep no log. Raises BadSettings, ModelUnavailable."""
    async with AsyncExitStack() as stack:
        embedder = await opened_embedder(settings, stack)
        yield Bench(await Pool().open(settings, stack, []), embedder)


async def house_of(request: Request) -> House:  # async: else each request waits for a thread
    """The house that the app of this request opened."""
    house: House = request.app.state.houses.now
    return house


HouseOf = Annotated[House, Depends(house_of)]


def _snapshot(settings: Settings) -> str:
    """A short digest of the settings, keys aside, and of fitted files: which ones a decision was taken under.

    Of the settings as they were read, so that it is the same whichever models are found on servers.
    """
    read = settings.model_dump(mode="json", exclude={"server": {"api_keys"}})
    return digest_of({**read, "fitted": contents(settings)})


def _learning(store: Store) -> Store:
    """The store for one house: what another one on the same ground is told still is news to it."""
    news = store.news.another()
    return replace(store, news=news, ratings=store.ratings.through(news))


def _fold(store: Store, policy: Trusted, costs: Costs, pacer: Pacer) -> int:
    """Come back to what the log knows; returns the last row of feedback that was learned."""
    newest = store.news.newest()
    policy.recall(store.history.feedback(until=newest))
    for outcome in store.history.outcomes():
        costs.learn(outcome)
        pacer.learn(outcome)
    return newest


def _check_default(settings: Settings, catalog: Catalog) -> None:
    """Whether `router.default_arm` can come to be; an arm that waits for documents is not there at once."""
    named = settings.router.default_arm
    known = [f"{strategy}@{model}" for model in settings.models for strategy in sorted(catalog.strategies)]
    if named is not None and named not in known:
        raise BadSettings(f"router.default_arm = {named!r} is unknown; there are {', '.join(known)}")


def _each(*tells: Tell) -> Tell:
    def tell(decision_id: str, event: Event) -> None:
        for one in tells:
            one(decision_id, event)

    return tell
