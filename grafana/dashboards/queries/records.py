"""Usage records in Loki: their attributes are structured metadata."""

from typing import Final

from grafana.dashboards.promql import RANGE_WINDOW
from grafana.dashboards.queries.query import Query
from grafana.dashboards.selectors import SERVICE, environment_matcher, label
from grafana.dashboards.thresholds import DURATION_SECONDS
from otel import attributes as a
from otel import names

# Made by a query from the number of a prompt's tokens.
PROMPT_SIZE: Final = "prompt"
# For graphs: the distance between two of their points.
INTERVAL: Final = "$__interval"


def _field(attribute: str) -> str:
    """A record's attribute in LogQL's line template."""
    return "{{." + label(attribute) + "}}"


def _tokens(attribute: str) -> str:
    """A count in a line template; an embedding has no output, a failure no tokens at all."""
    return f'{{{{ .{label(attribute)} | default "0" }}}}'


# Loki wants one matcher that cannot match an empty label, which "All" can.
_STREAMS: Final = environment_matcher(f'{label(SERVICE)}=~".+"')
USAGE_RECORDS: Final = (
    f'{_STREAMS} |= "{names.USAGE_BODY}"'
    f' | {label(a.APP)}=~"$app" | {label(a.PROVIDER_NAME)}=~"$provider"'
    f' | {label(a.REQUEST_MODEL)}=~"$model"'
)
# What tells the inferences of a trace apart: after a fallback there are two, at two models.
_REQUEST: Final = (label(a.REQUEST_MODEL), label(a.APP), label(a.OUTCOME), "trace_id")


def highest(value: str, *besides: str, records: str = USAGE_RECORDS) -> str:
    """The ten requests whose attribute is the highest, over the whole time range.

    `besides` are further attributes to tell of each.
    """
    told = ", ".join([*_REQUEST, *map(label, besides)])
    return (
        f"topk(10, max_over_time({records} | unwrap {value} | __error__=``"
        f" [{RANGE_WINDOW}]) by ({told}))"
    )


# The upper bounds of a prompt's tokens, which a request's time is looked at by.
_PROMPT_SIZES: Final = ((100, "under 100"), (1_000, "under 1,000"), (10_000, "under 10,000"))
_LARGEST: Final = "10,000 and more"
_INPUT_TOKENS: Final = label(a.USAGE_INPUT_TOKENS)
_SLOW_MILLISECONDS: Final = DURATION_SECONDS.warning * 1000


def _size() -> str:
    """A line template that names the size of a record's prompt."""
    cases = "{{ else ".join(
        f"if lt (int .{_INPUT_TOKENS}) {bound} }}}}{name}" for bound, name in _PROMPT_SIZES
    )
    return f"{{{{ {cases}{{{{ else }}}}{_LARGEST}{{{{ end }}}}"


# A request that failed has no tokens, and one that failed at once would look fast.
_WITH_TOKENS: Final = f'{USAGE_RECORDS} | {_INPUT_TOKENS}!=""'
_SIZED: Final = f"{_WITH_TOKENS} | label_format {PROMPT_SIZE}=`{_size()}`"


def _latency(function: str, window: str) -> str:
    return (
        f"{function} {_SIZED} | unwrap {label(a.LATENCY_MS)} | __error__=`` [{window}])"
        f" by ({PROMPT_SIZE})"
    )


def _counted(*extra: str) -> str:
    return (
        f"sum by ({PROMPT_SIZE}) (count_over_time({' | '.join([_SIZED, *extra])} [{RANGE_WINDOW}]))"
    )


LATENCY_BY_PROMPT_SIZE: Final = Query(
    _latency("quantile_over_time(0.95,", INTERVAL), "{{" + PROMPT_SIZE + "}}"
)
# Column → query over the whole time range.
PROMPT_SIZES: Final = {
    "p95": _latency("quantile_over_time(0.95,", RANGE_WINDOW),
    "p50": _latency("quantile_over_time(0.5,", RANGE_WINDOW),
    "Slowest": _latency("max_over_time(", RANGE_WINDOW),
    "Requests": _counted(),
    "Slow": f"{_counted(f'{label(a.LATENCY_MS)} > {_SLOW_MILLISECONDS:g}')} or 0 * {_counted()}",
}
SLOWEST_PROMPTS: Final = Query(
    highest(
        label(a.LATENCY_MS),
        *(a.USAGE_INPUT_TOKENS, a.USAGE_OUTPUT_TOKENS),
        records=_WITH_TOKENS,
    )
)
SLOWEST_REQUESTS: Final = Query(highest(label(a.LATENCY_MS)))
DEAREST_REQUESTS: Final = Query(highest(label(a.COST)))
_PRICE: Final = (
    f"{{{{ if .{label(a.COST)} }}}}${_field(a.COST)}"
    f"{{{{ else if .{label(a.UNPRICED)} }}}}unpriced{{{{ else }}}}no cost{{{{ end }}}}"
)
_USAGE_LINE: Final = (
    f"{_field(a.OPERATION_NAME)} {_field(a.REQUEST_MODEL)} for {_field(a.APP)}: {_field(a.OUTCOME)}"
    f" in {_field(a.LATENCY_MS)} ms, {_tokens(a.USAGE_INPUT_TOKENS)} tokens in,"
    f" {_tokens(a.USAGE_OUTPUT_TOKENS)} out, {_PRICE}"
)
RECENT_USAGE: Final = Query(f"{USAGE_RECORDS} | line_format `{_USAGE_LINE}`")
# Of a usage record the model and the outcome say more than its text, which is always the same.
_RECORD_LINE: Final = (
    f"{_field(SERVICE)} {{{{.severity_text}}}}: {{{{ __line__ }}}}"
    f"{{{{ if .{label(a.OUTCOME)} }}}}: {_field(a.REQUEST_MODEL)}, {_field(a.OUTCOME)}{{{{ end }}}}"
)
RECENT_RECORDS: Final = Query(f"{_STREAMS} | line_format `{_RECORD_LINE}`")


def logs_of_trace(trace: str) -> str:
    """Every log line of one trace, from any service."""
    return f'{{{label(SERVICE)}=~".+"}} | trace_id="{trace}"'
