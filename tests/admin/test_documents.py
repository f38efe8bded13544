"""What operators read: each answer fits its JSON Schema, and Redis away is said and not failed."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.admin.operator import BUDGET, TOTALS, Figures, OperatedService, operated
from tests.service.running import Reply, wait_for

LEDGER_PATHS = [
    "/admin/usage",
    "/admin/latency",
    "/admin/history",
    "/admin/budgets",
    "/api/metrics",
]


def fits(service: OperatedService, path: str, reply: Reply) -> Any:
    """The answer, once it fits what /openapi.json says of the address."""
    description = service.get("/openapi.json", key=None).json
    operation = description["paths"][path]["get"]
    schema = operation["responses"][str(reply.status)]["content"]["application/json"]["schema"]
    jsonschema.validate(
        reply.json,
        {**schema, "components": description["components"]},
        cls=jsonschema.Draft202012Validator,
    )
    return reply.json


@pytest.mark.parametrize("period", ["today", "yesterday", "week", "month"])
def test_usage_and_latency_of_a_period(shared: OperatedService, period: str) -> None:
    used = fits(shared, "/admin/usage", shared.get(f"/admin/usage?period={period}"))
    assert (used["period"], used["time_zone"]) == (period, "Europe/Berlin")
    assert used["totals"]["cost_usd"] == "0.000012345678"
    assert used["by_service"]["llm"] == used["totals"] == TOTALS.model_dump()
    took = fits(shared, "/admin/latency", shared.get(f"/admin/latency?period={period}"))
    assert took["by_service"] == {
        "llm": {
            "requests": 3,
            "total_latency_ms": 60.0,
            "avg_latency_ms": 20.0,
            "p50": 18.0,
            "p95": 40.0,
            "p99": 44.0,
        }
    }
    assert (took["start"], took["end"]) == (used["start"], used["end"])


def test_without_a_period_it_is_today(shared: OperatedService) -> None:
    assert shared.get("/admin/usage").json["period"] == "today"
    assert shared.get("/admin/latency").json["period"] == "today"


def test_the_history_is_an_array_of_days(service: OperatedService) -> None:
    days = fits(service, "/admin/history", service.get("/admin/history?days=3"))
    assert [day["date"] for day in days] == ["2026-11-21"] * 3
    assert {day["time_zone"] for day in days} == {"UTC"}
    assert len(service.get("/admin/history").json) == 30
    # Days beyond what is kept are not pretended to have been empty.
    assert len(service.get("/admin/history?days=366").json) == 35
    assert service.figures.asked_days == [3, 30, 35]


@pytest.mark.parametrize(
    "query", ["days=0", "days=367", "days=-1", "days=x", "days=1.5", "days=", "days=9" * 50]
)
def test_a_number_of_days_that_cannot_be_is_named(shared: OperatedService, query: str) -> None:
    reply = shared.get(f"/admin/history?{query}")
    assert reply.status == 400
    assert reply.error["param"] == "days"


@pytest.mark.parametrize("path", ["/admin/usage", "/admin/latency"])
def test_a_period_that_is_not_known_is_named(shared: OperatedService, path: str) -> None:
    reply = shared.get(f"{path}?period=century")
    assert (reply.status, reply.error["param"]) == (400, "period")
    fits(shared, path, reply)


def test_budgets_say_what_is_left(shared: OperatedService) -> None:
    found = fits(shared, "/admin/budgets", shared.get("/admin/budgets"))
    assert found["budgets"] == [BUDGET.model_dump(mode="json")]
    assert found["time_zone"] == "UTC"


def test_metrics_for_programs_hold_the_moment(shared: OperatedService) -> None:
    found = fits(shared, "/api/metrics", shared.get("/api/metrics"))
    assert found["today"]["cost_usd"] == "0.000012345678"
    assert found["rates"] == {
        "requests_per_minute": 7,
        "errors_per_minute": 2,
        "error_share_today": 0.25,
        "cache_hit_share_today": 0.25,
    }
    assert found["active_sessions"] == 0
    assert found["lost"] == {"requests": 4, "unpriced_requests": 1, "cost_usd": "0.000000000004"}
    assert found["worker"]["journal_entries"] == 3
    assert found["worker"]["memory_entries"] == 2
    assert found["worker"]["lost_entries"] == 1
    assert found["worker"]["requests_in_flight"] == 0
    assert found["worker"]["uptime_seconds"] > 0


def test_metrics_for_prometheus_are_those_of_the_scrape(shared: OperatedService) -> None:
    ours, scraped = shared.get("/admin/metrics"), shared.get("/metrics")
    assert ours.status == scraped.status == 200
    assert ours.headers["content-type"] == scraped.headers["content-type"]
    assert ours.body == scraped.body


@pytest.mark.parametrize("path", LEDGER_PATHS)
def test_a_redis_that_is_away_is_said_in_the_one_shape_of_errors(
    service: OperatedService, path: str
) -> None:
    service.figures.away = True
    reply = service.get(path)
    fits(service, path, reply)
    assert (reply.status, reply.error["code"]) == (503, "ledger_unavailable")
    assert reply.headers["retry-after"] == "5"
    assert "Redis does not answer" in reply.error["message"]
    service.figures.away = False
    assert service.get(path).status == 200


def test_health_tells_operators_all_and_others_a_word(service: OperatedService) -> None:
    runtime = service.running.runtime
    wait_for(lambda: runtime.dependencies.complete, "the first round of checks")
    found = fits(service, "/api/health", service.get("/api/health"))
    assert found["status"] == "degraded"  # there is no Collector here
    assert found["redis"]["up"] is True
    assert found["redis"]["latency_ms"] > 0
    assert found["collector"]["problem"] == "unreachable"
    assert set(found["providers"]) == {"quick", "failing", "steady"}
    assert found["backends"] == {}
    assert found["active_sessions"] == 0
    assert found["uptime_seconds"] > 0
    for key in (None, service.app, "gw_0123456789ab_" + "0" * 64, "nonsense"):
        reply = service.get("/api/health", key=key)
        assert fits(service, "/api/health", reply) == {"status": "degraded"}


@pytest.mark.parametrize("path", ["/admin/usage", "/admin/nothing", "/api/metrics"])
def test_answers_for_operators_are_kept_nowhere_and_framed_nowhere(
    shared: OperatedService, path: str
) -> None:
    for key in ("", None):
        headers = shared.get(path, key=key).headers
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "unsafe-inline" not in headers["content-security-policy"]


def test_every_operators_address_is_described_with_its_schema(shared: OperatedService) -> None:
    paths = shared.get("/openapi.json", key=None).json["paths"]
    for path in (*LEDGER_PATHS, "/admin/metrics", "/api/health"):
        assert {"200"} <= set(paths[path]["get"]["responses"])
    for path in (*LEDGER_PATHS, "/admin/metrics"):
        operation = paths[path]["get"]
        assert {"apiKey": []} in operation["security"]
        assert {"401", "403"} <= set(operation["responses"])


def test_a_backend_that_is_away_degrades_health_and_not_readiness(
    tmp_path: Path, redis_url: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        here = f"http://127.0.0.1:{listening.getsockname()[1]}"
        addresses = {"prometheus_url": here, "loki_url": "http://127.0.0.1:1"}
        with operated(tmp_path, redis_url, Figures(), otlp_endpoint=here, **addresses) as service:
            runtime = service.running.runtime
            monitors = (runtime.backends, runtime.dependencies)
            wait_for(lambda: all(one.complete for one in monitors), "the first look")
            found = fits(service, "/api/health", service.get("/api/health"))
            assert found["backends"]["prometheus"]["up"] is True
            assert found["backends"]["loki"]["problem"] == "unreachable"
            assert set(found["backends"]) == {"prometheus", "loki"}
            assert found["status"] == "degraded"
            assert service.get("/api/health", key=None).json == {"status": "degraded"}
            ready = service.get("/readyz").json
            assert "loki" not in {part["name"] for part in ready["dependencies"]}


def test_health_is_healthy_when_everything_is_up(tmp_path: Path, redis_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        here = f"http://127.0.0.1:{listening.getsockname()[1]}"
        calm = """
targets:
  quick: {provider: simulated, options: {seed: 7}, models: {simulated: {}}}
"""
        with operated(
            tmp_path, redis_url, Figures(), calm, otlp_endpoint=here, tempo_url=here
        ) as service:
            wait_for(lambda: service.get("/api/health").json["status"] == "healthy", "health")
            assert service.get("/api/health", key=None).json == {"status": "up"}
            assert service.get("/api/health").json["backends"]["tempo"]["up"] is True
