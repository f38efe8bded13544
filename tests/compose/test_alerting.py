"""GAUGEWAY_ALERTING picks who evaluates alerts: one side has the rules and the other has none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from grafana.alerts import build, complete, notifications
from tests.compose.rendering import (
    CHECKOUT,
    ENVIRONMENTS,
    Refused,
    Service,
    environment_of,
    render,
    services,
)

BACKENDS = Path("/etc/gaugeway/backends")
PROVISIONED = "/etc/grafana/provisioning/alerting"


def chosen(alerting: str, environment: str = "dev", **more: str) -> dict[str, Service]:
    return render(environment, {"GAUGEWAY_ALERTING": alerting, **more})["services"]


def mounts(service: Service) -> dict[str, str]:
    return {volume["target"]: volume["source"] for volume in service["volumes"]}


def rule_files(folder: str | None) -> list[str]:
    """What Prometheus or Loki would load of a mounted folder."""
    return sorted(path.name for path in Path(folder).glob("*.yaml")) if folder else []


def option(service: Service, name: str) -> str:
    [value] = [text.split("=", 1)[1] for text in service["command"] if text.startswith(f"{name}=")]
    return value


def loki_rules(service: Service) -> str | None:
    """The folder of the one tenant, below the folder that Loki's file names."""
    settings: dict[str, Any] = yaml.safe_load((CHECKOUT / "backends/loki.yaml").read_text())
    named: str = settings["common"]["storage"]["filesystem"]["rules_directory"]
    default = named.partition(":-")[2].rstrip("}")
    place = environment_of(service).get("GAUGEWAY_LOKI_ALERTS", default)
    assert f"{place}/fake" in mounts(service) or f"{place}:size=1m" in service["tmpfs"]
    return mounts(service).get(f"{place}/fake")


def test_prometheus_is_the_default() -> None:
    assert services("dev") == chosen("prometheus")


def test_an_unknown_choice_is_refused() -> None:
    with pytest.raises(Refused, match=r"alerting-both\.yaml"):
        chosen("both")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_either_prometheus_and_loki_have_the_alert_rules_or_neither(environment: str) -> None:
    alerts = str(BACKENDS / "alerts")
    project = chosen("prometheus", environment)
    assert rule_files(mounts(project["prometheus"])[alerts]) == [build.PROMETHEUS_ALERTS.name]
    assert rule_files(loki_rules(project["loki"])) == [build.LOKI_ALERTS.name]
    project = chosen("grafana", environment)
    backends = mounts(project["prometheus"])[str(BACKENDS)]
    assert rule_files(f"{backends}/alerts") == []
    assert alerts not in mounts(project["prometheus"])
    assert rule_files(loki_rules(project["loki"])) == []


@pytest.mark.parametrize("alerting", ["prometheus", "grafana"])
def test_recording_rules_are_loaded_whoever_evaluates_alerts(alerting: str) -> None:
    backends = mounts(chosen(alerting)["prometheus"])[str(BACKENDS)]
    assert build.RECORDING_RULES.name in rule_files(f"{backends}/rules")
    loaded = yaml.safe_load((CHECKOUT / "backends/prometheus.yaml").read_text())["rule_files"]
    assert loaded == ["rules/*.yaml", "alerts/*.yaml"]


@pytest.mark.parametrize("alerting", ["prometheus", "grafana"])
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_alertmanager_and_grafana_wait_for_what_is_written_for_them(
    environment: str, alerting: str
) -> None:
    project = chosen(alerting, environment)
    writer = project["notifications"]
    assert option(writer, "--evaluated-by") == alerting
    runbooks = environment_of(project["prometheus"])["GAUGEWAY_RUNBOOKS_URL"]
    assert option(writer, "--runbooks") == runbooks
    written = mounts(writer)
    alertmanager, grafana = project["alertmanager"], project["grafana"]
    file = Path(option(alertmanager, "--config.file"))
    assert file.name == notifications.ALERTMANAGER
    assert mounts(alertmanager)[str(file.parent)] == written[option(writer, "--alertmanager")]
    # Both see it at one place, because the configuration names files beside it.
    assert str(file.parent) == option(writer, "--alertmanager") == str(complete.FOLDER)
    assert mounts(grafana)[PROVISIONED] == written[option(writer, "--grafana")]
    for reader in (alertmanager, grafana):
        awaited = reader["depends_on"]["notifications"]["condition"]
        assert awaited == "service_completed_successfully"


def test_grafana_sends_mail_as_the_files_say_that_are_written_for_it() -> None:
    written = notifications.grafana_files(notifications.Receivers({}), evaluates=False)
    settings = environment_of(services("dev")["grafana"])
    read = {
        value.removeprefix(f"$$__file{{{PROVISIONED}/").removesuffix("}")
        for name, value in settings.items()
        if name.startswith("GF_SMTP_")
    }
    assert read == {name for name in written if name.startswith("smtp_")}


def test_receivers_are_read_from_a_folder_of_ones_own_and_no_commit_holds_one(
    tmp_path: Path,
) -> None:
    own = chosen("prometheus", GAUGEWAY_RECEIVERS_DIR=str(tmp_path))["notifications"]
    assert mounts(own)[option(own, "--receivers")] == str(tmp_path)
    shipped = Path(mounts(services("dev")["notifications"])["/etc/gaugeway/receivers"])
    assert (shipped / ".gitignore").read_text().endswith("\n*\n!.gitignore\n")


def test_what_writes_them_talks_to_nobody_and_reads_alone() -> None:
    writer = services("prod")["notifications"]
    assert writer["network_mode"] == "none"
    [receivers] = [v for v in writer["volumes"] if v["target"] == "/etc/gaugeway/receivers"]
    assert receivers["read_only"] is True
