"""Builds the service from its arguments; nothing happens at import."""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from fastapi import FastAPI

from otel.inference import Telemetry
from service.api import chat, embeddings, health, metrics, models
from service.api.admin import documentation, login, monitoring, routes, static, trace
from service.api.admin.access import AdminGuard
from service.api.documentation import install_openapi
from service.api.errors import count_rejection, install_error_handlers
from service.api.lifespan import LifespanMiddleware
from service.api.middleware import AnswerMiddleware
from service.runtime import Parts, Runtime
from service.server.default import use_by_default
from service.server.options import STATE_KEY, ServerLimits, ServerOptions
from service.server.websockets import websocket_paths
from service.settings import Settings, SettingsError, environment, load_settings
from service.shutdown import on_stop_signal
from service.start_failures import EXIT_STATUS, start_failure
from service.targets import DEFAULT_PATH, Targets, TargetsError, load_targets

logger = logging.getLogger(__name__)

SWITCH_SECONDS = 0.0005
"""How long a thread may hold the interpreter while another waits for it."""


def create_app(
    settings: Settings | None = None,
    *,
    targets: Targets | None = None,
    telemetry: Telemetry | None = None,
    parts: Parts | None = None,
) -> FastAPI:
    """The service as an ASGI app.

    What is not given comes from the environment: settings, the targets file they name, and the
    telemetry that start-up installed. Raises `SystemExit` where that cannot be used, after one line
    in the log: it is the one exception that every server ends with, and without a traceback.
    """
    try:
        settings = settings or load_settings()
        targets = targets or _declared_targets(settings)
    except (SettingsError, TargetsError) as error:
        logger.critical("%s", start_failure(error))
        raise SystemExit(EXIT_STATUS) from None
    runtime = Runtime(settings, targets, telemetry or Telemetry.from_globals(), parts or Parts())
    app = FastAPI(
        title="Gaugeway",
        version="0.1.0",
        summary="An OpenAI-compatible gateway that tells what every request did and cost.",
        lifespan=_lifespan,
        # One SERVER span a request, none for its parts; start-up installs the exporters. Its log
        # records quote what callers sent; what nobody caught is written down by our middleware.
        telemetry={"operation_spans": False, "auto_configure": False, "logs": False},
        redirect_slashes=False,
        # Their pages load scripts from elsewhere; /openapi.json says all they would.
        docs_url=None,
        redoc_url=None,
    )
    app.state.runtime = runtime
    _add_routes(app)
    use_by_default()
    return app


def _declared_targets(settings: Settings) -> Targets:
    return load_targets(settings.targets or DEFAULT_PATH, credentials=environment())


def _add_routes(app: FastAPI) -> None:
    """What is answered, and by what every answer passes."""
    # The last one added is outermost.
    app.add_middleware(AdminGuard)
    runtime: Runtime = app.state.runtime
    app.add_middleware(AnswerMiddleware, content=runtime.telemetry.settings.capture.on_event)
    app.add_middleware(LifespanMiddleware)
    install_error_handlers(app)
    for module in (chat, embeddings, models, health, metrics):
        app.include_router(module.router)
    for module in (login, routes, monitoring, static, trace):
        app.include_router(module.router)
    install_openapi(app, documentation.schemas)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncGenerator[Mapping[str, Any]]:
    runtime: Runtime = app.state.runtime
    try:
        try:
            await runtime.start()
        except Exception as error:
            app.state.start_error = error
            raise
        with _short_stalls(), on_stop_signal(runtime.drain):
            yield {STATE_KEY: _server_options(app, runtime)}
    finally:
        await runtime.stop()


def _server_options(app: FastAPI, runtime: Runtime) -> ServerOptions:
    """What the server must know of this app."""
    settings, instruments = runtime.settings, runtime.telemetry.instruments
    return ServerOptions(
        ServerLimits(
            head_seconds=settings.head_timeout_seconds,
            # Routes that wait for a body by themselves say so, with a trace, before the server.
            body_seconds=settings.body_timeout_seconds + 1,
            keep_alive_seconds=settings.keep_alive_seconds,
        ),
        websocket_paths(app),
        lambda error: count_rejection(instruments, error),
    )


@contextmanager
def _short_stalls() -> Generator[None]:
    """Tune the interpreter for answering requests beside the threads that send telemetry.

    What start-up made stays: looking through it at every full garbage collection would stop all
    requests for a tenth of a second. And a sending thread that encodes a batch gives way tenfold
    sooner than by default, since a request waits for it whenever it comes back from the network.
    """
    interval = sys.getswitchinterval()
    gc.freeze()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        gc.unfreeze()
