"""Builds the service from its arguments; nothing happens at import."""

from __future__ import annotations

import gc
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from otel.inference import Telemetry
from service.api import chat, embeddings, health, metrics, models
from service.api.documentation import install_openapi
from service.api.errors import install_error_handlers
from service.api.middleware import AnswerMiddleware
from service.runtime import Parts, Runtime
from service.settings import Settings, environment, load_settings
from service.shutdown import on_stop_signal
from service.targets import DEFAULT_PATH, Targets, load_targets

logger = logging.getLogger(__name__)


def create_app(
    settings: Settings | None = None,
    *,
    targets: Targets | None = None,
    telemetry: Telemetry | None = None,
    parts: Parts | None = None,
) -> FastAPI:
    """The service as an ASGI app.

    What is not given comes from the environment: settings, the targets file they name, and the
    telemetry that start-up installed. Raises `SettingsError` or `TargetsError`.
    """
    settings = settings or load_settings()
    runtime = Runtime(
        settings,
        targets or load_targets(settings.targets or DEFAULT_PATH, credentials=environment()),
        telemetry or Telemetry.from_globals(),
        parts or Parts(),
    )
    app = FastAPI(
        title="Gaugeway",
        version="0.1.0",
        summary="An OpenAI-compatible gateway that tells what every request did and cost.",
        lifespan=_lifespan,
        # One SERVER span a request, none for its parts; start-up installs the exporters.
        telemetry={"operation_spans": False, "auto_configure": False},
        redirect_slashes=False,
        # Their pages load scripts from elsewhere; /openapi.json says all they would.
        docs_url=None,
        redoc_url=None,
    )
    app.state.runtime = runtime
    app.add_middleware(AnswerMiddleware)
    install_error_handlers(app)
    for module in (chat, embeddings, models, health, metrics):
        app.include_router(module.router)
    install_openapi(app)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncGenerator[None]:
    runtime: Runtime = app.state.runtime
    try:
        await runtime.start()
        # What start-up made stays. Looking through it at every full garbage collection would stop
        # all requests for a tenth of a second each time.
        gc.freeze()
        with on_stop_signal(runtime.drain):
            yield
    finally:
        gc.unfreeze()
        await runtime.stop()
