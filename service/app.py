"""The application: settings in, the routes of the whole product over one opened house out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from models.errors import PointsmanError
from service import (
    decisions_api,
    embeddings_api,
    errors,
    feedback_api,
    health_api,
    knowledge_api,
    models_api,
    openai_api,
    pages,
    router_api,
)
from service.gate import Gate
from service.house import opened
from service.metrics import Metrics
from service.sections import Settings

VERSION = "0.1.0"
PARTS = (
    openai_api,
    models_api,
    embeddings_api,
    router_api,
    feedback_api,
    decisions_api,
    knowledge_api,
    health_api,
)
SHOWN = ["x-request-id", "x-pointsman-arm", "x-pointsman-policy", "x-pointsman-overhead-ms"]


def create_app(settings: Settings) -> FastAPI:
    """The service for these settings; it opens its house when it starts and closes it when it ends."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            async with opened(settings, metrics) as app.state.house:
                yield
        except PointsmanError as error:
            app.state.failure = error  # for the command, which tells it in one line
            raise

    metrics = Metrics()
    app = FastAPI(title="Pointsman", version=VERSION, lifespan=lifespan, docs_url=None, redoc_url=None)
    app.add_middleware(
        Gate,
        keys=settings.server.api_keys,
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
    errors.install(app)
    for part in PARTS:
        app.include_router(part.router)
    pages.install(app)
    return app
