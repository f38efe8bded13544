"""An alert leads to a panel that is there, and to a runbook."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from grafana.alerts.alert import Alert
from grafana.alerts.declared import ALERTS
from grafana.alerts.links import panel_path
from grafana.dashboards import build
from tests.rules.case import scraped
from tests.rules.promtool import ALERTS as RULES
from tests.rules.promtool import MIDNIGHT, groups_of, promtool

alerts = pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)


def panels(uid: str) -> dict[str, int]:
    """The ids of a dashboard's panels by their titles."""
    dashboard = build.dashboards()[uid].build()
    return {
        str(panel.title): panel.id_val
        for panel in dashboard.panels or ()
        if panel.type_val != "row" and panel.id_val is not None
    }


@alerts
def test_an_alert_links_to_its_panel_by_the_id_it_has(alert: Alert) -> None:
    found = panels(alert.dashboard)
    assert alert.panel in found, sorted(found)
    assert panel_path(alert) == f"/d/{alert.dashboard}?viewPanel={found[alert.panel]}"


def test_ids_of_a_dashboards_panels_differ() -> None:
    for dashboard in build.dashboards().values():
        ids = [panel.id_val for panel in dashboard.build().panels or ()]
        assert None not in ids
        assert len(ids) == len(set(ids))


@pytest.mark.e2e
@pytest.mark.parametrize("slash", ["", "/"])
def test_links_begin_with_the_addresses_that_the_operator_gives(tmp_path: Path, slash: str) -> None:
    annotations = _fired(
        tmp_path,
        gaugeway_grafana_url=f"https://grafana.example.com{slash}",
        gaugeway_runbooks_url=f"https://git.example.com/gaugeway/docs/runbooks{slash}",
    )
    assert (
        'dashboard_url="https://grafana.example.com/d/telemetry-pipeline?viewPanel=' in annotations
    )
    assert (
        'runbook_url="https://git.example.com/gaugeway/docs/runbooks/CollectorDown.md"'
        in annotations
    )


def _fired(directory: Path, **external_labels: str) -> str:
    """What promtool says of a firing alert of which nothing was expected."""
    test: dict[str, Any] = {
        "start_timestamp": MIDNIGHT,
        "interval": "15s",
        "external_labels": external_labels,
        "input_series": [
            {"series": series, "values": values}
            for series, values in scraped("up", "0x20", job="collector").items()
        ],
        "alert_rule_test": [{"eval_time": "2m", "alertname": "CollectorDown"}],
    }
    rules = directory / "rules.yaml"
    group = next(group for group in groups_of(RULES) if group["name"] == "gaugeway-pipeline")
    rules.write_text(yaml.safe_dump({"groups": [group]}))
    file = directory / "tests.yaml"
    file.write_text(yaml.safe_dump({"rule_files": [rules.name], "tests": [test]}))
    answer = promtool("test", "rules", file)
    assert answer.returncode == 1
    return answer.stdout + answer.stderr
