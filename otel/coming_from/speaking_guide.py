"""A speaking guide: models and text to speech."""

from typing import Final

from otel.coming_from.homes import CALLS, INPUT_TOKENS, NO_SPEECH, OUTPUT_TOKENS
from otel.coming_from.row import Application, row

SPEAKING_GUIDE: Final = Application(
    "A speaking guide (text, then speech)",
    (
        row(
            "requests, by service and period",
            query=f"sum by (gen_ai_operation_name) (increase({CALLS}_count[1h]))",
            note="By hour, day and month in the [ledger](ledger.md): `/admin/usage`.",
        ),
        row(
            "tokens",
            query=f"sum(increase({INPUT_TOKENS}[1h])) + sum(increase({OUTPUT_TOKENS}[1h]))",
        ),
        row("characters", note=NO_SPEECH),
        row("cost", query="sum by (gen_ai_operation_name) (increase(gaugeway_cost_total[1h]))"),
        row("total latency", query=f"sum(increase({CALLS}_sum[1h]))"),
        row(
            "cache hits",
            query='sum(increase(gaugeway_cache_requests_total{gaugeway_cache_result="hit"}[1h]))',
        ),
        row("`walku_total_llm_requests`", query=f"sum({CALLS}_count)"),
        row("`walku_total_llm_cost_usd`", query="sum(gaugeway_cost_total)"),
        row("`walku_total_llm_latency_ms`", query=f"sum({CALLS}_sum) * 1000"),
        row(
            '"cost today" with a bar against $10',
            query="max by (gaugeway_budget_name)"
            ' (gaugeway_budget_spent{gaugeway_budget_window="day"})',
            note="Also on the [operations page](operations-page.md).",
        ),
        row('"latency today"', note="`/admin/latency?period=today`, and the operations page."),
        row(
            "30-day history, cost line",
            query="sum(increase(gaugeway_cost_total[24h]))",
            note='`/admin/history?days=30`; "Cost and budgets" draws 30 days.',
        ),
        row("`MonthlyBudget80Percent`", alerts=("MonthlyBudget80Percent",)),
        row("latency above 10 s", alerts=("HighLatency",)),
        row(
            'log alert on "Usage recorded"',
            query='sum(count_over_time({service_name=~".+"} |= "usage recorded" [10m]))',
            alerts=("UsageLogSlow", "UsageLogMissing"),
        ),
        row(
            "limits of tokens and cost for each user",
            query="max by (gaugeway_budget_name, gaugeway_budget_threshold)"
            " (gaugeway_budget_users)",
            note="Empty without a budget with `scope: user` in the [budgets file](budgets.md).",
        ),
        row(
            "p95 and p99",
            query=f"histogram_quantile(0.99, sum by (le) (rate({CALLS}_bucket[5m])))",
        ),
        row("export to an analytical table", note="[`gaugeway export`](export.md)."),
    ),
)
