"""Every query of every panel is understood by the backend its data source names."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from typing import Any

import pytest

from grafana.dashboards.queries import overview as queries
from grafana.dashboards.queries import records, traces
from otel import attributes as a
from otel import names
from tests.grafana.backends import Backends, ask, running, send
from tests.grafana.dashboard_files import events, targets, with_values

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

REQUESTS = 2000


@pytest.fixture(scope="module")
def backends(tmp_path_factory: pytest.TempPathFactory) -> Generator[Backends]:
    """The three backends, with usage records of requests that took 1 ms, 2 ms, 3 ms …"""
    with running(tmp_path_factory.mktemp("backends")) as started:
        send(f"{started.loki}/otlp/v1/logs", _usage_records(REQUESTS))
        yield started


def test_prometheus_understands_every_promql(backends: Backends) -> None:
    asked = 0
    for target in (*targets(), *events()):
        if target.language == "prometheus":
            answer = ask(
                f"{backends.prometheus}/api/v1/query", {"query": with_values(target.expression)}
            )
            assert answer["status"] == "success", str(target)
            asked += 1
    assert asked > 40


def test_loki_understands_every_logql(backends: Backends) -> None:
    asked = 0
    for target in targets():
        if target.language == "loki":
            answer = _loki(backends, target.expression)
            assert answer["status"] == "success", str(target)
            asked += 1
    assert asked >= 3


@pytest.mark.parametrize(
    "traceql",
    [
        *(queries.SLOW_TRACES, queries.FAILED_TRACES),
        *(traces.TRACES_OF_MODEL, traces.TRACES_OF_APP, traces.SLOW_TRACES_OF_MODEL),
    ],
)
def test_tempo_understands_every_traceql(backends: Backends, traceql: str) -> None:
    assert "traces" in ask(
        f"{backends.tempo}/api/search",
        {"q": with_values(traceql.replace("${__value.raw}", "simulated"))},
    )


def test_loki_ranks_the_slowest_and_the_dearest_requests(backends: Backends) -> None:
    slowest = _ranked(backends, records.SLOWEST_REQUESTS.expression)
    assert slowest == [float(number) for number in range(REQUESTS, REQUESTS - 10, -1)]
    dearest = _ranked(backends, records.DEAREST_REQUESTS.expression)
    assert dearest == [number / 1_000_000 for number in range(REQUESTS, REQUESTS - 10, -1)]


def test_a_ranked_request_names_its_trace(backends: Backends) -> None:
    result = _loki(backends, records.SLOWEST_REQUESTS.expression)["data"]["result"]
    labels = max(result, key=lambda row: float(row["value"][1]))["metric"]
    assert labels == {
        "trace_id": f"{REQUESTS:032x}",
        "gen_ai_request_model": "simulated",
        "gaugeway_app": "dev",
        "gaugeway_outcome": "completed",
    }


def test_a_usage_line_says_what_happened_and_what_it_cost(backends: Backends) -> None:
    lines = {line for _, line in _lines(backends, records.RECENT_USAGE.expression)}
    assert "chat simulated for dev: completed in 7 ms, 12 tokens in, 0 out, $0.000007" in lines, (
        lines
    )


def _loki(backends: Backends, expression: str) -> dict[str, Any]:
    """An instant query for metrics, a range query for lines, as the panels ask."""
    kind = "query" if "over_time" in expression else "query_range"
    return ask(f"{backends.loki}/loki/api/v1/{kind}", {"query": with_values(expression)})


def _ranked(backends: Backends, expression: str) -> list[float]:
    result = _loki(backends, expression)["data"]["result"]
    return sorted((float(row["value"][1]) for row in result), reverse=True)


def _lines(backends: Backends, expression: str) -> list[tuple[str, str]]:
    parameters = {"query": with_values(expression), "limit": "1000"}
    answer = ask(f"{backends.loki}/loki/api/v1/query_range", parameters)
    return [value for stream in answer["data"]["result"] for value in stream["values"]]


def _usage_records(count: int) -> dict[str, Any]:
    """An OTLP export of usage records as the Collector sends it."""
    now = time.time_ns()
    resource = {"service.name": "gaugeway", "deployment.environment.name": "dev"}
    records = [
        {
            "timeUnixNano": str(now - number * 1_000_000),
            "observedTimeUnixNano": str(now),
            "severityNumber": 9,
            "severityText": "INFO",
            "body": {"stringValue": names.USAGE_BODY},
            "traceId": f"{number:032x}",
            "spanId": f"{number:016x}",
            "attributes": _attributes(
                {
                    a.OPERATION_NAME: "chat",
                    a.PROVIDER_NAME: "simulated",
                    a.REQUEST_MODEL: "simulated",
                    a.APP: "dev",
                    a.OUTCOME: "completed",
                    a.USAGE_INPUT_TOKENS: 12,
                    a.LATENCY_MS: float(number),
                    a.COST: f"{number / 1_000_000:.6f}",
                }
            ),
        }
        for number in range(1, count + 1)
    ]
    scope = {"scope": {"name": names.USAGE_LOGGER}, "logRecords": records}
    return {
        "resourceLogs": [{"resource": {"attributes": _attributes(resource)}, "scopeLogs": [scope]}]
    }


def _attributes(values: Mapping[str, str | float]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in values.items()]


def _value(value: str | float) -> dict[str, Any]:
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    return {"doubleValue": value}
