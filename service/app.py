"""The application: settings in, the routes of the whole product over one opened house out."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from models.errors import PointsmanError
from service import (
    VERSION,
    decisions_api,
    embeddings_api,
    errors,
    feedback_api,
    feedback_form,
    health_api,
    knowledge_api,
    models_api,
    openai_api,
    pages,
    responses_api,
    router_api,
)
from service.door import Door
from service.gate import Gate
from service.ground import grounded
from service.hosts import Hosts
from service.keys import Guard
from service.lane import Lane
from service.metrics import Metrics
from service.paths import Paths
from service.reloading import Houses
from service.sections import Settings
from service.shedding import Load, Shedding

PARTS = (
    openai_api,
    responses_api,
    models_api,
    embeddings_api,
    router_api,
    feedback_api,
    feedback_form,
    decisions_api,
    knowledge_api,
    health_api,
)
SHOWN = ["x-request-id", "x-pointsman-arm", "x-pointsman-policy", "x-pointsman-overhead-ms", "retry-after"]


def create_app(settings: Settings, again: Callable[[], Settings] | None = None, *, restarted: bool = False) -> FastAPI:
    """The service for these settings; it opens its house when it starts and closes it when it ends.

    `again` reads the settings once more, for a reload; one that is `restarted` does so at once.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            async with grounded(settings, metrics, guard) as ground:
                app.state.houses = houses = Houses(ground, settings, again, restarted=restarted)
                try:
                    await houses.open()
                    yield
                finally:
                    await houses.close()
        except PointsmanError as error:
            app.state.failure = error  # for the command, which tells it in one line
            raise

    metrics, guard = Metrics(VERSION), Guard(settings.server.api_keys)
    app = FastAPI(title="Pointsman", version=VERSION, lifespan=lifespan, docs_url=None, redoc_url=None)
    load = app.state.load = Load(settings.server.max_in_flight, settings.server.shed_at_memory)
    app.state.guard = guard
    app.add_middleware(Lane)
    app.add_middleware(Shedding, load=load)
    app.add_middleware(
        Gate,
        guard=guard,
        hosts=Hosts.of(settings.server),
        max_body=int(settings.server.max_body_mb * 1024 * 1024),
        requests=metrics.requests,
    )
    if settings.server.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.server.cors_origins,
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=SHOWN,
        )
    app.add_middleware(
        Door,
        in_progress=metrics.in_progress,
        rejected=metrics.rejected,
        access_log=settings.server.access_log,
    )
    app.add_middleware(Paths, routes=[getattr(route, "path", "") for part in PARTS for route in part.router.routes])
    errors.install(app)
    for part in PARTS:
        app.include_router(part.router)
    pages.install(app)
    return app
