"""The queries of "GenAI overview"."""

from typing import Final

from grafana.dashboards.promql import (
    DAY_WINDOW,
    GRAPH_WINDOW,
    NOW_WINDOW,
    RANGE_WINDOW,
    counted,
    growth,
    leading,
    or_zero,
    per_second,
    quantile,
    ratio,
)
from grafana.dashboards.queries.checks import service_up
from grafana.dashboards.queries.query import (
    FAILED,
    HOUR,
    MODEL,
    Query,
    percentiles,
    shown,
    traffic,
)
from grafana.dashboards.selectors import environment_matcher, label, matchers
from otel import attributes as a
from otel import names

# What is wrong now: one number each.

SERVICE_UP: Final = Query(f"min({service_up(environment_matcher)})", "service")
ERROR_RATIO: Final = Query(
    ratio(
        per_second(names.OPERATION_DURATION, FAILED, window=NOW_WINDOW, series="_count"),
        traffic(NOW_WINDOW),
    ),
    "failed",
)
DURATION_NOW: Final = Query(quantile(names.OPERATION_DURATION, 0.95, window=NOW_WINDOW), "p95")
FIRST_CHUNK_NOW: Final = Query(quantile(names.TIME_TO_FIRST_CHUNK, 0.95, window=NOW_WINDOW), "p95")
COST_PER_HOUR_NOW: Final = Query(
    or_zero(f"{per_second(names.COST, window=NOW_WINDOW)} * {HOUR}", traffic(NOW_WINDOW)),
    "cost",
)
COST_OF_A_DAY: Final = Query(
    or_zero(growth(names.COST, window=DAY_WINDOW), traffic(DAY_WINDOW)), "cost"
)
UNPRICED_OF_A_DAY: Final = Query(
    or_zero(counted(names.UNPRICED_OPERATIONS, window=DAY_WINDOW), traffic(DAY_WINDOW)), "unpriced"
)
IN_PROGRESS: Final = Query(
    f"sum({names.HTTP_SERVER_ACTIVE.prometheus}{matchers(names.HTTP_SERVER_ACTIVE)})",
    "in progress",
)

# Why: traffic and errors.

REQUESTS_BY_MODEL: Final = Query(
    leading(
        per_second(names.OPERATION_DURATION, by=(a.REQUEST_MODEL,), series="_count"),
        names.OPERATION_DURATION,
        by=(a.REQUEST_MODEL,),
        series="_count",
    ),
    shown(a.REQUEST_MODEL),
)
FAILURES_BY_TYPE: Final = (
    Query(
        or_zero(
            per_second(names.OPERATION_DURATION, FAILED, series="_count"), traffic(GRAPH_WINDOW)
        ),
        "all failed",
    ),
    Query(
        per_second(names.OPERATION_DURATION, FAILED, by=(a.ERROR_TYPE,), series="_count"),
        shown(a.ERROR_TYPE),
    ),
    Query(
        per_second(names.REQUESTS_REJECTED, by=(a.ERROR_TYPE,)),
        f"rejected: {shown(a.ERROR_TYPE)}",
    ),
)
ANSWERS_BY_STATUS: Final = Query(
    per_second(names.HTTP_SERVER_DURATION, by=(a.HTTP_STATUS_CODE,), series="_count"),
    shown(a.HTTP_STATUS_CODE),
)

# Why: latency.

DURATION: Final = percentiles(names.OPERATION_DURATION)
FIRST_CHUNK: Final = percentiles(names.TIME_TO_FIRST_CHUNK)
GATEWAY_TIME: Final = percentiles(names.GATEWAY_DURATION)

# Why: money, tokens, cache.

COST_PER_HOUR_BY_MODEL: Final = Query(
    leading(
        f"{per_second(names.COST, by=(a.REQUEST_MODEL,))} * {HOUR}",
        names.COST,
        by=(a.REQUEST_MODEL,),
    ),
    shown(a.REQUEST_MODEL),
)
TOKENS_PER_SECOND: Final = (
    Query(per_second(names.INPUT_TOKENS), "input"),
    Query(per_second(names.OUTPUT_TOKENS), "output"),
    Query(per_second(names.CACHE_READ_TOKENS), "input read from cache"),
    Query(per_second(names.REASONING_TOKENS), "output for reasoning"),
)
CACHE_HIT_RATIO: Final = Query(
    ratio(
        per_second(names.CACHE_REQUESTS, f'{label(a.CACHE_RESULT)}="hit"'),
        per_second(names.CACHE_REQUESTS, f'{label(a.CACHE_RESULT)}=~"hit|miss"'),
    ),
    "hit ratio",
)

# Why: what the gateway does about failing providers.

FAILED_ATTEMPTS: Final = (
    Query(or_zero(per_second(names.PROVIDER_ERRORS), traffic(GRAPH_WINDOW)), "all"),
    Query(
        leading(
            per_second(names.PROVIDER_ERRORS, by=(a.PROVIDER_NAME, a.ERROR_TYPE)),
            names.PROVIDER_ERRORS,
            by=(a.PROVIDER_NAME, a.ERROR_TYPE),
            most=5,
        ),
        f"{shown(a.PROVIDER_NAME)} {shown(a.ERROR_TYPE)}",
    ),
)
RETRIES_AND_FALLBACKS: Final = (
    Query(or_zero(per_second(names.RETRIES), traffic(GRAPH_WINDOW)), "retries"),
    Query(or_zero(per_second(names.FALLBACKS), traffic(GRAPH_WINDOW)), "fallbacks"),
    Query(or_zero(per_second(names.TIMEOUTS), traffic(GRAPH_WINDOW)), "timeouts"),
)
STREAMS_BY_OUTCOME: Final = Query(
    per_second(names.STREAMS, by=(a.STREAM_OUTCOME,)), shown(a.STREAM_OUTCOME)
)


# Which: tables over the whole time range, column → query.


def _usage_table(by: tuple[str, ...]) -> dict[str, str]:
    requests = growth(names.OPERATION_DURATION, by=by, series="_count")
    tokens_in, tokens_out = growth(names.INPUT_TOKENS, by=by), growth(names.OUTPUT_TOKENS, by=by)
    return {
        "Cost": growth(names.COST, by=by),
        "Requests": requests,
        "Failed": ratio(growth(names.OPERATION_DURATION, FAILED, by=by, series="_count"), requests),
        "p95": quantile(names.OPERATION_DURATION, 0.95, by=by, window=RANGE_WINDOW),
        "Tokens": f"{tokens_in} + ({tokens_out} or 0 * {tokens_in})",
    }


MODELS: Final = _usage_table(MODEL)
APPS: Final = _usage_table((a.APP,))


# Traces that match what the panel shows, opened from the panel's title.

SLOW_TRACES: Final = f'{{ span.{a.REQUEST_MODEL} =~ "$model" && duration > 2s }}'
FAILED_TRACES: Final = f'{{ span.{a.REQUEST_MODEL} =~ "$model" && status = error }}'
