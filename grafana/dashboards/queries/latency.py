"""The queries of "Latency and streaming"."""

from typing import Final

from grafana.dashboards.promql import (
    NOW_WINDOW,
    RANGE_WINDOW,
    growth,
    leading,
    or_zero,
    per_second,
    quantile,
    ratio,
)
from grafana.dashboards.queries.query import MODEL, Query, percentiles, shown, traffic
from grafana.dashboards.selectors import label
from otel import attributes as a
from otel import names
from otel.names import Metric

# The bound of a bucket, so that what is slower can be counted exactly.
SLOW_SECONDS: Final = 2.56
_FAST: Final = f'le="{SLOW_SECONDS:g}"'
# Cut by whoever serves: not by the reader, who may have read enough.
_CUT: Final = f'{label(a.STREAM_OUTCOME)}!~"completed|client_disconnect"'


def _slow_share(window: str, by: tuple[str, ...] = ()) -> str:
    """The share of inferences that took longer than `SLOW_SECONDS`."""
    fast = growth(names.OPERATION_DURATION, _FAST, by=by, window=window, series="_bucket")
    return f"1 - {fast} / {growth(names.OPERATION_DURATION, by=by, window=window, series='_count')}"


# What is wrong now: one number each.

DURATION_NOW: Final = Query(quantile(names.OPERATION_DURATION, 0.95, window=NOW_WINDOW), "p95")
SLOWEST_NOW: Final = Query(quantile(names.OPERATION_DURATION, 0.99, window=NOW_WINDOW), "p99")
SLOW_NOW: Final = Query(_slow_share(NOW_WINDOW), "slow")
FIRST_CHUNK_NOW: Final = Query(quantile(names.TIME_TO_FIRST_CHUNK, 0.95, window=NOW_WINDOW), "p95")
OUTPUT_CHUNK_NOW: Final = Query(
    quantile(names.TIME_PER_OUTPUT_CHUNK, 0.95, window=NOW_WINDOW), "p95"
)
GATEWAY_NOW: Final = Query(quantile(names.GATEWAY_DURATION, 0.95, window=NOW_WINDOW), "p95")
CUT_NOW: Final = Query(
    ratio(
        per_second(names.STREAMS, _CUT, window=NOW_WINDOW),
        per_second(names.STREAMS, window=NOW_WINDOW),
    ),
    "cut",
)
TIMEOUTS_NOW: Final = Query(
    or_zero(growth(names.TIMEOUTS, window=NOW_WINDOW), traffic(NOW_WINDOW)), "timeouts"
)


# Why: the same three views of each time: percentiles, the models that are asked most, all of it.


def by_model(metric: Metric) -> Query:
    """The p95 of the models that are asked most."""
    by = (a.REQUEST_MODEL,)
    slowest = leading(quantile(metric, 0.95, by=by), metric, by=by, series="_count")
    return Query(slowest, shown(a.REQUEST_MODEL), exemplars=True)


def heat(metric: Metric) -> Query:
    """How many observations a second each bucket gets."""
    return Query(per_second(metric, by=("le",), series="_bucket"), "{{le}}", exemplars=True)


DURATION: Final = percentiles(names.OPERATION_DURATION)
DURATION_BY_MODEL: Final = by_model(names.OPERATION_DURATION)
DURATION_HEAT: Final = heat(names.OPERATION_DURATION)
FIRST_CHUNK: Final = percentiles(names.TIME_TO_FIRST_CHUNK)
FIRST_CHUNK_BY_MODEL: Final = by_model(names.TIME_TO_FIRST_CHUNK)
FIRST_CHUNK_HEAT: Final = heat(names.TIME_TO_FIRST_CHUNK)
OUTPUT_CHUNK: Final = percentiles(names.TIME_PER_OUTPUT_CHUNK)
OUTPUT_CHUNK_BY_MODEL: Final = by_model(names.TIME_PER_OUTPUT_CHUNK)
OUTPUT_CHUNK_HEAT: Final = heat(names.TIME_PER_OUTPUT_CHUNK)
GATEWAY: Final = percentiles(names.GATEWAY_DURATION)
GATEWAY_HEAT: Final = heat(names.GATEWAY_DURATION)


def _average(metric: Metric) -> str:
    return f"{per_second(metric, series='_sum')} / {per_second(metric, series='_count')}"


WHOSE_TIME: Final = (
    Query(_average(names.OPERATION_DURATION), "provider"),
    Query(_average(names.GATEWAY_DURATION), "gateway"),
)
STREAMS_BY_OUTCOME: Final = Query(
    per_second(names.STREAMS, by=(a.STREAM_OUTCOME,)), shown(a.STREAM_OUTCOME)
)


# Which: a table over the whole time range, column → query.


def _over_range(metric: Metric, share: float) -> str:
    return quantile(metric, share, by=MODEL, window=RANGE_WINDOW)


MODELS: Final = {
    "p95": _over_range(names.OPERATION_DURATION, 0.95),
    "p50": _over_range(names.OPERATION_DURATION, 0.50),
    "p99": _over_range(names.OPERATION_DURATION, 0.99),
    "Slow": _slow_share(RANGE_WINDOW, MODEL),
    "Requests": growth(names.OPERATION_DURATION, by=MODEL, series="_count"),
    "First chunk p95": _over_range(names.TIME_TO_FIRST_CHUNK, 0.95),
    "Output chunk p95": _over_range(names.TIME_PER_OUTPUT_CHUNK, 0.95),
}
