"""What a service tells `gaugeway top`, made for tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from cli.top_reading import Reading
from service.api.admin.documents import Check, HealthReport, MetricsReport, Rates, Worker
from service.ledger.documents import (
    BudgetState,
    Latency,
    Notable,
    RequestSummary,
    Tokens,
    Totals,
    UserThreshold,
)

AT = datetime(2026, 11, 21, 13, 36, 5, tzinfo=UTC)


def totals(average: float | None = 800.0, p95: float | None = 2_000.0, **changes: Any) -> Totals:
    """A day's or an hour's use."""
    given: dict[str, Any] = {
        "requests": 1_500,
        "errors": 12,
        "cache_hits": 351,
        "tokens": Tokens(input=1_234_567, output=98_765),
        "cost_usd": "6.204",
        "saved_usd": "0.12",
        "latency": Latency(requests=1_500, total_latency_ms=1.2e6, avg_latency_ms=average, p95=p95),
        **changes,
    }
    return Totals(**given)


def budget(name: str = "everything-daily", used: float = 62.04, **changes: Any) -> BudgetState:
    """A budget of ten dollars."""
    given: dict[str, Any] = {
        "name": name,
        "scope": "whole",
        "value": None,
        "window": "day",
        "time_zone": "Europe/Berlin",
        "unit": "usd",
        "starts_at": "2026-11-21T00:00:00+01:00",
        "resets_at": "2026-11-22T00:00:00+01:00",
        "limit": "10",
        "spent": f"{used / 10:.4f}",
        "reserved": "0",
        "remaining": "3.796",
        "used_percent": used,
        "forecast": "9.9",
        "denials": 0,
        "level": "ok",
        **changes,
    }
    return BudgetState(**given)


def metrics(**changes: Any) -> MetricsReport:
    """A service that is well."""
    given: dict[str, Any] = {
        "as_of": "2026-11-21T14:36:05.000+01:00",
        "time_zone": "Europe/Berlin",
        "environment": "dev",
        "version": "0.1.0",
        "status": "healthy",
        "active_sessions": 0,
        "today": totals(),
        "hour": totals(),
        "hour_before": totals(average=1_000.0, p95=1_000.0),
        "rates": Rates(
            requests_per_minute=42,
            errors_per_minute=1,
            error_share_today=0.008,
            cache_hit_share_today=0.234,
        ),
        "budgets": (budget(), budget("everything-monthly", 12.0, window="month")),
        "worker": Worker(
            uptime_seconds=10, requests_in_flight=3, journal_entries=0, ledger_available=True
        ),
        **changes,
    }
    return MetricsReport(**given)


def request(number: int = 1, **changes: Any) -> RequestSummary:
    """A request worth looking at."""
    given: dict[str, Any] = {
        "trace_id": f"{number:032x}",
        "asked_at": "2026-11-21T14:30:00.000+01:00",
        "app": "web-chat",
        "operation": "chat",
        "provider": "openai",
        "model": "gpt-4o",
        "component": None,
        "outcome": "completed",
        "error": None,
        "stream": True,
        "estimated": False,
        "latency_ms": 1_240.0,
        "input_tokens": 1_200,
        "output_tokens": 340,
        "cost_usd": "0.0312",
        **changes,
    }
    return RequestSummary(**given)


def notable(count: int = 5) -> Notable:
    """So many of each kind."""
    good = tuple(request(number) for number in range(1, count + 1))
    bad = tuple(
        request(number, outcome="error", error="upstream_timeout", cost_usd=None)
        for number in range(1, count + 1)
    )
    return Notable(dearest=good, slowest=good, failed=bad)


def reading(**changes: Any) -> Reading:
    """A round in which everything was had."""
    given: dict[str, Any] = {
        "url": "http://127.0.0.1:8080",
        "at": AT,
        "metrics": metrics(),
        "notable": notable(),
        **changes,
    }
    return Reading(**given)


def health(problem: str = "unreachable") -> HealthReport:
    """A service whose Collector is away."""
    return HealthReport(
        status="degraded",
        as_of="2026-11-21T14:36:05.000+01:00",
        environment="dev",
        version="0.1.0",
        uptime_seconds=10,
        active_sessions=0,
        redis=Check(up=True, latency_ms=1, checked_at="2026-11-21T14:36:00+01:00", problem=None),
        collector=Check(
            up=False, latency_ms=2, checked_at="2026-11-21T14:36:00+01:00", problem=problem
        ),
        providers={"openai": None},
        backends={},
    )


USERS = (UserThreshold(percent=80, users=3), UserThreshold(percent=100, users=0))
