"""A voice agent: speech, conversations, a database."""

from typing import Final

from otel.coming_from.homes import (
    CALLS,
    HTTP,
    HTTP_P95,
    INPUT_TOKENS,
    NO_SPEECH,
    NO_VOICE,
    OUTPUT_TOKENS,
    p95,
)
from otel.coming_from.row import Application, row

VOICE_AGENT: Final = Application(
    "A voice agent",
    (
        row(
            "`http_requests_total`",
            query=f"sum by (http_route, http_response_status_code) ({HTTP}_count)",
        ),
        row("`http_request_duration_seconds`", query=HTTP_P95),
        row("`http_requests_in_progress`", query="sum(http_server_active_requests)"),
        row(
            "`errors_total{type,component}`",
            query="sum by (error_type, gaugeway_component) (gaugeway_provider_errors_total)",
        ),
        row(
            "external API errors, by provider",
            query="sum by (gen_ai_provider_name, http_response_status_code)"
            " (gaugeway_provider_errors_total)",
        ),
        row(
            "`claude_api_calls_total`",
            query=f"sum by (gen_ai_provider_name, gen_ai_request_model) ({CALLS}_count)",
            note='Claude is `gen_ai_provider_name="anthropic"`; so in the next three.',
        ),
        row(
            "`claude_api_duration_seconds`",
            query=p95(CALLS, "gen_ai_provider_name"),
        ),
        row(
            "`claude_api_tokens_total`",
            query=f"sum by (gen_ai_provider_name) ({INPUT_TOKENS})"
            f" + sum by (gen_ai_provider_name) ({OUTPUT_TOKENS})",
        ),
        row("Claude's cost", query="sum by (gen_ai_provider_name) (gaugeway_cost_total)"),
        row(
            "`whisper_api_calls_total`",
            "`whisper_api_duration_seconds`",
            "Whisper's cost",
            note=NO_SPEECH,
        ),
        row(
            "`websocket_connections_active`",
            "messages and duration of web sockets",
            "`sessions_active`",
            "sessions and their duration",
            "`conversation_exchanges_total{intent}`",
            "quality and engagement of conversations",
            "duration of audio processing",
            "sizes of audio files by format",
            note=NO_VOICE,
        ),
        row(
            "`database_queries_total`",
            query="sum by (db_system_name, db_operation_name)"
            " (db_client_operation_duration_seconds_count)",
            note="Redis; an application's own database by its OpenTelemetry instrumentation.",
        ),
        row(
            "`database_query_duration_seconds`",
            query=p95("db_client_operation_duration_seconds", "db_operation_name"),
        ),
        row(
            "active database connections",
            query="sum by (db_client_connection_state) (db_client_connection_count)",
        ),
        row(
            "`cache_operations_total{hit,miss}`",
            query="sum by (gaugeway_cache_result) (gaugeway_cache_requests_total)",
        ),
        row(
            "`cache_hit_ratio`",
            query='sum(rate(gaugeway_cache_requests_total{gaugeway_cache_result="hit"}[5m]))'
            ' / sum(rate(gaugeway_cache_requests_total{gaugeway_cache_result!="bypass"}[5m]))',
        ),
        row("`api_cost_total`", query="sum(gaugeway_cost_total)"),
        row("`/metrics`", note="[`/metrics`](api.md#metrics), the same of all workers."),
        row("`/api/metrics`", note="[`/api/metrics`](admin.md#metrics)."),
        row(
            "`/api/health`",
            query="min by (gaugeway_dependency_name) (gaugeway_dependency_up)",
            note="[`/api/health`](admin.md#health).",
        ),
        row(
            "panels: request rate, p95 and p50, error rate, in progress, cost 24 h, errors 5 min",
            note='Dashboard "GenAI overview".',
        ),
        row("panels: Claude, health", note='Dashboard "Provider health".'),
        row("panel: cost", note='Dashboard "Cost and budgets".'),
        row("panels: database, cache ratio", note='Dashboard "Host and runtime" (Redis).'),
        row("panels: sessions and sockets, Whisper, conversations", note=NO_VOICE),
        row("errors > 10 %", alerts=("HighErrorRate",)),
        row("cache < 50 %", alerts=("CacheHitLow",)),
        row("service down", alerts=("ServiceDown",)),
        row("Claude failures > 5 %", alerts=("ProviderFailures",)),
        row("database unreachable", alerts=("RedisDown",)),
        row("p95 > 2 s", alerts=("SlowResponses",)),
        row("cost over budget", alerts=("BudgetExhausted", "MonthEndForecastOverBudget")),
        row("memory", alerts=("HighMemory",)),
    ),
)
