"""Every query of every panel: the only home of PromQL, LogQL and TraceQL.

Names of metrics and attributes come from `otel.names`, those of other components from
`grafana.dashboards.components`.
"""

from dataclasses import dataclass
from typing import Final

from grafana.dashboards import components
from grafana.dashboards.promql import (
    DAY_WINDOW,
    GRAPH_WINDOW,
    NOW_WINDOW,
    RANGE_WINDOW,
    growth,
    leading,
    or_zero,
    per_second,
    quantile,
    ratio,
)
from grafana.dashboards.selectors import ENVIRONMENT, SERVICE, environment_matcher, label, matchers
from otel import attributes as a
from otel import names

_HOUR: Final = 3600
_FAILED: Final = f'{label(a.ERROR_TYPE)}!=""'
_MODEL: Final = (a.PROVIDER_NAME, a.REQUEST_MODEL)


def _shown(attribute: str) -> str:
    """A label's value in a legend."""
    return "{{" + label(attribute) + "}}"


def _field(attribute: str) -> str:
    """A record's attribute in LogQL's line template."""
    return "{{." + label(attribute) + "}}"


def _tokens(attribute: str) -> str:
    """A count in a line template; an embedding has no output, a failure no tokens at all."""
    return f'{{{{ .{label(attribute)} | default "0" }}}}'


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a panel. `legend` is Grafana's template, or a fixed name."""

    expression: str
    legend: str = ""
    exemplars: bool = False


def _traffic(window: str) -> str:
    """Inferences per second: where there are none, a counter at rest says nothing either."""
    return per_second(names.OPERATION_DURATION, window=window, series="_count")


def _newest(*extra: str) -> str:
    """When each checked endpoint was last checked with such a result, in Unix seconds."""
    series = f"{components.HTTPCHECK_STATUS.prometheus}{environment_matcher(*extra)}"
    return f"max by ({label(ENVIRONMENT)}, http_url) (timestamp({series}))"


# What is wrong now: one number each.

# The receiver labels a good answer with its status code, and writes 0 without one when there is no
# answer: two series, of which the one that fell silent keeps its last value for minutes. So the
# service is up where the good answer is as new as the newest check.
_CHECKED: Final = _newest()
_ANSWERED: Final = _newest('http_status_class="2xx"', 'http_status_code!=""')
SERVICE_UP: Final = Query(
    f"min(({_ANSWERED} or 0 * {_CHECKED}) >= bool ({_CHECKED} > time() - 120))", "service"
)
ERROR_RATIO: Final = Query(
    ratio(
        per_second(names.OPERATION_DURATION, _FAILED, window=NOW_WINDOW, series="_count"),
        _traffic(NOW_WINDOW),
    ),
    "failed",
)
DURATION_NOW: Final = Query(quantile(names.OPERATION_DURATION, 0.95, window=NOW_WINDOW), "p95")
FIRST_CHUNK_NOW: Final = Query(quantile(names.TIME_TO_FIRST_CHUNK, 0.95, window=NOW_WINDOW), "p95")
COST_PER_HOUR_NOW: Final = Query(
    or_zero(f"{per_second(names.COST, window=NOW_WINDOW)} * {_HOUR}", _traffic(NOW_WINDOW)),
    "cost",
)
COST_OF_A_DAY: Final = Query(
    or_zero(growth(names.COST, window=DAY_WINDOW), _traffic(DAY_WINDOW)), "cost"
)
UNPRICED_OF_A_DAY: Final = Query(
    or_zero(growth(names.UNPRICED_OPERATIONS, window=DAY_WINDOW), _traffic(DAY_WINDOW)), "unpriced"
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
    _shown(a.REQUEST_MODEL),
)
FAILURES_BY_TYPE: Final = (
    Query(
        or_zero(
            per_second(names.OPERATION_DURATION, _FAILED, series="_count"), _traffic(GRAPH_WINDOW)
        ),
        "all failed",
    ),
    Query(
        per_second(names.OPERATION_DURATION, _FAILED, by=(a.ERROR_TYPE,), series="_count"),
        _shown(a.ERROR_TYPE),
    ),
    Query(
        per_second(names.REQUESTS_REJECTED, by=(a.ERROR_TYPE,)),
        f"rejected: {_shown(a.ERROR_TYPE)}",
    ),
)
ANSWERS_BY_STATUS: Final = Query(
    per_second(names.HTTP_SERVER_DURATION, by=(a.HTTP_STATUS_CODE,), series="_count"),
    _shown(a.HTTP_STATUS_CODE),
)

# Why: latency. Exemplars are asked for once a panel: each query would bring the same ones again.


def _percentiles(metric: names.Metric) -> tuple[Query, ...]:
    return (
        Query(quantile(metric, 0.50), "p50"),
        Query(quantile(metric, 0.95), "p95", exemplars=True),
        Query(quantile(metric, 0.99), "p99"),
    )


DURATION: Final = _percentiles(names.OPERATION_DURATION)
FIRST_CHUNK: Final = _percentiles(names.TIME_TO_FIRST_CHUNK)
GATEWAY_TIME: Final = _percentiles(names.GATEWAY_DURATION)

# Why: money, tokens, cache.

COST_PER_HOUR_BY_MODEL: Final = Query(
    leading(
        f"{per_second(names.COST, by=(a.REQUEST_MODEL,))} * {_HOUR}",
        names.COST,
        by=(a.REQUEST_MODEL,),
    ),
    _shown(a.REQUEST_MODEL),
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
    Query(or_zero(per_second(names.PROVIDER_ERRORS), _traffic(GRAPH_WINDOW)), "all"),
    Query(
        leading(
            per_second(names.PROVIDER_ERRORS, by=(a.PROVIDER_NAME, a.ERROR_TYPE)),
            names.PROVIDER_ERRORS,
            by=(a.PROVIDER_NAME, a.ERROR_TYPE),
            most=5,
        ),
        f"{_shown(a.PROVIDER_NAME)} {_shown(a.ERROR_TYPE)}",
    ),
)
RETRIES_AND_FALLBACKS: Final = (
    Query(or_zero(per_second(names.RETRIES), _traffic(GRAPH_WINDOW)), "retries"),
    Query(or_zero(per_second(names.FALLBACKS), _traffic(GRAPH_WINDOW)), "fallbacks"),
    Query(or_zero(per_second(names.TIMEOUTS), _traffic(GRAPH_WINDOW)), "timeouts"),
)
STREAMS_BY_OUTCOME: Final = Query(
    per_second(names.STREAMS, by=(a.STREAM_OUTCOME,)), _shown(a.STREAM_OUTCOME)
)


# Which: tables over the whole time range, column → query.


def _usage_table(by: tuple[str, ...]) -> dict[str, str]:
    requests = growth(names.OPERATION_DURATION, by=by, series="_count")
    tokens_in, tokens_out = growth(names.INPUT_TOKENS, by=by), growth(names.OUTPUT_TOKENS, by=by)
    return {
        "Cost": growth(names.COST, by=by),
        "Requests": requests,
        "Failed": ratio(
            growth(names.OPERATION_DURATION, _FAILED, by=by, series="_count"), requests
        ),
        "p95": quantile(names.OPERATION_DURATION, 0.95, by=by, window=RANGE_WINDOW),
        "Tokens": f"{tokens_in} + ({tokens_out} or 0 * {tokens_in})",
    }


MODELS: Final = _usage_table(_MODEL)
APPS: Final = _usage_table((a.APP,))

# Which: single requests, from the usage records. Their attributes are structured metadata.

# Loki wants one matcher that cannot match an empty label, which "All" can.
_STREAMS: Final = environment_matcher(f'{label(SERVICE)}=~".+"')
_USAGE_RECORDS: Final = (
    f'{_STREAMS} |= "{names.USAGE_BODY}"'
    f' | {label(a.APP)}=~"$app" | {label(a.PROVIDER_NAME)}=~"$provider"'
    f' | {label(a.REQUEST_MODEL)}=~"$model"'
)
# What tells the inferences of a trace apart: after a fallback there are two, at two models.
_REQUEST: Final = (label(a.REQUEST_MODEL), label(a.APP), label(a.OUTCOME), "trace_id")


def _highest(value: str) -> str:
    return (
        f"topk(10, max_over_time({_USAGE_RECORDS} | unwrap {value} | __error__=``"
        f" [{RANGE_WINDOW}]) by ({', '.join(_REQUEST)}))"
    )


SLOWEST_REQUESTS: Final = Query(_highest(label(a.LATENCY_MS)))
DEAREST_REQUESTS: Final = Query(_highest(label(a.COST)))
_PRICE: Final = (
    f"{{{{ if .{label(a.COST)} }}}}${_field(a.COST)}"
    f"{{{{ else if .{label(a.UNPRICED)} }}}}unpriced{{{{ else }}}}no cost{{{{ end }}}}"
)
_USAGE_LINE: Final = (
    f"{_field(a.OPERATION_NAME)} {_field(a.REQUEST_MODEL)} for {_field(a.APP)}: {_field(a.OUTCOME)}"
    f" in {_field(a.LATENCY_MS)} ms, {_tokens(a.USAGE_INPUT_TOKENS)} tokens in,"
    f" {_tokens(a.USAGE_OUTPUT_TOKENS)} out, {_PRICE}"
)
RECENT_USAGE: Final = Query(f"{_USAGE_RECORDS} | line_format `{_USAGE_LINE}`")

# Traces that match what the panel shows, opened from the panel's title.

SLOW_TRACES: Final = f'{{ span.{a.REQUEST_MODEL} =~ "$model" && duration > 2s }}'
FAILED_TRACES: Final = f'{{ span.{a.REQUEST_MODEL} =~ "$model" && status = error }}'


def logs_of_trace(trace: str) -> str:
    """Every log line of one trace, from any service."""
    return f'{{{label(SERVICE)}=~".+"}} | trace_id="{trace}"'


# What the variables offer.


def values_of(attribute: str) -> str:
    """The values that inferences were recorded with, within the environment chosen."""
    metric = f"{names.OPERATION_DURATION.prometheus}_count"
    chosen = environment_matcher() if attribute in names.OPERATION_DURATION.attributes else ""
    return f"label_values({metric}{chosen}, {label(attribute)})"
