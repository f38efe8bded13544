"""Each alert reaches the channels it should, of its team, by Alertmanager and by Grafana alike."""

from __future__ import annotations

import os
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.models import alerting

from grafana.alerts import alertmanager_form, build, grafana_routes
from grafana.alerts.alert import Alert, Severity
from grafana.alerts.declared import ALERTS
from grafana.alerts.receivers import Receivers, read
from grafana.alerts.routes import INHIBITIONS, ROUTES, Channel
from stack.binaries import ensure
from tests.alerts.secret_files import EVERY, fill

REPOSITORY = Path(__file__).parents[2]
each = pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)


def expected(alert: Alert) -> set[str]:
    """What the demands say of routes, in words of their own."""
    channels = {"slack", "webhook"}
    if alert.severity is Severity.CRITICAL:
        channels |= {"pagerduty", "email"}
    if alert.name == "ProviderCredentials":
        channels.add("discord")
    return {f"{channel}-{alert.team}" for channel in channels}


def labels(alert: Alert) -> dict[str, str]:
    return {
        "alertname": alert.name,
        "severity": alert.severity.value,
        "team": alert.team.value,
        **alert.labels,
    }


def taken_by_grafana(policies: dict[str, Any], alert: Alert) -> set[str]:
    """Walk the policies as Grafana does: the first that matches, and on where it continues."""
    [root] = policies["policies"]
    carried = labels(alert)
    told: set[str] = set()
    for route in root["routes"]:
        if all(_holds(carried, *matcher) for matcher in route["object_matchers"]):
            if not route.get("mute_time_intervals"):
                told.add(route["receiver"])
            if not route.get("continue"):
                return told
    raise AssertionError(f"{alert.name} would go to {root['receiver']}, which is not muted there")


def _holds(carried: dict[str, str], label: str, how: str, value: str) -> bool:
    held = carried.get(label, "")
    return held == value if how == "=" else re.fullmatch(value, held) is not None


@cache
def load(path: Path) -> Any:
    return yaml.safe_load((REPOSITORY / path).read_text())


def amtool(*arguments: str | Path) -> str:
    answer = subprocess.run(
        [ensure(["amtool"])["amtool"], *arguments],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


@pytest.mark.e2e
@each
def test_alertmanager_sends_an_alert_where_it_should(alert: Alert) -> None:
    carried = [f"{name}={value}" for name, value in labels(alert).items()]
    file = REPOSITORY / build.ALERTMANAGER
    found = amtool("config", "routes", "test", f"--config.file={file}", *carried)
    assert set(found.strip().split(",")) == expected(alert)


@each
def test_grafana_sends_an_alert_to_the_same(alert: Alert) -> None:
    policies = load(build.GRAFANA_ALERTING / "policies.yaml")
    assert taken_by_grafana(policies, alert) == expected(alert)


@pytest.mark.e2e
def test_an_alert_of_somebody_else_without_our_labels_goes_to_nobody() -> None:
    file = REPOSITORY / build.ALERTMANAGER
    found = amtool("config", "routes", "test", f"--config.file={file}", "alertname=Theirs")
    assert found.strip() == "nobody"


def test_both_forms_group_and_repeat_alike() -> None:
    theirs = load(build.ALERTMANAGER)["route"]
    [ours] = load(build.GRAFANA_ALERTING / "policies.yaml")["policies"]
    for name in ("group_by", "group_wait", "group_interval"):
        assert ours[name] == theirs[name]
    by_receiver = {route["receiver"]: route["repeat_interval"] for route in theirs["routes"]}
    *routes, rest = ours["routes"]
    assert {one["receiver"]: one["repeat_interval"] for one in routes} == by_receiver
    assert rest["receiver"] == "nobody"


def test_grafana_has_a_contact_point_for_every_policy() -> None:
    [root] = load(build.GRAFANA_ALERTING / "policies.yaml")["policies"]
    points = load(build.GRAFANA_ALERTING / "contact-points.yaml")["contactPoints"]
    named = {root["receiver"], *(route["receiver"] for route in root["routes"])}
    assert named == {point["name"] for point in points}


def test_what_grafana_gets_is_what_its_schema_knows() -> None:
    [whole] = load(build.GRAFANA_ALERTING / "policies.yaml")["policies"]
    root: dict[str, Any] = {name: whole[name] for name in whole.keys() - {"orgId", "routes"}}
    routes: list[dict[str, Any]] = whole["routes"]
    for policy in (root, *routes):
        assert alerting.NotificationPolicy.from_json(policy).to_json() == policy
    for point in load(build.GRAFANA_ALERTING / "contact-points.yaml")["contactPoints"]:
        for way in point["receivers"]:
            assert alerting.ContactPoint.from_json(way).to_json() == way


@pytest.mark.parametrize("present", [*EVERY, "nothing"])
def test_one_receiver_alone_is_the_same_in_both_forms(tmp_path: Path, present: str) -> None:
    files = {present: EVERY[present]} if present in EVERY else {}
    if present == "email":
        files["smtp"] = EVERY["smtp"]
    receivers = read(fill(tmp_path / "receivers", **files))
    for alert in ALERTS:
        wanted = {one for one in expected(alert) if one.startswith(f"{present}-")}
        assert taken_by_grafana(grafana_routes.policies(receivers), alert) == wanted
        assert _told_by_alertmanager(receivers, alert) == wanted


def _told_by_alertmanager(receivers: Receivers, alert: Alert) -> set[str]:
    """Of the receivers that get the alert, those with a way to reach somebody."""
    settings = alertmanager_form.configuration(receivers, Path("/receivers"))
    reached = {one["name"] for one in settings["receivers"] if len(one) > 1}
    return reached & expected(alert)


def test_only_declared_alerts_are_named_by_routes_and_inhibitions() -> None:
    names = {alert.name for alert in ALERTS}
    routed = {
        name for route in ROUTES if route.match.label == "alertname" for name in route.match.values
    }
    inhibited = {name for one in INHIBITIONS for name in (one.cause, *one.symptoms)}
    assert routed | inhibited <= names
    assert {route.channel for route in ROUTES} == set(Channel)


def test_nothing_silences_itself_and_no_cause_is_silenced_by_its_symptom() -> None:
    pairs = {(one.cause, symptom) for one in INHIBITIONS for symptom in one.symptoms}
    assert all((symptom, cause) not in pairs for cause, symptom in pairs)
    assert "ServiceDown" not in {symptom for _, symptom in pairs}
