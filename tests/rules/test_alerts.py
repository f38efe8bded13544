"""Each alert that Prometheus evaluates is silent just before its boundary and fires at it."""

from __future__ import annotations

from pathlib import Path

import pytest

from grafana.alerts.alert import Alert, Language
from grafana.alerts.declared import ALERTS
from tests.rules.cases import CASES
from tests.rules.promtool import verify

PROMQL = [alert for alert in ALERTS if alert.language is Language.PROMQL]


@pytest.mark.e2e
@pytest.mark.parametrize("alert", PROMQL, ids=lambda alert: alert.name)
def test_an_alert_fires_at_its_boundary_and_not_before(tmp_path: Path, alert: Alert) -> None:
    verify(tmp_path, alert, [case for case in CASES if case.alert == alert.name])


@pytest.mark.parametrize("alert", PROMQL, ids=lambda alert: alert.name)
def test_every_alert_has_a_case_that_fires_and_one_that_does_not(alert: Alert) -> None:
    cases = [case for case in CASES if case.alert == alert.name]
    assert any(case.fires and case.silent for case in cases)
    assert any(case.silent and not case.fires for case in cases)


def test_every_case_is_of_a_declared_alert() -> None:
    assert {case.alert for case in CASES} <= {alert.name for alert in PROMQL}
