"""A translation pipeline."""

from typing import Final

from otel.coming_from.homes import CALLS, NO_PIPELINE, OWN_OPERATIONS, own_operation, p95
from otel.coming_from.row import Application, row

TRANSLATION: Final = Application(
    "A translation pipeline",
    (
        row(
            "events as JSON lines (ts, level, evt, source, msg, meta)",
            query='{service_name=~".+"}',
            note="Log records with their trace; `GAUGEWAY_CONSOLE_LOGS=json` writes lines.",
        ),
        row(
            "`openrouter_errors_total{status,code,component,model}`",
            query="sum by (http_response_status_code, gaugeway_provider_error_code,"
            " gaugeway_component, gen_ai_request_model) (gaugeway_provider_errors_total)",
        ),
        row(
            "`openrouter_call_latency_seconds`",
            query=p95(CALLS, "gen_ai_provider_name", window="15m"),
        ),
        row(
            "`translations_total{component}`",
            query=f"sum by (gaugeway_operation_name) ({OWN_OPERATIONS}_count)",
            note=own_operation("translate"),
        ),
        row(
            "`translation_latency_seconds`",
            query=p95(OWN_OPERATIONS, "gaugeway_operation_name"),
            note=own_operation("translate"),
        ),
        row("`pipeline_runs_total{result}`", "`queue_pending_jobs`", note=NO_PIPELINE),
        row(
            "`daily_cost_usd{model}`",
            query="sum by (gen_ai_request_model) (increase(gaugeway_cost_total[24h]))",
            note="Recorded as `model:gaugeway_cost_usd:increase1d`.",
        ),
        row("dashboard: pipeline overview", note=NO_PIPELINE),
        row(
            "dashboard: provider health (429, 401, 402, error budget over 24 h)",
            query="sum by (gen_ai_provider_name, http_response_status_code)"
            ' (increase(gaugeway_provider_errors_total{http_response_status_code=~"4.."}[24h]))',
            note='Dashboard "Provider health".',
        ),
        row("dashboard: costs and budgets", note='Dashboard "Cost and budgets".'),
        row("429 for 15 min", alerts=("ProviderRateLimited",)),
        row("a single 401 or 402", alerts=("ProviderCredentials",)),
        row("p95 over 15 min", alerts=("ProviderLatencyHigh",)),
        row(
            "Authorization and keys redacted",
            note="Before anything leaves the process, in every signal.",
        ),
        row("7 to 14 days kept", note="[Retention](deployment.md#retention)."),
        row("the same in CI", note="`make test` runs the real components."),
    ),
)
