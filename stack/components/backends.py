"""Prometheus, Loki, Tempo and Alertmanager: where telemetry is kept.

Their configuration is the same as in containers (backends/*.yaml); what differs between machines
they take from variables and flags, stated at the top of each file. Alertmanager's is written at
each start, with the receivers that are there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from stack.components.alerting import (
    alertmanager_file,
    links_of_notifications,
    loki_alerts,
    relink,
)
from stack.components.component import Component, Process
from stack.home import private_directory
from stack.probes import HttpProbe
from stack.settings import Settings

BINARIES = ("prometheus", "loki", "tempo", "alertmanager")
_ADDRESS = "127.0.0.1"
# Everything is written to disk within this time of being asked to stop, on a slow disk too.
_STOP_SECONDS = 20
# Tempo has everything on disk in a second, but where a trace was looked up in the last half minute
# its query queue, though empty, never lets it end (2.8): then it is ended.
_TEMPO_STOP_SECONDS = 5
_FEATURES = "exemplar-storage,created-timestamp-zero-ingestion"


def prometheus(settings: Settings, binaries: Mapping[str, Path]) -> Component:
    """Return Prometheus, which takes metrics over OTLP and scrapes the infrastructure."""
    url = settings.url("prometheus")
    inherited = settings.inherited
    return Component(
        name="prometheus",
        origin="managed",
        url=url,
        probe=HttpProbe(f"{url}/-/ready", f"{url}/api/v1/status/buildinfo", ("data", "version")),
        process=Process(
            command=(
                str(binaries["prometheus"]),
                f"--config.file={prometheus_directory(settings) / 'prometheus.yaml'}",
                f"--web.listen-address={_ADDRESS}:{settings.ports.prometheus}",
                f"--storage.tsdb.path={settings.home.data('prometheus')}",
                "--storage.tsdb.retention.time="
                + inherited.get("GAUGEWAY_PROMETHEUS_RETENTION", "31d"),
                "--storage.tsdb.retention.size="
                + inherited.get("GAUGEWAY_PROMETHEUS_RETENTION_SIZE", "10GB"),
                "--web.enable-otlp-receiver",
                "--web.enable-lifecycle",
                f"--enable-feature={_FEATURES}",
                "--log.level=warn",
            ),
            directory=settings.home.path,
            environment=links_of_notifications(settings),
            ports=("prometheus",),
            stop_seconds=_STOP_SECONDS,
        ),
    )


def loki(settings: Settings, binaries: Mapping[str, Path]) -> Component:
    """Return Loki, which takes logs over OTLP."""
    url = settings.url("loki")
    return Component(
        name="loki",
        origin="managed",
        url=url,
        probe=HttpProbe(f"{url}/ready", f"{url}/loki/api/v1/status/buildinfo", ("version",)),
        process=Process(
            command=_expanded(settings, binaries, "loki"),
            directory=settings.home.path,
            environment={
                "GAUGEWAY_BIND_ADDRESS": _ADDRESS,
                "GAUGEWAY_LOKI_PORT": str(settings.ports.loki),
                "GAUGEWAY_LOKI_GRPC_PORT": str(settings.ports.loki_grpc),
                "GAUGEWAY_LOKI_DATA": str(settings.home.data("loki")),
                "GAUGEWAY_LOKI_ALERTS": str(loki_alerts(settings)),
                "GAUGEWAY_ALERTMANAGER_URL": settings.url("alertmanager"),
                **links_of_notifications(settings),
                **_given(settings, "GAUGEWAY_LOKI_RETENTION"),
            },
            ports=("loki", "loki_grpc"),
            stop_seconds=_STOP_SECONDS,
        ),
    )


def tempo(settings: Settings, binaries: Mapping[str, Path]) -> Component:
    """Return Tempo, which takes traces over OTLP/HTTP."""
    url = settings.url("tempo")
    return Component(
        name="tempo",
        origin="managed",
        url=url,
        probe=HttpProbe(f"{url}/ready", f"{url}/api/status/buildinfo", ("version",)),
        process=Process(
            command=_expanded(settings, binaries, "tempo"),
            directory=settings.home.path,
            environment={
                "GAUGEWAY_BIND_ADDRESS": _ADDRESS,
                "GAUGEWAY_TEMPO_PORT": str(settings.ports.tempo),
                "GAUGEWAY_TEMPO_GRPC_PORT": str(settings.ports.tempo_grpc),
                "GAUGEWAY_TEMPO_OTLP_PORT": str(settings.ports.tempo_otlp),
                "GAUGEWAY_TEMPO_DATA": str(settings.home.data("tempo")),
                **_given(settings, "GAUGEWAY_TEMPO_RETENTION"),
            },
            ports=("tempo", "tempo_grpc", "tempo_otlp"),
            stop_seconds=_TEMPO_STOP_SECONDS,
        ),
    )


def alertmanager(settings: Settings, binaries: Mapping[str, Path]) -> Component:
    """Return Alertmanager, which groups alerts and notifies."""
    url = settings.url("alertmanager")
    return Component(
        name="alertmanager",
        origin="managed",
        url=url,
        probe=HttpProbe(f"{url}/-/ready", f"{url}/api/v2/status", ("versionInfo", "version")),
        process=Process(
            command=(
                str(binaries["alertmanager"]),
                f"--config.file={alertmanager_file(settings)}",
                f"--web.listen-address={_ADDRESS}:{settings.ports.alertmanager}",
                f"--storage.path={settings.home.data('alertmanager')}",
                "--cluster.listen-address=",
                "--log.level=warn",
            ),
            directory=settings.home.path,
            ports=("alertmanager",),
        ),
    )


def prometheus_directory(settings: Settings) -> Path:
    """Return where Prometheus's configuration lies natively."""
    return settings.home.config / "prometheus"


def write_prometheus_directory(settings: Settings) -> None:
    """Lay prometheus.yaml beside target files with this stack's own addresses.

    Prometheus expands no variables and resolves paths from where its configuration lies, so the
    file itself stays the one of the checkout and only its neighbours differ.
    """
    directory = private_directory(prometheus_directory(settings))
    targets = private_directory(directory / "targets")
    relink(directory / "prometheus.yaml", settings.checkout / "backends" / "prometheus.yaml")
    relink(directory / "rules", settings.checkout / "backends" / "rules")
    scraped = {
        "prometheus": settings.ports.prometheus,
        "collector": settings.ports.collector_metrics,
        "loki": settings.ports.loki,
        "tempo": settings.ports.tempo,
        "alertmanager": settings.ports.alertmanager,
    }
    # JSON is YAML, and needs no quoting rules of our own.
    groups = [
        {"targets": [f"{_ADDRESS}:{port}"], "labels": {"job": name}}
        for name, port in scraped.items()
    ]
    (targets / "scrape.yaml").write_text(json.dumps(groups, indent=1))
    alerts = [{"targets": [f"{_ADDRESS}:{settings.ports.alertmanager}"]}]
    (targets / "alertmanager.yaml").write_text(json.dumps(alerts, indent=1))


def _expanded(settings: Settings, binaries: Mapping[str, Path], name: str) -> tuple[str, ...]:
    config = settings.checkout / "backends" / f"{name}.yaml"
    return (str(binaries[name]), f"-config.file={config}", "-config.expand-env=true")


def _given(settings: Settings, *variables: str) -> dict[str, str]:
    return {name: settings.inherited[name] for name in variables if name in settings.inherited}
