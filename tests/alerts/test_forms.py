"""Both forms of every alert say the same, and both are what their systems accept."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.models import alerting, expr

from grafana.alerts import build
from grafana.alerts.alert import Alert, Language
from grafana.alerts.declared import ALERTS

REPOSITORY = Path(__file__).parents[2]

# Grafana 9 and 10 know no other thresholds; "at least" is arithmetic there.
COMPARISONS = {"gt": ">", "lt": "<"}
DATA_SOURCES = {Language.PROMQL: "prometheus", Language.LOGQL: "loki"}
Rule = dict[str, Any]


@cache
def load(path: Path) -> Any:
    return yaml.safe_load((REPOSITORY / path).read_text())


def prometheus_form() -> dict[str, Rule]:
    groups = [
        *load(build.PROMETHEUS_ALERTS)["groups"],
        *load(build.LOKI_ALERTS)["groups"],
    ]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def grafana_groups() -> list[dict[str, Any]]:
    return load(build.GRAFANA_ALERTING / "rules.yaml")["groups"]


def grafana_form() -> dict[str, Rule]:
    return {rule["title"]: rule for group in grafana_groups() for rule in group["rules"]}


def condition(rule: Rule) -> str:
    """A Grafana rule's three steps, written as Prometheus writes them."""
    value, last, judgement = rule["data"]
    assert (last["model"]["expression"], last["model"]["reducer"]) == (value["refId"], "last")
    assert rule["condition"] == judgement["refId"]
    return f"({value['model']['expr']}) {judged(judgement['model'], last['refId'])}"


def judged(model: dict[str, Any], of: str) -> str:
    """Comparison and limit of the last step, which must judge the step before it."""
    if model["type"] == "math":
        variable, comparison, limit = model["expression"].split()
        assert variable == f"${of}"
        return f"{comparison} {float(limit):g}"
    assert (model["type"], model["expression"]) == ("threshold", of)
    [one] = model["conditions"]
    [limit] = one["evaluator"]["params"]
    return f"{COMPARISONS[one['evaluator']['type']]} {limit:g}"


def as_grafana_says(text: str) -> str:
    """A text of Prometheus's form in the words of Grafana's."""
    grafana_url = re.escape("{{ with $externalLabels.gaugeway_grafana_url }}") + r".*?\{\{ end \}\}"
    runbooks = re.escape("{{ with $externalLabels.gaugeway_runbooks_url }}") + r".*?\{\{ end \}\}"
    text = re.sub(grafana_url, '{{ reReplaceAll "/+$" "" externalURL }}', text, count=1)
    text = re.sub(runbooks, "docs/runbooks", text, count=1)
    text = text.replace("${{", '{{ "$" }}{{')
    return text.replace("$labels.", "$.Labels.").replace("$value", '(index $.Values "B").Value')


each = pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)


def test_both_forms_have_every_alert_once() -> None:
    names = sorted(alert.name for alert in ALERTS)
    assert sorted(prometheus_form()) == sorted(grafana_form()) == names
    titles = [rule["title"] for group in grafana_groups() for rule in group["rules"]]
    assert sorted(titles) == names


@each
def test_both_forms_have_the_same_condition_and_wait_as_long(alert: Alert) -> None:
    theirs, ours = prometheus_form()[alert.name], grafana_form()[alert.name]
    assert condition(ours) == theirs["expr"]
    assert ours["for"] == theirs["for"]
    assert ours["data"][0]["datasourceUid"] == DATA_SOURCES[alert.language]


@each
def test_both_forms_carry_the_same_labels_and_texts(alert: Alert) -> None:
    theirs, ours = prometheus_form()[alert.name], grafana_form()[alert.name]
    assert ours["labels"] == theirs["labels"]
    shown = {name: text for name, text in ours["annotations"].items() if "__" not in name}
    expected = {name: as_grafana_says(text) for name, text in theirs["annotations"].items()}
    assert shown == expected


@each
def test_a_rule_of_grafana_is_linked_to_its_panel_and_silent_without_data(alert: Alert) -> None:
    rule = grafana_form()[alert.name]
    assert rule["annotations"]["__dashboardUid__"] == rule["dashboardUid"] == alert.dashboard
    assert rule["annotations"]["__panelId__"] == str(rule["panelId"])
    assert f"viewPanel={rule['panelId']}" in rule["annotations"]["dashboard_url"]
    assert (rule["noDataState"], rule["execErrState"]) == ("OK", "Error")


@each
def test_a_rule_is_one_that_grafanas_schema_knows(alert: Alert) -> None:
    rule = grafana_form()[alert.name]
    # A provisioning file has the panel beside the annotations too; the queries follow below.
    plain = {name: rule[name] for name in rule.keys() - {"data", "dashboardUid", "panelId"}}
    assert plain.items() <= alerting.Rule.from_json(plain).to_json().items()
    _, last, judgement = rule["data"]
    assert expr.TypeReduce.from_json(last["model"]).reducer == "last"
    if judgement["model"]["type"] == "math":
        assert expr.TypeMath.from_json(judgement["model"]).expression.startswith("$B ")
    else:
        [judged] = expr.TypeThreshold.from_json(judgement["model"]).conditions or []
        assert judged.evaluator.params == [alert.limit]
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,40}", rule["uid"])


def test_grafana_can_keep_every_interval() -> None:
    """Its scheduler ticks each ten seconds and refuses what lies between."""
    intervals = [group["interval"] for group in grafana_groups()]
    assert [one for one in intervals if int(one.removesuffix("s")) % 10] == []
    asked = {group["name"]: group["interval"] for group in load(build.PROMETHEUS_ALERTS)["groups"]}
    assert set(asked) <= {group["name"] for group in grafana_groups()}


@each
def test_grafana_finds_no_variable_of_its_environment_in_a_text(alert: Alert) -> None:
    """Some expand `$name`, some `${name}`, most neither."""
    for text in grafana_form()[alert.name]["annotations"].values():
        assert re.findall(r"\$(\w+|\{[^}]*\})", text) == []
