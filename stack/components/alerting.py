"""Who evaluates alerts and who is told of them: laid out before a stack starts.

Prometheus, Loki and Grafana each find alert rules in a folder; the one of those who do not evaluate
is empty, so that nothing notifies twice.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from stack.home import private_directory
from stack.settings import Settings

_WRITER = "grafana.alerts.notifications"
_WRITER_SECONDS = 60
# Loki's tenant where there is but one.
_TENANT = "fake"


class AlertingError(RuntimeError):
    """Nobody could be notified as the settings say; the message says why."""


def alertmanager_file(settings: Settings) -> Path:
    """Return the configuration that Alertmanager runs with."""
    return _alertmanager(settings) / "alertmanager.yaml"


def loki_alerts(settings: Settings) -> Path:
    """Return the folder where Loki's ruler finds a folder of rules for each tenant."""
    return settings.home.config / "loki" / "alerts"


def grafana_provisioning(settings: Settings) -> Path:
    """Return the folder of everything that Grafana is provisioned with."""
    return settings.home.config / "grafana"


def grafana_alerting(settings: Settings) -> Path:
    """Return its part about alerts, and how mail is sent, a setting a file."""
    return grafana_provisioning(settings) / "alerting"


def links_of_notifications(settings: Settings) -> dict[str, str]:
    """Return the variables by which notifications lead to Grafana and to runbooks."""
    values = {
        "GAUGEWAY_GRAFANA_URL": settings.url("grafana"),
        "GAUGEWAY_RUNBOOKS_URL": str(settings.checkout / "docs" / "runbooks"),
    }
    return {name: settings.inherited.get(name) or value for name, value in values.items()}


def write_alerting(settings: Settings, prometheus: Path, *, grafana: bool) -> None:
    """Lay out rules and notifications; `prometheus` is where its configuration lies.

    Raises `AlertingError` where Grafana is to evaluate and there is none, or where a receiver's
    file cannot be used.
    """
    if settings.alerting == "grafana" and not grafana:
        raise AlertingError(
            "GAUGEWAY_ALERTING is grafana, and no Grafana is installed: no alert would be "
            "evaluated. Set GAUGEWAY_GRAFANA_HOME, or GAUGEWAY_ALERTING=prometheus."
        )
    evaluated = settings.alerting == "prometheus"
    rules = settings.checkout / "backends" / "alerts"
    tenant = private_directory(loki_alerts(settings)) / _TENANT
    for place, target in ((prometheus / "alerts", "prometheus"), (tenant, "loki")):
        relink(place, rules / target if evaluated else None)
    provisioning = private_directory(grafana_provisioning(settings))
    for name in ("datasources", "dashboards"):
        relink(provisioning / name, settings.checkout / "grafana" / "provisioning" / name)
    _write_notifications(settings)


def relink(place: Path, target: Path | None) -> None:
    """Make `place` a link to `target`, or nothing."""
    if place.is_symlink() or place.exists():
        place.unlink()
    if target is not None:
        place.symlink_to(target)


def _write_notifications(settings: Settings) -> None:
    """Have them written as containers have, by the room that knows routes and receivers."""
    command = [
        sys.executable,
        "-m",
        _WRITER,
        f"--evaluated-by={settings.alerting}",
        f"--receivers={settings.receivers_folder}",
        f"--alertmanager={private_directory(_alertmanager(settings))}",
        f"--grafana={private_directory(grafana_alerting(settings))}",
        f"--runbooks={links_of_notifications(settings)['GAUGEWAY_RUNBOOKS_URL']}",
    ]
    answer = subprocess.run(  # noqa: S603 - our own module, our own folders
        command,
        cwd=settings.checkout,
        capture_output=True,
        text=True,
        check=False,
        timeout=_WRITER_SECONDS,
    )
    if answer.returncode != 0:
        raise AlertingError(answer.stderr.strip())


def _alertmanager(settings: Settings) -> Path:
    return settings.home.config / "alertmanager"
