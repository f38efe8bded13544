"""Where Prometheus evaluates alerts, Grafana shows its rules and has none of its own left."""

from __future__ import annotations

from pathlib import Path

import pytest

from grafana.alerts.declared import ALERTS
from tests.e2e.grafana_api import Grafana
from tests.e2e.grafana_stack import HOME, where_one_is_installed
from tests.e2e.stack import running

pytestmark = where_one_is_installed


@pytest.mark.timeout(300, func_only=True)
def test_the_switch_takes_every_rule_from_grafana_and_gives_it_to_prometheus(
    tmp_path: Path,
) -> None:
    names = {alert.name for alert in ALERTS}
    environment = {"GAUGEWAY_GRAFANA_HOME": HOME, "GAUGEWAY_ALERTING": "grafana"}
    with running(tmp_path, environment=environment) as stack:
        assert set(Grafana.of(stack).rules()) == names
        assert not _of_backends(Grafana.of(stack)) & names
    # The same home: Grafana remembers the rules of its last run.
    environment = {**environment, "GAUGEWAY_ALERTING": "prometheus"}
    with running(tmp_path, environment=environment) as stack:
        assert Grafana.of(stack).rules() == {}
        assert _of_backends(Grafana.of(stack)) >= names


def _of_backends(grafana: Grafana) -> set[str]:
    """The rules that Grafana lists of Prometheus and of Loki, by their own word."""
    answers = [
        grafana.get(f"/api/datasources/proxy/uid/{path}")
        for path in ("prometheus/api/v1/rules", "loki/prometheus/api/v1/rules")
    ]
    groups = [group for answer in answers for group in answer["data"]["groups"]]
    return {rule["name"] for group in groups for rule in group["rules"]}
