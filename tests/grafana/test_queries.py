"""No query asks for a metric or a label that nobody emits."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from grafana.dashboards import components, recorded, rollups
from grafana.dashboards.queries.records import RECENT_RECORDS
from grafana.dashboards.selectors import ENVIRONMENT, INSTANCE, SERVICE, label
from otel import attributes, names
from otel.names import Kind, Metric
from tests.grafana.dashboard_files import (
    Target,
    events,
    provisioned_datasources,
    targets,
    variables,
)

KNOWN = (*names.METRICS, *components.ALL, *recorded.ALL)
# Promoted from the resource onto every series and every log stream.
RESOURCE = {label(ENVIRONMENT), label(SERVICE), label(INSTANCE)}
# Structured metadata of a log record: its attributes, and the trace it belongs to.
RECORD = {label(attribute.name) for attribute in attributes.ATTRIBUTES} | {"trace_id", "__error__"}

# Hours that were recorded, the hour under way, the last step of a graph, and the step of a rollup.
LONG = {"1h", "1h:1h", "1d:1h", "$__range:1h", "1s:1s", rollups.WINDOW}

_SELECTOR = re.compile(r"([a-zA-Z_:][\w:]*)\{([^}]*)\}")
_MATCHER = re.compile(r"([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)")
_GROUPING = re.compile(r"\b(?:by|on)\s*\(([^)]*)\)")

EVENTS = list(events())
PROMQL = [target for target in (*targets(), *EVENTS) if target.language == "prometheus"]
LOGQL = [target for target in targets() if target.language == "loki"]
USAGE = [target for target in LOGQL if target.expression != RECENT_RECORDS.expression]


def _series() -> Iterator[tuple[str, Metric]]:
    for metric in KNOWN:
        suffixes = ("_bucket", "_count", "_sum") if metric.kind is Kind.HISTOGRAM else ("",)
        for suffix in suffixes:
            yield metric.prometheus + suffix, metric


SERIES = dict(_series())


def _provisioned() -> list[Target]:
    queries = provisioned_datasources()["tempo"]["jsonData"]["tracesToMetrics"]["queries"]
    return [
        Target("provisioned", query["name"], "prometheus", query["query"], False)
        for query in queries
    ]


@pytest.mark.parametrize("target", [*PROMQL, *_provisioned()], ids=str)
def test_promql_knows_its_metrics_and_their_labels(target: Target) -> None:
    selectors = _SELECTOR.findall(target.expression)
    assert selectors
    declared: set[str] = set()
    for name, matchers in selectors:
        assert name in SERIES, f"{name} is not in otel.names"
        # A matcher that only series without the label fulfil, or only those with it.
        allowed = {label(attribute) for attribute in SERIES[name].attributes} | {rollups.LABEL}
        if not isinstance(SERIES[name], components.Scraped):
            allowed |= RESOURCE
        if name.endswith("_bucket"):
            allowed = allowed | {"le"}
        assert set(_MATCHER.findall(matchers)) <= allowed, name
        declared |= allowed
    for grouping in _GROUPING.findall(target.expression):
        assert {name.strip() for name in grouping.split(",") if name} <= declared


@pytest.mark.parametrize("target", PROMQL, ids=str)
def test_promql_filters_by_every_variable_its_metric_can_be_filtered_by(target: Target) -> None:
    for name, matchers in _SELECTOR.findall(target.expression):
        pushed = not isinstance(SERIES[name], components.Scraped)
        # An alert may be of no environment, as those on the Collector are.
        chosen = "$environment|" if SERIES[name] is components.ALERTS else "$environment"
        assert (f'deployment_environment_name=~"{chosen}"' in matchers) == pushed, name
        for variable, attribute in (
            ("app", attributes.APP),
            ("provider", attributes.PROVIDER_NAME),
            ("model", attributes.REQUEST_MODEL),
        ):
            filters = f'{label(attribute)}=~"${variable}"' in matchers
            assert filters == (attribute in SERIES[name].attributes), name


@pytest.mark.parametrize("target", PROMQL, ids=str)
def test_a_graph_rates_over_grafanas_interval(target: Target) -> None:
    windows = set(re.findall(r"\[([^\]]+)\]", target.expression))
    assert windows <= {"$__rate_interval", "$__range", "5m", "24h", "2m", "1d", "1h:15s"} | LONG
    if "$__rate_interval" not in target.expression:
        assert not target.exemplars


# At the end of the range raw series tell which budgets are fullest, over any range.
FULLEST = {"Budgets used", "Where budgets end at their pace"}
# Incidents of now beside what there is traffic or a ranking of.
MIXED = FULLEST | {"429, 401 and 402 by provider", "Top errors of providers"}


@pytest.mark.parametrize("target", PROMQL, ids=str)
def test_a_panel_reads_all_series_of_a_metric_from_the_same_source(target: Target) -> None:
    sources: dict[Metric, set[bool]] = {}
    for name, matchers in _SELECTOR.findall(target.expression):
        if not name.startswith("rollup:"):
            sources.setdefault(SERIES[name], set()).add(f"{rollups.LABEL}=" in matchers)
    if target.panel not in MIXED:
        assert all(len(found) == 1 for found in sources.values()), target.panel


def test_all_records_are_narrowed_by_the_environment_alone() -> None:
    selector = '{deployment_environment_name=~"$environment",service_name=~".+"} | line_format'
    assert RECENT_RECORDS.expression.startswith(selector)
    assert len(USAGE) < len(LOGQL)


@pytest.mark.parametrize("target", USAGE, ids=str)
def test_logql_reads_usage_records_by_what_they_carry(target: Target) -> None:
    selectors = re.findall(r"\{([^}{]*service_name[^}]*)\}", target.expression)
    assert selectors
    for selector in selectors:
        assert set(_MATCHER.findall(selector)) <= RESOURCE
    assert names.USAGE_BODY in target.expression
    filters = re.findall(r"\|\s*(\w+)\s*(?:=~|=)", target.expression)
    assert set(filters) <= RECORD
    unwrapped = re.findall(r"unwrap (\w+)", target.expression)
    assert set(unwrapped) <= RECORD
    shown = re.findall(r"\.(\w+)", target.expression.partition("line_format")[2])
    assert set(shown) <= RECORD
    made = re.findall(r"label_format (\w+)=`", target.expression)
    for template in re.findall(r"label_format \w+=`([^`]*)`", target.expression):
        assert set(re.findall(r"\.(\w+)", template)) <= RECORD
    for grouping in _GROUPING.findall(target.expression):
        assert {name.strip() for name in grouping.split(",")} <= RECORD | set(made)


def test_a_bound_that_requests_are_counted_by_is_a_bucket() -> None:
    asked = re.findall(
        r'(\w+)_bucket\{[^}]*le="([^"]+)"', " ".join(target.expression for target in PROMQL)
    )
    assert asked
    for name, bound in asked:
        assert float(bound) in SERIES[f"{name}_bucket"].buckets


def test_logql_can_never_be_refused_for_matching_everything() -> None:
    for target in LOGQL:
        assert 'service_name=~".+"' in target.expression


def test_variables_offer_what_inferences_were_recorded_with() -> None:
    offered = {variable["name"]: variable["query"] for variable in variables()}
    for name, attribute in (
        ("environment", ENVIRONMENT),
        ("app", attributes.APP),
        ("provider", attributes.PROVIDER_NAME),
        ("model", attributes.REQUEST_MODEL),
    ):
        assert offered[name].endswith(f", {label(attribute)})")
        assert f"label_values({names.OPERATION_DURATION.prometheus}_count" in offered[name]


def test_the_allow_list_names_foreign_metrics_each_once() -> None:
    assert all(metric.foreign for metric in components.ALL)
    spelled = [metric.prometheus for metric in components.ALL]
    assert len(spelled) == len(set(spelled))
    assert not set(spelled) & {metric.prometheus for metric in names.METRICS}


def test_every_listed_metric_is_read_by_a_panel() -> None:
    asked = {name for target in PROMQL for name, _ in _SELECTOR.findall(target.expression)}
    assert {metric.prometheus for metric in components.ALL} <= asked
