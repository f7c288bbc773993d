"""The five packages wired together: settings in, a running engine with its store, models and embedder out."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from fastapi import Depends, Request

from models.backend import Backend, connect
from models.embedding import Embedder, open_embedder
from models.errors import BadSettings, ModelUnavailable
from models.limits import limit
from models.memory import LEDGER
from router.catalog import Catalog
from router.costs import Costs
from router.engine import Engine
from router.pacing import Pacer
from router.policies import load_policy
from router.run import Tell
from router.sticky import Sticky
from router.trust import Trusted, trust
from router.types import Decision, Ended, Event, Policy
from service import log
from service.documents import Documents
from service.fitted_files import with_fitted
from service.following import Runs
from service.guarding import open_guards
from service.hearing import Hearing
from service.idle import open_idle
from service.metrics import Metrics
from service.sections import ModelTable, Settings
from service.versioned import serving
from store import Store, open_store
from strategies.core.tasks import category_of
from strategies.mixture_of_prompts import covers

DOCUMENTS_WAIT = 3.0
"""Seconds that the start waits for the first documents to be read in; the rest comes while the service runs."""

END_WAIT = 5.0
"""Seconds that the end waits for cancelled runs to write their last event."""


@dataclass(frozen=True, slots=True)
class House:
    """Everything that is open while the service runs."""

    settings: Settings
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
        try:
            with self.runs.one():
                async with aclosing(self.engine.run(decision)) as events:
                    async for event in events:
                        if isinstance(event, Ended) and event.outcome.status == "ok":
                            answer = event.text
                        yield event
        finally:
            self.hearing.ended(decision, answer)


@asynccontextmanager
async def opened(settings: Settings, metrics: Metrics | None = None) -> AsyncIterator[House]:
    """Open models, embedder and store, fold the log into the policy and the costs; close it all at the end."""
    settings = with_fitted(settings)
    async with AsyncExitStack() as stack:
        load_policy(settings.router.policy, settings.router.spec())  # what cannot be meant is told before all else
        embedder, store = await _opened_store(settings, stack)
        router = (await asyncio.to_thread(serving, settings.router, store.policies)).settings
        policy = trust(load_policy(router.policy, router))
        backends = await _opened_models(settings, stack)
        guards = await asyncio.to_thread(open_guards, settings, backends)
        metrics, pacer = metrics or Metrics(), Pacer.of(settings.router.params)
        costs = Costs({name: table.spec() for name, table in settings.models.items()})
        metrics.watch(lambda: store.recorder.pending, lambda: store.recorder.lost)
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
            tell=_each(store.recorder.tell, metrics.tell, log.tell),
            library=store.library,
            memory=store.history,
            params=settings.strategies.params,
            pacer=pacer,
            sticky=Sticky.of(settings.router.params),
            guards=guards,
            settings=router,
        )
        await category_of(np.zeros(embedder.size, np.float32), embedder)  # the first question waits for nothing
        await asyncio.to_thread(_fold, store, policy, costs, pacer)
        documents = Documents(store.library, settings.knowledge.documents)
        stack.push_async_callback(documents.close)
        documents.start()
        await documents.wait(DOCUMENTS_WAIT)
        _check_default(settings, catalog)
        runs = Runs()
        hearing = Hearing(store.ratings, engine.learn, engine.turns, metrics)
        stack.push_async_callback(hearing.close, END_WAIT)
        stack.push_async_callback(runs.ended, END_WAIT)
        idle = open_idle(settings, engine, store, embedder.name, backends, runs)
        stack.push_async_callback(idle.close)
        idle.start()
        yield House(
            settings,
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
        embedder = await _opened_embedder(settings, stack)
        yield Bench(await _opened_models(settings, stack), embedder)


def house_of(request: Request) -> House:
    """The house that the app of this request opened."""
    house: House = request.app.state.house
    return house


HouseOf = Annotated[House, Depends(house_of)]


async def _opened_embedder(settings: Settings, stack: AsyncExitStack) -> Embedder:
    table = settings.embedder
    embedder = await asyncio.to_thread(open_embedder, table.path or table.name, fast=table.fast, cache=table.cache)
    stack.push_async_callback(embedder.close)
    return embedder


async def _opened_store(settings: Settings, stack: AsyncExitStack) -> tuple[Embedder, Store]:
    embedder = await _opened_embedder(settings, stack)
    spool = None if settings.store.spool is None else Path(settings.store.spool)
    store = await asyncio.to_thread(open_store, settings.store.url, embedder, spool, settings.knowledge.habits())
    stack.push_async_callback(store.close)
    return embedder, store


def _is_expert(table: ModelTable) -> bool:
    """Whether a model is an adapter, which takes next to no memory beside its base."""
    return table.path is not None and (Path(table.path) / "adapter_config.json").is_file()


async def _opened_models(settings: Settings, stack: AsyncExitStack) -> dict[str, Backend]:
    """The models, off the loop and one after another: transformers cannot load two at once in one process."""
    backends = {}
    here = sum(table.backend == "in_process" and not _is_expert(table) for table in settings.models.values())
    LEDGER.allow(settings.server.model_memory_gb, here)
    for name, table in settings.models.items():
        spec = table.spec()
        try:
            backends[name] = limit(await asyncio.to_thread(connect, name, spec), spec)
        except ModelUnavailable as error:
            raise BadSettings(f"models.{name}: {error}", param=f"models.{name}") from error
        stack.push_async_callback(backends[name].close)
    return backends


def _fold(store: Store, policy: Trusted, costs: Costs, pacer: Pacer) -> None:
    """Come back to what the log knows."""
    policy.recall(store.history.feedback())
    for outcome in store.history.outcomes():
        costs.learn(outcome)
        pacer.learn(outcome)


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
