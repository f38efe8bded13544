"""The queries of "Provider health"."""

from typing import Final

from grafana.dashboards import thresholds
from grafana.dashboards.promql import (
    DAY_WINDOW,
    GRAPH_WINDOW,
    NOW_WINDOW,
    RANGE_WINDOW,
    growth,
    leading,
    or_none,
    or_zero,
    per_second,
    quantile,
    ratio,
)
from grafana.dashboards.queries.query import MODEL, Query, shown, traffic
from grafana.dashboards.queries.records import USAGE_RECORDS
from grafana.dashboards.selectors import label, labels, matchers
from otel import attributes as a
from otel import names

_STATUS: Final = label(a.HTTP_STATUS_CODE)
_RATE_LIMITED: Final = f'{_STATUS}="429"'
_CREDENTIALS: Final = f'{_STATUS}=~"401|402"'
_INCIDENTS: Final = f'{_STATUS}=~"401|402|429"'
_PROVIDER: Final = (a.PROVIDER_NAME,)
# Failures that are the caller's or our own: requests no provider could serve, our shutdown.
_NOT_THE_PROVIDERS: Final = ("rejected", "unsupported", "too_large", "shutdown")
_NOT_THEIRS: Final = f'{label(a.ERROR_TYPE)}=~"{"|".join(_NOT_THE_PROVIDERS)}"'
PROVIDERS_FAULT: Final = f'{label(a.ERROR_TYPE)}!~"|{"|".join(_NOT_THE_PROVIDERS)}"'


def _calls(*extra: str, window: str = GRAPH_WINDOW, by: tuple[str, ...] = ()) -> str:
    return per_second(names.OPERATION_DURATION, *extra, by=by, window=window, series="_count")


def _counted(metric: names.Metric, *extra: str, window: str) -> str:
    return or_zero(growth(metric, *extra, window=window), traffic(window))


def _budget_used(by: tuple[str, ...] = ()) -> str:
    """Failures of 24 hours, of those that may fail of so many calls; 1 is all of them."""
    failed, calls = (
        growth(names.OPERATION_DURATION, *extra, by=by, window=DAY_WINDOW, series="_count")
        for extra in ((PROVIDERS_FAULT,), ())
    )
    return f"{ratio(failed, calls)} / {thresholds.PROVIDER_ERROR_BUDGET_RATIO:g}"


def _headroom(by: tuple[str, ...] = ()) -> str:
    """What is left of what is allowed; of several workers' words the lowest."""
    left, limit = (
        f"{metric.prometheus}{matchers(metric)}"
        for metric in (names.RATE_LIMIT_REMAINING, names.RATE_LIMIT)
    )
    grouped = f" by ({labels(*by)}) " if by else ""
    return f"min{grouped}({left} / {limit})"


def _named(expression: str, missing: str) -> str:
    """A status for attempts that had none, so that their legend is not empty."""
    return f'label_replace({expression}, "{_STATUS}", "{missing}", "{_STATUS}", "")'


# What is wrong now: one number each.

SUCCESS_RATIO: Final = Query(
    f"1 - {ratio(_calls(PROVIDERS_FAULT, window=NOW_WINDOW), _calls(window=NOW_WINDOW))}",
    "succeeded",
)
FAILED_ATTEMPTS_NOW: Final = Query(
    or_zero(per_second(names.PROVIDER_ERRORS, window=NOW_WINDOW), traffic(NOW_WINDOW)), "failed"
)
RATE_LIMITED_NOW: Final = Query(
    _counted(names.PROVIDER_ERRORS, _RATE_LIMITED, window=NOW_WINDOW), "429"
)
CREDENTIALS_OF_A_DAY: Final = Query(
    _counted(names.PROVIDER_ERRORS, _CREDENTIALS, window=DAY_WINDOW), "401 and 402"
)
HEADROOM_NOW: Final = Query(_headroom(), "left")
DURATION_NOW: Final = Query(quantile(names.OPERATION_DURATION, 0.95, window=NOW_WINDOW), "p95")
TIMEOUTS_NOW: Final = Query(_counted(names.TIMEOUTS, window=NOW_WINDOW), "timeouts")
BUDGET_USED: Final = Query(_budget_used(), "used")

# Why: success and failure.

CALLS_BY_RESULT: Final = (
    Query(_calls(f'{label(a.ERROR_TYPE)}=""'), "succeeded"),
    Query(or_zero(_calls(PROVIDERS_FAULT), traffic(GRAPH_WINDOW)), "failed"),
    Query(or_zero(_calls(_NOT_THEIRS), traffic(GRAPH_WINDOW)), "not the provider's fault"),
)
FAILURE_RATIO: Final = Query(
    leading(
        f"({ratio(_calls(PROVIDERS_FAULT, by=MODEL), _calls(by=MODEL))})",
        names.OPERATION_DURATION,
        by=MODEL,
        series="_count",
    ),
    f"{shown(a.PROVIDER_NAME)} {shown(a.REQUEST_MODEL)}",
)
ATTEMPTS_BY_STATUS: Final = Query(
    _named(per_second(names.PROVIDER_ERRORS, by=(a.HTTP_STATUS_CODE,)), "no answer"),
    shown(a.HTTP_STATUS_CODE),
)

# Why: limits and credentials.

INCIDENTS: Final = (
    Query(
        or_zero(
            growth(names.PROVIDER_ERRORS, _INCIDENTS, window=GRAPH_WINDOW), traffic(GRAPH_WINDOW)
        ),
        "all",
    ),
    Query(
        growth(
            names.PROVIDER_ERRORS,
            _INCIDENTS,
            by=(a.PROVIDER_NAME, a.HTTP_STATUS_CODE),
            window=GRAPH_WINDOW,
        ),
        f"{shown(a.PROVIDER_NAME)} {shown(a.HTTP_STATUS_CODE)}",
    ),
)
HEADROOM: Final = Query(
    _headroom((a.TARGET, a.RATE_LIMIT_KIND)), f"{shown(a.TARGET)} {shown(a.RATE_LIMIT_KIND)}"
)
BUDGET_USED_BY_PROVIDER: Final = Query(_budget_used(_PROVIDER), shown(a.PROVIDER_NAME))

# Why: time.

DURATION_BY_MODEL: Final = Query(
    leading(
        quantile(names.OPERATION_DURATION, 0.95, by=MODEL),
        names.OPERATION_DURATION,
        by=MODEL,
        series="_count",
    ),
    f"{shown(a.PROVIDER_NAME)} {shown(a.REQUEST_MODEL)}",
    exemplars=True,
)
_KIND: Final = (a.TIMEOUT_KIND,)
TIMEOUTS_BY_KIND: Final = Query(
    or_none(per_second(names.TIMEOUTS, by=_KIND), traffic(GRAPH_WINDOW), by=_KIND),
    shown(a.TIMEOUT_KIND),
)
FALLBACKS_BY_WAY: Final = (
    Query(or_zero(per_second(names.FALLBACKS), traffic(GRAPH_WINDOW)), "all"),
    Query(
        per_second(names.FALLBACKS, by=(a.FALLBACK_FROM, a.FALLBACK_TO)),
        f"{shown(a.FALLBACK_FROM)} → {shown(a.FALLBACK_TO)}",
    ),
)
RETRIES_BY_TYPE: Final = (
    Query(or_zero(per_second(names.RETRIES), traffic(GRAPH_WINDOW)), "all"),
    Query(per_second(names.RETRIES, by=(a.ERROR_TYPE,)), shown(a.ERROR_TYPE)),
)

# Which: tables over the whole time range, column → query.

_ALL_CALLS: Final = growth(names.OPERATION_DURATION, by=MODEL, series="_count")
PROVIDERS: Final = {
    "Calls": _ALL_CALLS,
    "Failed": ratio(
        growth(names.OPERATION_DURATION, PROVIDERS_FAULT, by=MODEL, series="_count"), _ALL_CALLS
    ),
    "p95": quantile(names.OPERATION_DURATION, 0.95, by=MODEL, window=RANGE_WINDOW),
    "Retries": or_zero(growth(names.RETRIES, by=MODEL), _ALL_CALLS),
    "Timeouts": or_zero(growth(names.TIMEOUTS, by=MODEL), _ALL_CALLS),
    "429": or_zero(growth(names.PROVIDER_ERRORS, _RATE_LIMITED, by=MODEL), _ALL_CALLS),
}
ERROR: Final = (
    a.PROVIDER_NAME,
    a.COMPONENT,
    a.REQUEST_MODEL,
    a.HTTP_STATUS_CODE,
    a.PROVIDER_ERROR_CODE,
    a.ERROR_TYPE,
)
_TOP_ERRORS: Final = f"topk(20, {growth(names.PROVIDER_ERRORS, by=ERROR)} > 0)"
TOP_ERRORS: Final = {
    "Attempts": _TOP_ERRORS,
    "Last 5 min": f"{growth(names.PROVIDER_ERRORS, by=ERROR, window=NOW_WINDOW)}"
    f" and on ({labels(*ERROR)}) {_TOP_ERRORS}",
}
_LIMITED: Final = (a.TARGET, a.REQUEST_MODEL, a.RATE_LIMIT_KIND)
RATE_LIMITS: Final = {
    "Used": f"1 - {_headroom(_LIMITED)}",
    "Remaining": f"min by ({labels(*_LIMITED)}) "
    f"({names.RATE_LIMIT_REMAINING.prometheus}{matchers(names.RATE_LIMIT_REMAINING)})",
    "Limit": f"min by ({labels(*_LIMITED)}) "
    f"({names.RATE_LIMIT.prometheus}{matchers(names.RATE_LIMIT)})",
}

# Which request: from the usage records of those that failed.

_FAILED_RECORDS: Final = f'{USAGE_RECORDS} | {label(a.ERROR_TYPE)}!=""'
_TOLD: Final = labels(a.REQUEST_MODEL, a.APP, a.TARGET, a.ERROR_TYPE)
SLOWEST_FAILURES: Final = Query(
    f"topk(10, max_over_time({_FAILED_RECORDS} | unwrap {label(a.LATENCY_MS)} | __error__=``"
    f" [{RANGE_WINDOW}]) by ({_TOLD}, trace_id))"
)
_LINE: Final = " ".join(
    f"{{{{.{label(attribute)}}}}}"
    for attribute in (a.ERROR_TYPE, a.OUTCOME, a.PROVIDER_NAME, a.REQUEST_MODEL)
)
RECENT_FAILURES: Final = Query(
    f"{_FAILED_RECORDS} | line_format `{_LINE} at {{{{.{label(a.TARGET)}}}}}"
    f" for {{{{.{label(a.APP)}}}}} after {{{{.{label(a.LATENCY_MS)}}}}} ms`"
)

# Traces that match what the panel shows, opened from the panel's title.

FAILED_TRACES: Final = (
    f'{{ span.{a.PROVIDER_NAME} =~ "$provider" && span.{a.REQUEST_MODEL} =~ "$model"'
    " && status = error }"
)
SLOW_TRACES: Final = (
    f'{{ span.{a.PROVIDER_NAME} =~ "$provider" && span.{a.REQUEST_MODEL} =~ "$model"'
    f" && duration > {thresholds.PROVIDER_SECONDS.warning:g}s }}"
)
