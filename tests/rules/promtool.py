"""Runs promtool's unit tests over the committed rule files."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import yaml

from grafana.alerts import build
from grafana.alerts.alert import Alert
from grafana.dashboards.panel_ids import panel_id
from stack.binaries import ensure
from tests.rules.case import Case

# Not 1970, where the age of a sample and its time are one.
MIDNIGHT = 1_800_057_600
REPOSITORY = Path(__file__).parents[2]
ALERTS = REPOSITORY / build.PROMETHEUS_ALERTS
RECORDING_RULES = REPOSITORY / build.RECORDING_RULES
SLO_RULES = REPOSITORY / build.SLO_RULES


def groups_of(file: Path) -> list[dict[str, Any]]:
    """The groups of a rule file."""
    return cast("list[dict[str, Any]]", yaml.safe_load(file.read_text())["groups"])


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run it; what it says is in the answer."""
    return subprocess.run(
        [ensure(["promtool"])["promtool"], *arguments],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )


def verify(directory: Path, alert: Alert, cases: Sequence[Case]) -> None:
    """Fail with what promtool says unless all cases hold.

    Only the alert's own rule is evaluated, beside the recorded rules that some alerts read.
    """
    rules, group = directory / "rules.yaml", _only(alert)
    given = " ".join(series for case in cases for series in case.series)
    rules.write_text(yaml.safe_dump({"groups": [*_recorded(alert, given), group]}))
    tests = {
        "rule_files": [rules.name],
        # promtool evaluates all groups at one interval, whatever theirs is.
        "evaluation_interval": group["interval"],
        "tests": [_test(alert, case) for case in cases],
    }
    file = directory / "tests.yaml"
    file.write_text(yaml.safe_dump(tests, sort_keys=False))
    answer = promtool("test", "rules", file)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def _only(alert: Alert) -> dict[str, Any]:
    for group in groups_of(ALERTS):
        rules = [rule for rule in group["rules"] if rule["alert"] == alert.name]
        if rules:
            return {**group, "rules": rules}
    raise AssertionError(f"{alert.name} is not in {ALERTS}")


def _recorded(alert: Alert, given: str) -> list[dict[str, Any]]:
    """The groups that record what the alert reads and no case gives."""
    return [
        group
        for group in (*groups_of(RECORDING_RULES), *groups_of(SLO_RULES))
        if any(
            rule["record"] in alert.value and rule["record"] not in given for rule in group["rules"]
        )
    ]


def _test(alert: Alert, case: Case) -> dict[str, Any]:
    moments: list[dict[str, Any]] = [
        {"eval_time": time, "alertname": alert.name} for time in case.silent
    ]
    if case.fires:
        labels = {"severity": alert.severity.value, "team": alert.team.value, **case.labels}
        annotations = {
            "summary": case.summary,
            "description": case.description or alert.description,
            "dashboard_url": _dashboard_url(alert, case),
            "runbook_url": f"docs/runbooks/{alert.name}.md",
        }
        fired = [{"exp_labels": labels, "exp_annotations": annotations}]
        moments.append({"eval_time": case.fires, "alertname": alert.name, "exp_alerts": fired})
    return {
        "name": case.says,
        "start_timestamp": MIDNIGHT,
        "interval": case.step,
        "input_series": [
            {"series": series, "values": values} for series, values in case.series.items()
        ],
        "alert_rule_test": moments,
    }


def _dashboard_url(alert: Alert, case: Case) -> str:
    panel = f"http://localhost:3000/d/{alert.dashboard}?viewPanel={panel_id(alert.panel)}"
    environment = case.labels.get("deployment_environment_name")
    return f"{panel}&var-environment={environment}" if environment else panel
