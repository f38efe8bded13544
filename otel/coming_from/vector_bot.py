"""A bot with vector search."""

from typing import Final

from otel.coming_from.homes import (
    HTTP_P95,
    INPUT_TOKENS,
    NO_VOICE,
    OUTPUT_TOKENS,
    OWN_OPERATIONS,
    P95_BY_MODEL,
    own_operation,
    p95,
)
from otel.coming_from.row import Application, row

VECTOR_BOT: Final = Application(
    "A bot with vector search",
    (
        row(
            "`vector_search_duration`",
            query=p95(OWN_OPERATIONS, "gaugeway_operation_name"),
            note=own_operation("vector_search"),
        ),
        row(
            "`vector_searches_total`",
            query=f"sum by (gaugeway_operation_name) ({OWN_OPERATIONS}_count)",
            note=own_operation("vector_search"),
        ),
        row("`vector_cache_hits`", note="Not built yet: comes with the vector search workload."),
        row("`llm_call_duration`", query=P95_BY_MODEL),
        row(
            "`conversation_size`",
            query=p95("gen_ai_client_token_usage", matcher='gen_ai_token_type="input"'),
            note="In tokens of the prompt, which carries the conversation.",
        ),
        row("`http_request_duration`", query=HTTP_P95),
        row("`total_tokens_used`", query=f"sum({INPUT_TOKENS}) + sum({OUTPUT_TOKENS})"),
        row(
            "the long-term table (name, type, value, tags), daily downsampling, 90 days",
            note="The ledger keeps hours, days and months ([how long](ledger.md#settings)); "
            "[`gaugeway export`](export.md) writes them into PostgreSQL for good.",
        ),
        row(
            "terminal: cache hits, average and p95, requests a minute, tokens and dollars today",
            note="[`gaugeway top`](top.md).",
        ),
        row("active conversations", note=NO_VOICE),
        row("p95 > 2 s", alerts=("SlowResponses",)),
        row("cache hits < 0.5", alerts=("CacheHitLow",)),
        row("tokens an hour > 100,000", alerts=("TokensPerHourHigh",)),
        row(
            "Redis memory > 80 %",
            query="redis_memory_used_bytes / (redis_maxmemory_bytes > 0)",
            alerts=("RedisMemoryHigh",),
            note="Empty where Redis has no limit.",
        ),
        row("PagerDuty", note="Alertmanager's routes: [deployment](deployment.md)."),
        row(
            "SLOs and error budgets",
            query="slo:gaugeway_slo_budget:left",
            alerts=("AvailabilityBudgetFastBurn", "AvailabilityBudgetSlowBurn"),
            note='Empty in the first minutes. Dashboard "SLOs".',
        ),
        row("runbooks", note="One for each alert in [runbooks](runbooks/)."),
        row("sampling", note="`OTEL_TRACES_SAMPLER`; metrics and usage records are never sampled."),
        row(
            "cardinality limits",
            query="sum by (gaugeway_metric_name, gaugeway_attribute_key)"
            " (gaugeway_cardinality_overflow_total)",
            alerts=("CardinalityOverflow",),
            note="Empty while no limit is met.",
        ),
    ),
)
