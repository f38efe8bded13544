"""No rule asks for a metric or a label that nobody emits."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from grafana.alerts import recorded
from grafana.alerts.alert import Language
from grafana.alerts.declared import ALERTS
from grafana.dashboards import components
from grafana.dashboards import recorded as recorded_series
from grafana.dashboards.components import Scraped
from grafana.dashboards.selectors import ENVIRONMENT, SERVICE, label
from grafana.slos import rules as slos
from otel import attributes, names
from otel.names import Kind, Metric

RULES = [rule for group in (*recorded.GROUPS, *slos.GROUPS) for rule in group.rules]
# Promoted from the resource onto every series that is pushed.
RESOURCE = {label(ENVIRONMENT), label(SERVICE), "service_instance_id", "job", "instance"}
RECORD = {label(attribute.name) for attribute in attributes.ATTRIBUTES} | {"severity_number"}

_SELECTOR = re.compile(r"([a-zA-Z_:][\w:]*)\{([^}]*)\}")
_MATCHER = re.compile(r"([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)")
_GROUPING = re.compile(r"\b(?:by|on) \(([^)]*)\)")


def _series() -> Iterator[tuple[str, Metric]]:
    for metric in (*names.METRICS, *components.ALL, *recorded_series.ALL):
        suffixes = ("_bucket", "_count", "_sum") if metric.kind is Kind.HISTOGRAM else ("",)
        for suffix in suffixes:
            yield metric.prometheus + suffix, metric


SERIES = dict(_series())
EXPRESSIONS = [
    *(
        pytest.param(alert.value, id=alert.name)
        for alert in ALERTS
        if alert.language is Language.PROMQL
    ),
    *(pytest.param(rule.expression, id=rule.name) for rule in RULES),
]


def _labels(name: str) -> set[str]:
    metric = SERIES[name]
    declared = {label(attribute) for attribute in metric.attributes}
    if name.endswith("_bucket"):
        declared |= {"le"}
    return declared if isinstance(metric, Scraped) else declared | RESOURCE


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_a_rule_knows_its_metrics_and_their_labels(expression: str) -> None:
    selectors = _SELECTOR.findall(expression)
    assert selectors
    available = set[str]()
    for name, matchers in selectors:
        assert name in SERIES, f"{name} is neither in otel.names nor in components"
        assert set(_MATCHER.findall(matchers)) <= _labels(name)
        available |= _labels(name)
    for grouping in _GROUPING.findall(expression):
        assert {name.strip() for name in grouping.split(",") if name} <= available


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_a_metric_is_always_selected_with_braces_so_that_its_name_can_be_held(
    expression: str,
) -> None:
    bare = re.sub(r'"[^"]*"', "", _SELECTOR.sub("", expression))
    for grouping in _GROUPING.findall(bare):
        bare = bare.replace(f"({grouping})", "")
    words = set(re.findall(r"[a-zA-Z_:][\w:]*", bare))
    assert not words & set(SERIES)
    assert all("_" not in word or word in _FUNCTIONS for word in words), words


_FUNCTIONS = {
    *("last_over_time", "avg_over_time", "max_over_time", "sum_over_time"),
    *("histogram_quantile", "label_replace", "clamp_min"),
}


def test_logql_filters_by_what_a_record_carries() -> None:
    found = 0
    for alert in ALERTS:
        if alert.language is Language.LOGQL:
            assert '{service_name=~".+"}' in alert.value
            filters = set(re.findall(r"\| (\w+) [<>=]", alert.value))
            assert filters
            assert filters <= RECORD
            for grouping in _GROUPING.findall(alert.value):
                assert {name.strip() for name in grouping.split(",")} <= RECORD | RESOURCE
            found += 1
    assert found == 2


def test_every_series_for_panels_and_alerts_is_recorded() -> None:
    assert {metric.prometheus for metric in recorded_series.ALL} == {rule.name for rule in RULES}
