"""What panels say of budgets that every worker tells of, and which events are marked on graphs."""

from __future__ import annotations

from pathlib import Path

import pytest

from grafana.dashboards.components import ALERTS, TARGET_INFO
from grafana.dashboards.queries import annotations as events
from grafana.dashboards.queries import spending as queries
from grafana.dashboards.queries.query import Query
from otel import names
from otel.metric import Metric
from tests.grafana.situations import Situation, check

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

ENVIRONMENT = 'deployment_environment_name="dev"'


def told(metric: Metric, worker: int, name: str = "all") -> str:
    return f'{metric.prometheus}{{{ENVIRONMENT},gaugeway_budget_name="{name}",instance="{worker}"}}'


def limited(*names_of_budgets: str) -> dict[str, str]:
    return {
        told(names.BUDGET_LIMIT, worker, name): "10x40"
        for name in names_of_budgets
        for worker in (1, 2)
    }


# Two workers tell the same; the second budget is the one to worry about.
SPENT = {
    **limited("all", "some"),
    **{told(names.BUDGET_SPENT, worker): "3x40" for worker in (1, 2)},
    **{told(names.BUDGET_SPENT, worker, "some"): "9x40" for worker in (1, 2)},
    **{told(names.BUDGET_REMAINING, worker): "7x40" for worker in (1, 2)},
    **{told(names.BUDGET_REMAINING, worker, "some"): "0.5x40" for worker in (1, 2)},
    **{told(names.BUDGET_FORECAST, worker): "4x40" for worker in (1, 2)},
    **{told(names.BUDGET_FORECAST, worker, "some"): "12x40" for worker in (1, 2)},
}
# The first worker ended three minutes ago: Prometheus still has what it told last.
RESTARTED = {
    **limited("all"),
    told(names.BUDGET_REMAINING, 1): "7x28 _x12",
    told(names.BUDGET_REMAINING, 2): "_x29 2x11",
}


def running(worker: int, values: str, version: str = "1.0") -> dict[str, str]:
    series = (
        f"{TARGET_INFO.prometheus}{{{ENVIRONMENT},"
        f'job="gaugeway",instance="{worker}",'
        f'service_version="{version}",telemetry_sdk_name="opentelemetry"}}'
    )
    return {series: values}


COLLECTOR = {f'{TARGET_INFO.prometheus}{{job="collector",instance="c"}}': "_x38 1 1"}
STARTED = {'{job="gaugeway"}': 2.0}
RELOADED = (
    f"{names.CONFIGURATION_RELOADS.prometheus}{{{ENVIRONMENT},"
    'gaugeway_configuration_file="budgets",gaugeway_configuration_result="applied"}'
)
FIRING = (
    f'{ALERTS.prometheus}{{{ENVIRONMENT},alertname="X",alertstate="firing",severity="warning"}}'
)
PENDING = f'{ALERTS.prometheus}{{{ENVIRONMENT},alertname="Y",alertstate="pending"}}'


ELSEWHERE = FIRING.replace('="dev"', '="prod"').replace('"X"', '"Z"')
OF_COLLECTOR = f'{ALERTS.prometheus}{{alertname="CollectorDown",alertstate="firing"}}'
FIRING_IN_DEV = Query(events.FIRING.expression.replace("$environment", "dev"), "")


def situation(
    name: str, query: Query, series: dict[str, str], expected: float | dict[str, float] | None
) -> Situation:
    return Situation(name, query, series, expected)


BUDGETS = [
    situation("the budget that has least", queries.LEAST_LEFT, SPENT, 0.05),
    situation("the budget that burns fastest", queries.FASTEST_BURN, SPENT, 1.2),
    situation("a process that is gone says nothing", queries.LEAST_LEFT, RESTARTED, 0.2),
    situation("there is no budget", queries.LEAST_LEFT, {}, None),
    situation(
        "each budget once, however many workers tell of it",
        queries.BUDGETS_USED,
        SPENT,
        {
            f'{{{ENVIRONMENT},gaugeway_budget_name="all"}}': 0.3,
            f'{{{ENVIRONMENT},gaugeway_budget_name="some"}}': 0.9,
        },
    ),
]
EVENTS = [
    situation(
        "two workers started",
        events.STARTS,
        {**running(1, "_x38 1 1"), **running(2, "_x39 1"), **COLLECTOR},
        STARTED,
    ),
    situation("one runs as it did", events.STARTS, running(1, "1x40"), None),
    situation(
        "another version took over",
        events.VERSIONS,
        {**running(1, "1x37 _x3"), **running(2, "_x38 1 1", "1.1")},
        {'{job="gaugeway",service_version="1.1"}': 1},
    ),
    situation("a start is no change", events.VERSIONS, running(1, "_x38 1 1"), None),
    situation(
        "the same version again",
        events.VERSIONS,
        {**running(1, "1x37 _x3"), **running(2, "_x38 1 1")},
        None,
    ),
    situation(
        "the first reload of a process counts too",
        events.RELOADS,
        {RELOADED: "_x38 1 1"},
        {
            '{gaugeway_configuration_file="budgets",gaugeway_configuration_result="applied"}': 1,
        },
    ),
    situation("nothing was reloaded", events.RELOADS, {RELOADED: "1x40"}, None),
    situation(
        "an alert fires, another is pending",
        events.FIRING,
        {FIRING: "1x40", PENDING: "1x40"},
        {'{alertname="X",severity="warning"}': 1},
    ),
    situation(
        "alerts of one environment are asked for, and the Collector is of none",
        FIRING_IN_DEV,
        {FIRING: "1x40", ELSEWHERE: "1x40", OF_COLLECTOR: "1x40"},
        {'{alertname="X",severity="warning"}': 1, '{alertname="CollectorDown"}': 1},
    ),
]


@pytest.mark.parametrize("situation", BUDGETS, ids=lambda situation: situation.name)
def test_a_budget_is_what_any_living_worker_says(situation: Situation, tmp_path: Path) -> None:
    check(situation, tmp_path)


@pytest.mark.parametrize("situation", EVENTS, ids=lambda situation: situation.name)
def test_an_event_is_marked_when_it_happens(situation: Situation, tmp_path: Path) -> None:
    check(situation, tmp_path)
