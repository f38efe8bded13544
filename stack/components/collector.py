"""The Collector: takes telemetry from the service and hands it to the backends."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from stack.components.component import Component, Process
from stack.credentials import TlsMaterial
from stack.probes import HttpProbe
from stack.settings import Settings

# Longer than its batches wait, so that what it holds reaches the backends before it ends.
_STOP_SECONDS = 20
_FROM_OPERATOR = ("GAUGEWAY_COLLECTOR_MEMORY_MIB", "GAUGEWAY_COLLECTOR_DEBUG", "GAUGEWAY_HOST_ROOT")


def collector(
    settings: Settings,
    binaries: Mapping[str, Path],
    version: str,
    tls: TlsMaterial | None,
    redis_url: str,
) -> Component:
    """Return the Collector with base.yaml and the environment's file over it."""
    directory = settings.checkout / "collector"
    configs = (directory / "base.yaml", directory / f"{settings.environment}.yaml")
    return Component(
        name="collector",
        origin="managed",
        url=settings.otlp_http_url,
        probe=HttpProbe(settings.url("collector_health"), version=version),
        process=Process(
            command=(
                str(binaries["collector"]),
                *(argument for path in configs for argument in ("--config", str(path))),
            ),
            directory=settings.home.path,
            environment={**_addresses(settings), **_security(settings, tls)},
            private_environment=_redis(redis_url),
            after=("prometheus", "loki", "tempo"),
            ports=("otlp_grpc", "otlp_http", "collector_health", "collector_metrics"),
            stop_seconds=_STOP_SECONDS,
        ),
    )


def _addresses(settings: Settings) -> dict[str, str]:
    ports = settings.ports
    given = {
        name: settings.inherited[name] for name in _FROM_OPERATOR if name in settings.inherited
    }
    return {
        "GAUGEWAY_ENV": settings.environment,
        "GAUGEWAY_BIND_ADDRESS": "127.0.0.1",
        "GAUGEWAY_OTLP_GRPC_PORT": str(ports.otlp_grpc),
        "GAUGEWAY_OTLP_HTTP_PORT": str(ports.otlp_http),
        "GAUGEWAY_COLLECTOR_HEALTH_PORT": str(ports.collector_health),
        "GAUGEWAY_COLLECTOR_METRICS_PORT": str(ports.collector_metrics),
        "GAUGEWAY_COLLECTOR_DATA": str(settings.home.data("collector")),
        "GAUGEWAY_SERVICE_URL": settings.url("service"),
        "GAUGEWAY_TEMPO_OTLP_URL": settings.url("tempo_otlp"),
        "GAUGEWAY_PROMETHEUS_URL": settings.url("prometheus"),
        "GAUGEWAY_LOKI_URL": settings.url("loki"),
        **given,
    }


def _security(settings: Settings, tls: TlsMaterial | None) -> dict[str, str]:
    if tls is None:
        return {}
    return {
        "GAUGEWAY_COLLECTOR_TLS_CERT": str(tls.certificate),
        "GAUGEWAY_COLLECTOR_TLS_KEY": str(tls.key),
        "GAUGEWAY_COLLECTOR_TOKEN_FILE": str(tls.token_file),
    }


def _redis(url: str) -> dict[str, str]:
    """Return Redis's address as the Collector's receiver wants it; it may hold a password."""
    parts = urlsplit(url)
    password = {"GAUGEWAY_REDIS_PASSWORD": unquote(parts.password)} if parts.password else {}
    if parts.scheme == "unix":
        return {
            "GAUGEWAY_REDIS_ADDRESS": parts.path,
            "GAUGEWAY_REDIS_TRANSPORT": "unix",
            **password,
        }
    address = f"{parts.hostname or '127.0.0.1'}:{parts.port or 6379}"
    return {"GAUGEWAY_REDIS_ADDRESS": address, **password}
