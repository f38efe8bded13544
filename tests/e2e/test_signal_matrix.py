"""Every scenario against every signal, in the real backends."""

from __future__ import annotations

import re

import pytest

from otel import names
from stack.observations import Series
from tests.e2e.backends import Backends
from tests.e2e.columns import COLUMNS, METRICS_WITHIN, Evidence
from tests.e2e.matrix import SCENARIOS, Scenario
from tests.e2e.polling import NotYetError, until
from tests.e2e.stack import Stack

EVERYWHERE = {
    "__name__",
    "le",
    "job",
    "instance",
    "service_name",
    "service_version",
    "service_instance_id",
    "deployment_environment_name",
    "otel_scope_name",
    "otel_scope_version",
    "otel_scope_schema_url",
}
"""Labels of every series: the resource's promoted attributes, the scope, a bucket's bound."""

ROWS = [pytest.param(scenario, id=scenario.name) for scenario in SCENARIOS]


@pytest.mark.parametrize("scenario", ROWS)
def test_the_client_sees_what_the_scenario_says(
    driven: dict[str, Evidence], scenario: Scenario
) -> None:
    seen = driven[scenario.name]
    assert seen.answer.status == scenario.status, seen.answer
    assert len(seen.answer.trace_id) == 32, seen.answer.headers
    if scenario.status >= 400:
        assert seen.answer.body["error"]["trace_id"] == seen.answer.trace_id
    if scenario.twice:
        assert seen.answer.headers["x-gaugeway-cache"] == "hit"
        assert seen.paid.headers["x-gaugeway-cache"] == "miss"


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("scenario", ROWS)
def test_a_scenario_leaves_its_signals_and_no_others(
    driven: dict[str, Evidence], scenario: Scenario, column: str
) -> None:
    COLUMNS[column](driven[scenario.name])


def test_the_first_sample_of_a_series_counts(driven: dict[str, Evidence]) -> None:
    seen = driven["plain"]
    cost = seen.answer.cost
    assert cost is not None
    selector = f'{names.COST.prometheus}{{gen_ai_request_model="{seen.scenario.model}"}}'
    # Other tests may have come between.
    query = f"sum(increase({selector}[1h]))"

    def probe() -> None:
        value = seen.backends.value(query)
        # Extrapolation adds up to a scrape's distance at either end of what it saw.
        if value is None or not 0.9 <= value / float(cost) <= 1.25:
            raise NotYetError(f"Prometheus: {query} is {value}, the request's cost {cost}")

    until(probe, within=METRICS_WITHIN)


def test_answers_are_counted_by_route_and_status(stack: Stack, driven: dict[str, Evidence]) -> None:
    answers = [answer for seen in driven.values() for answer in seen.answers]
    for status in sorted({answer.status for answer in answers}):
        wanted = sum(answer.status == status for answer in answers)
        until(
            lambda status=status, wanted=wanted: _http_count(stack.backends, status, wanted),
            within=METRICS_WITHIN,
        )


def _http_count(backends: Backends, status: int, wanted: int) -> None:
    query = (
        f"sum(http_server_request_duration_seconds_count"
        f'{{http_route=~"/v1/.*",http_response_status_code="{status}"}})'
    )
    value = backends.value(query)
    if value != wanted:
        raise NotYetError(f"Prometheus: {query} is {value}, expected {wanted}")


def test_no_series_is_taken_in_twice(stack: Stack, driven: dict[str, Evidence]) -> None:
    seen = driven["plain"]
    series = f"{names.OPERATION_DURATION.prometheus}_count"
    query = f'count by (job, instance) ({series}{{gen_ai_request_model="{seen.scenario.model}"}})'

    def probe() -> tuple[Series, ...]:
        found = stack.backends.series(query)
        if not found:
            raise NotYetError(f"Prometheus: {query} gave nothing")
        return found

    found = until(probe, within=METRICS_WITHIN)
    assert len(found) == 1, f"Prometheus: {query} gave {found}"
    assert found[0].labels["job"] == "gaugeway"


def test_every_label_in_prometheus_is_declared(stack: Stack, driven: dict[str, Evidence]) -> None:
    COLUMNS["metric"](driven["deadline"])
    declared = {
        metric.prometheus: {attribute.replace(".", "_") for attribute in metric.attributes}
        for metric in names.OURS
    }
    undeclared: set[tuple[str, str]] = set()
    for found in stack.backends.series('{job="gaugeway",__name__=~"(gaugeway|gen_ai)_.+"}'):
        metric = re.sub("_(bucket|sum|count)$", "", found.labels["__name__"])
        allowed = declared.get(metric, set[str]()) | EVERYWHERE
        undeclared |= {(metric, label) for label in found.labels if label not in allowed}
    assert not undeclared, f"Prometheus has labels that otel.names does not declare: {undeclared}"
