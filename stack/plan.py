"""The plan of a stack: its parts, decided from the settings and what this machine has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from stack.binaries import COMPONENTS
from stack.components.alerting import write_alerting
from stack.components.backends import (
    BINARIES,
    alertmanager,
    loki,
    prometheus,
    prometheus_directory,
    tempo,
    write_prometheus_directory,
)
from stack.components.collector import collector
from stack.components.component import NAMES, Component
from stack.components.grafana import find_grafana, grafana
from stack.components.redis import choose_redis, redis
from stack.components.service import service
from stack.credentials import TlsMaterial, secret_file, tls_material
from stack.home import private_directory
from stack.settings import Settings

MANAGER = "process-compose"
GRAFANA_LOGIN = "grafana-admin-password"
NEEDED_BINARIES = (MANAGER, *BINARIES, "collector")


@dataclass(frozen=True, slots=True)
class Credentials:
    """The files that parts of a stack authenticate with; None where nothing needs them."""

    tls: TlsMaterial | None = None
    grafana_password: Path | None = None
    scrape_token: Path | None = None


def plan(
    settings: Settings, binaries: Mapping[str, Path], credentials: Credentials
) -> tuple[Component, ...]:
    """Return every part in the order it is shown; reads the machine, writes nothing."""
    choice = choose_redis(settings)
    version = next(part.version for part in COMPONENTS if part.name == "collector")
    installed = find_grafana(settings)
    parts = (
        service(
            settings,
            choice.url,
            credentials.tls,
            credentials.scrape_token,
            grafana=installed is not None and credentials.grafana_password is not None,
        ),
        redis(settings, choice),
        collector(settings, binaries, version, credentials.tls, choice.url),
        prometheus(settings, binaries),
        loki(settings, binaries),
        tempo(settings, binaries),
        alertmanager(settings, binaries),
        grafana(settings, installed, credentials.grafana_password),
    )
    return tuple(sorted(parts, key=lambda part: NAMES.index(part.name)))


def outlook(settings: Settings) -> tuple[Component, ...]:
    """Return the plan for looking at a stack only: nothing is built, made or written."""
    binaries = {name: Path(name) for name in NEEDED_BINARIES}
    password = settings.home.secrets / GRAFANA_LOGIN
    return plan(settings, binaries, Credentials(grafana_password=password))


def make_credentials(settings: Settings) -> Credentials:
    """Make, or find, the secrets and certificates this stack needs."""
    home = settings.home
    return Credentials(
        tls=tls_material(home, settings.tls, datetime.now(UTC)) if settings.secured else None,
        grafana_password=secret_file(home, GRAFANA_LOGIN),
        scrape_token=secret_file(home, "scrape-token") if settings.secured else None,
    )


def lay_out(settings: Settings, parts: tuple[Component, ...]) -> None:
    """Make the directories and configuration files that the parts expect to find.

    Raises `AlertingError` where nobody could be notified as the settings say.
    """
    settings.home.prepare()
    for part in parts:
        if part.process is not None:
            private_directory(settings.home.data(part.name))
    write_prometheus_directory(settings)
    started = {part.name for part in parts if part.process is not None}
    if "alertmanager" in started:
        write_alerting(settings, prometheus_directory(settings), grafana="grafana" in started)
