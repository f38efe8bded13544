"""Whoever comes from monitoring of their own finds every number again."""

from __future__ import annotations

import re

import pytest

from grafana.alerts.declared import ALERTS
from grafana.dashboards import build
from otel.coming_from import APPLICATIONS, Row
from tests.docs.blocks import DOCS
from tests.docs.names_in_queries import UNKNOWN

# What five kinds of application counted and alerted under names of their own.
COUNTED = {
    "A speaking guide (text, then speech)": {
        *("walku_total_llm_requests", "walku_total_llm_cost_usd", "walku_total_llm_latency_ms"),
        "MonthlyBudget80Percent",
    },
    "A voice agent": {
        *("http_requests_total", "http_request_duration_seconds", "http_requests_in_progress"),
        *("errors_total", "claude_api_calls_total", "claude_api_duration_seconds"),
        *("claude_api_tokens_total", "whisper_api_calls_total", "whisper_api_duration_seconds"),
        *("websocket_connections_active", "database_queries_total"),
        *("database_query_duration_seconds", "cache_operations_total", "cache_hit_ratio"),
        *("sessions_active", "conversation_exchanges_total", "api_cost_total"),
        *("/metrics", "/api/metrics", "/api/health"),
    },
    "A bot with vector search": {
        *("vector_search_duration", "llm_call_duration", "conversation_size"),
        *("http_request_duration", "vector_searches_total", "vector_cache_hits"),
        "total_tokens_used",
    },
    "A translation pipeline": {
        *("openrouter_errors_total", "openrouter_call_latency_seconds", "translations_total"),
        *("translation_latency_seconds", "pipeline_runs_total", "queue_pending_jobs"),
        "daily_cost_usd",
    },
    "A gateway to local and cloud models": {
        *("api_gateway_requests_total", "api_gateway_request_duration_seconds"),
        *("api_gateway_requests_in_progress", "api_gateway_cost_total"),
        *("api_gateway_cost_per_request", "api_gateway_model_latency_seconds"),
        *("api_gateway_routing_latency_seconds", "api_gateway_health", "ollama_models_loaded"),
        *("node_cpu_seconds_total", "node_load1", "HighAPICosts", "HighErrorRate"),
        *("SlowResponses", "OllamaDown", "ExcessiveCloudUsage", "LowLocalRouting"),
    },
}
ROWS = [row for application in APPLICATIONS for row in application.rows]
rows = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.names[0])
_LINK = re.compile(r"\]\(([^)#]+)(?:#([^)]*))?\)")
_DASHBOARD = re.compile(r'"([^"]+)"')


def test_every_number_that_was_counted_has_a_home() -> None:
    assert [application.title for application in APPLICATIONS] == list(COUNTED)
    for application in APPLICATIONS:
        names = [name for row in application.rows for name in row.names]
        assert len(names) == len(set(names))
        told = {re.sub(r"\{.*", "", name.strip("`")) for name in names}
        assert COUNTED[application.title] <= told


@rows
def test_a_row_says_where_to_look_or_that_it_is_not_built_yet(row: Row) -> None:
    assert row.query or row.alerts or row.note
    if not row.query and not row.alerts and "](" not in row.note:
        # Nothing to follow: then a place is named, or it is told that there is none yet.
        assert row.note.startswith("Not built yet") or re.search(
            r"`|Dashboard|make|leaves", row.note
        )


@rows
def test_a_query_names_what_is_emitted(row: Row) -> None:
    assert not UNKNOWN[row.language](row.query)


@rows
def test_an_alert_and_a_dashboard_exist(row: Row) -> None:
    assert set(row.alerts) <= {alert.name for alert in ALERTS}
    titles = {str(dashboard.build().title) for dashboard in build.dashboards().values()}
    if "Dashboard" in row.note:
        assert set(_DASHBOARD.findall(row.note)) <= titles


def test_links_of_the_page_lead_somewhere() -> None:
    for target, heading in _LINK.findall((DOCS / "telemetry.md").read_text()):
        linked = DOCS / target
        assert linked.exists(), target
        if heading:
            titles = re.findall(r"^#+ (.*)$", linked.read_text(), re.MULTILINE)
            assert heading in {title.lower().replace(" ", "-") for title in titles}, heading
