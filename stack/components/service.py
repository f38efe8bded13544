"""The service: Gaugeway's own gateway, instrumented at start-up."""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path

from stack.components.component import Component, Process
from stack.credentials import TlsMaterial
from stack.probes import HttpProbe
from stack.settings import Settings

# Ending requests under way takes it 2 s, flushing its telemetry 5 s at most.
_STOP_SECONDS = 15
# The demo, and a curious person, ask the simulated provider for faults and name components.
_DEV_DEFAULTS = {
    "GAUGEWAY_SIMULATE_CONTROL": "1",
    "GAUGEWAY_COMPONENTS": "assistant,search,summary",
}


def service(
    settings: Settings,
    redis_url: str,
    tls: TlsMaterial | None,
    scrape_token: Path | None,
    *,
    grafana: bool = False,
) -> Component:
    """Return the service, sending its telemetry to this stack's Collector.

    `grafana`: there is one in this stack, which its operations page can lead to.
    """
    url = settings.url("service")
    return Component(
        name="service",
        origin="managed",
        url=url,
        probe=HttpProbe(f"{url}/readyz", version=importlib.metadata.version("gaugeway")),
        process=Process(
            command=_command(settings),
            directory=settings.checkout,
            private_environment={
                **settings.inherited,
                **_own_settings(settings, redis_url, scrape_token),
                **_places(settings, grafana=grafana),
                **_export(settings, tls),
            },
            after=("collector", "redis"),
            ports=("service",),
            stop_seconds=_STOP_SECONDS,
        ),
    )


def _command(settings: Settings) -> tuple[str, ...]:
    scripts = Path(sys.executable).parent
    return (
        str(scripts / "opentelemetry-instrument"),
        # uvicorn's command line, with a supervisor that waits for no worker.
        *(sys.executable, "-m", "service.server"),
        "--factory",
        "service.app:create_app",
        *("--host", "127.0.0.1"),
        *("--port", str(settings.ports.service)),
        *("--workers", str(settings.workers)),
        # A worker that still starts on a busy machine is not hung: after 5 s, the default, it is
        # killed, so that on a machine that stays busy none ever comes up.
        *("--timeout-worker-healthcheck", "30"),
        # Requests are spans and metrics; a line for each would say it a third time.
        "--no-access-log",
    )


def _own_settings(settings: Settings, redis_url: str, scrape_token: Path | None) -> dict[str, str]:
    values = {
        "GAUGEWAY_ENV": settings.environment,
        "GAUGEWAY_HOME": str(settings.home.path),
        "GAUGEWAY_SERVICE_PORT": str(settings.ports.service),
        # The virtual environment's programs, for whatever the service starts itself.
        "PATH": f"{Path(sys.executable).parent}:{settings.inherited.get('PATH', '/usr/bin:/bin')}",
    }
    if redis_url:
        values["REDIS_URL"] = redis_url
    if scrape_token and "GAUGEWAY_SCRAPE_TOKEN" not in settings.inherited:
        values.setdefault("GAUGEWAY_SCRAPE_TOKEN_FILE", str(scrape_token))
    if settings.environment == "dev":
        for name, value in _DEV_DEFAULTS.items():
            values[name] = settings.inherited.get(name) or value
    return values


def _places(settings: Settings, *, grafana: bool) -> dict[str, str]:
    """Where the operations page reads and links traces, and what /api/health looks at.

    The operator's own words come first.
    """
    values = {
        f"GAUGEWAY_{name.upper()}_URL": settings.url(name)
        for name in ("prometheus", "loki", "tempo")
    }
    if grafana:
        values["GAUGEWAY_GRAFANA_URL"] = settings.url("grafana")
    return {name: settings.inherited.get(name) or value for name, value in values.items()}


def _export(settings: Settings, tls: TlsMaterial | None) -> dict[str, str]:
    values = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": settings.otlp_http_url,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    }
    if tls is not None:
        values["OTEL_EXPORTER_OTLP_CERTIFICATE"] = str(tls.authority)
        # Header values are percent-encoded in this variable: %20 is the blank.
        values["OTEL_EXPORTER_OTLP_HEADERS"] = f"authorization=Bearer%20{tls.token}"
    return values
