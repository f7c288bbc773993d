"""What stays while the settings change: embedder, store, keys, metrics, traces, and the models that are open."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from models.embedding import Embedder, open_embedder
from service.keys import Guard
from service.metrics import Metrics
from service.model_pool import Pool
from service.otlp import Traces, open_traces
from service.retention import Forgetting
from service.sections import Settings
from store import Store, open_store
from store.keys import Keys
from store.retention import Retention


@dataclass(frozen=True, slots=True)
class Ground:
    """Everything that is opened once, when the service starts."""

    embedder: Embedder
    store: Store
    guard: Guard
    metrics: Metrics
    traces: Traces
    pool: Pool


@asynccontextmanager
async def grounded(
    settings: Settings, metrics: Metrics | None = None, guard: Guard | None = None
) -> AsyncIterator[Ground]:
    """Open it all and close it at the end. `guard` is the one that requests pass, if there are any."""
    async with AsyncExitStack() as stack:
        embedder, store = await opened_store(settings, stack)
        guard = guard or Guard()
        stack.push_async_callback(guard.close)
        await guard.open(Keys(store.database))
        traces = open_traces(settings)
        stack.push_async_callback(traces.close)
        forgetting = Forgetting(Retention(store.database), store.history.forget, settings.store.retention_days)
        stack.push_async_callback(forgetting.close)
        forgetting.start()
        yield Ground(embedder, store, guard, metrics or Metrics(), traces, Pool())


async def opened_embedder(settings: Settings, stack: AsyncExitStack) -> Embedder:
    """The embedder; the stack closes it."""
    table = settings.embedder
    embedder = await asyncio.to_thread(open_embedder, table.path or table.name, fast=table.fast, cache=table.cache)
    stack.push_async_callback(embedder.close)
    return embedder


async def opened_store(settings: Settings, stack: AsyncExitStack) -> tuple[Embedder, Store]:
    """The embedder and the store over it; the stack closes them."""
    embedder = await opened_embedder(settings, stack)
    spool = None if settings.store.spool is None else Path(settings.store.spool)
    store = await asyncio.to_thread(
        open_store,
        settings.store.url,
        embedder,
        spool,
        settings.knowledge.habits(),
        settings.store.redaction(),
        settings.store.wait_seconds,
    )
    stack.push_async_callback(store.close)
    return embedder, store
