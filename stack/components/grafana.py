"""Grafana: started where one is installed; nothing else depends on it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from stack.components.alerting import (
    grafana_alerting,
    grafana_provisioning,
)
from stack.components.component import Component, Process
from stack.probes import HttpProbe
from stack.settings import Settings

INSTALL = (
    "not installed: unpack Grafana (https://grafana.com/grafana/download) and set "
    "GAUGEWAY_GRAFANA_HOME to its folder, then run `gaugeway down` and `gaugeway up`"
)
# Where system packages put what the binary on PATH needs beside it.
_PACKAGED_HOME = Path("/usr/share/grafana")


@dataclass(frozen=True, slots=True)
class GrafanaInstallation:
    """A Grafana on this machine: the start of its command line and the folder of its assets."""

    command: tuple[str, ...]
    home: Path


def find_grafana(settings: Settings) -> GrafanaInstallation | None:
    """Look in GAUGEWAY_GRAFANA_HOME, then on PATH."""
    if settings.grafana_home:
        for name in ("grafana", "grafana-server"):
            binary = settings.grafana_home / "bin" / name
            if binary.is_file():
                return GrafanaInstallation(_server(binary), settings.grafana_home)
        return None
    for name in ("grafana", "grafana-server"):
        if found := shutil.which(name, path=settings.inherited.get("PATH")):
            binary = Path(found)
            beside = binary.resolve().parent.parent
            home = beside if (beside / "conf" / "defaults.ini").is_file() else _PACKAGED_HOME
            return GrafanaInstallation(_server(binary), home)
    return None


def grafana(
    settings: Settings, installation: GrafanaInstallation | None, password_file: Path | None
) -> Component:
    """Return Grafana with the repository's provisioning, or an absent component that says how."""
    if installation is None or password_file is None:
        hint = INSTALL
        if settings.grafana_home:
            hint = f"GAUGEWAY_GRAFANA_HOME is {settings.grafana_home}, which has no bin/grafana"
        return Component(name="grafana", origin="absent", hint=hint)
    url = settings.url("grafana")
    return Component(
        name="grafana",
        origin="managed",
        url=url,
        probe=HttpProbe(f"{url}/api/health", f"{url}/api/health", ("version",)),
        process=Process(
            command=(*installation.command, f"--homepath={installation.home}"),
            directory=installation.home,
            environment={
                **_provisioning(settings),
                **_server_settings(settings, password_file),
            },
            after=("prometheus", "loki", "tempo", "alertmanager"),
            ports=("grafana",),
        ),
    )


def _server(binary: Path) -> tuple[str, ...]:
    # `grafana server` replaced the separate binary; older releases have only that.
    return (str(binary), "server") if binary.name == "grafana" else (str(binary),)


def _provisioning(settings: Settings) -> dict[str, str]:
    return {
        "GF_PATHS_PROVISIONING": str(grafana_provisioning(settings)),
        **_mail(settings),
        "GAUGEWAY_DASHBOARDS_PATH": str(settings.checkout / "grafana" / "dashboards" / "json"),
        "GAUGEWAY_PROMETHEUS_URL": settings.url("prometheus"),
        "GAUGEWAY_LOKI_URL": settings.url("loki"),
        "GAUGEWAY_TEMPO_URL": settings.url("tempo"),
        "GAUGEWAY_ALERTMANAGER_URL": settings.url("alertmanager"),
        "GAUGEWAY_METRIC_INTERVAL": "15s",
    }


def _mail(settings: Settings) -> dict[str, str]:
    """Mail goes out where a mail server is declared; Grafana reads each setting from a file."""
    return {
        f"GF_SMTP_{setting}": f"$__file{{{grafana_alerting(settings) / file}}}"
        for setting, file in (
            ("ENABLED", "smtp_enabled"),
            ("HOST", "smtp_host"),
            ("FROM_ADDRESS", "smtp_from"),
            ("USER", "smtp_user"),
            ("PASSWORD", "smtp_password"),
            ("STARTTLS_POLICY", "smtp_tls"),
        )
    }


def _server_settings(settings: Settings, password_file: Path) -> dict[str, str]:
    values = {
        "GF_SERVER_HTTP_ADDR": "127.0.0.1",
        "GF_SERVER_HTTP_PORT": str(settings.ports.grafana),
        "GF_PATHS_DATA": str(settings.home.data("grafana")),
        "GF_PATHS_LOGS": str(settings.home.data("grafana") / "logs"),
        "GF_PATHS_PLUGINS": str(settings.home.data("grafana") / "plugins"),
        "GF_LOG_MODE": "console",
        "GF_LOG_LEVEL": "warn",
        # Grafana reads the file itself. Only its image knows GF_…__FILE; elsewhere that would leave
        # the password `admin`.
        "GF_SECURITY_ADMIN_PASSWORD": f"$__file{{{password_file}}}",
        "GF_ANALYTICS_REPORTING_ENABLED": "false",
        "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
        "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
        # Nothing is fetched from outside at start.
        "GF_PLUGINS_PREINSTALL_DISABLED": "true",
        "GF_NEWS_NEWS_FEED_ENABLED": "false",
        "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH": str(
            settings.checkout / "grafana" / "dashboards" / "json" / "genai-overview.json"
        ),
        "GF_USERS_ALLOW_SIGN_UP": "false",
        "GF_USERS_DEFAULT_THEME": "system",
    }
    if settings.environment == "dev":
        # A laptop's own loopback: look without logging in, change nothing.
        # Links lead into Explore, which a viewer sees only where it may edit (and never save).
        values |= {
            "GF_AUTH_ANONYMOUS_ENABLED": "true",
            "GF_AUTH_ANONYMOUS_ORG_ROLE": "Viewer",
            "GF_USERS_VIEWERS_CAN_EDIT": "true",
        }
    return values
