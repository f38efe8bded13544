"""Usage records in Loki: their attributes are structured metadata."""

from typing import Final

from grafana.dashboards.promql import RANGE_WINDOW
from grafana.dashboards.queries.query import Query
from grafana.dashboards.selectors import SERVICE, environment_matcher, label
from otel import attributes as a
from otel import names


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


def highest(value: str) -> str:
    """The ten requests whose attribute is the highest, over the whole time range."""
    return (
        f"topk(10, max_over_time({USAGE_RECORDS} | unwrap {value} | __error__=``"
        f" [{RANGE_WINDOW}]) by ({', '.join(_REQUEST)}))"
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


def logs_of_trace(trace: str) -> str:
    """Every log line of one trace, from any service."""
    return f'{{{label(SERVICE)}=~".+"}} | trace_id="{trace}"'
