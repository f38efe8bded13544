"""Every metric's name, kind, unit, buckets, allowed labels and Prometheus spelling, stated once.

Dashboards, rules, documentation and tests read this table; `otel.instruments` creates from it.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from otel import attributes as a

# The scope every signal of ours carries.
SCOPE: Final = "gaugeway"
USAGE_LOGGER: Final = "gaugeway.usage"
USAGE_BODY: Final = "usage recorded"
SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.41.0"


class Kind(Enum):
    """The instrument a metric is recorded with."""

    HISTOGRAM = "histogram"
    COUNTER = "counter"
    UP_DOWN_COUNTER = "up-down counter"
    OBSERVABLE_UP_DOWN_COUNTER = "observable up-down counter"
    GAUGE = "gauge"
    OBSERVABLE_GAUGE = "observable gauge"
    OBSERVABLE_COUNTER = "observable counter"


_PROMETHEUS_UNITS: Final = {
    "s": "seconds",
    "ms": "milliseconds",
    "By": "bytes",
    "1": "ratio",
    "%": "percent",
}
_COUNTERS: Final = frozenset({Kind.COUNTER, Kind.OBSERVABLE_COUNTER})
_GAUGES: Final = frozenset({Kind.GAUGE, Kind.OBSERVABLE_GAUGE})


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. `foreign` ones are recorded by a library or the SDK, and charted by us."""

    name: str
    kind: Kind
    unit: str
    meaning: str
    attributes: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    foreign: bool = False

    @property
    def prometheus(self) -> str:
        """The name in Prometheus under UnderscoreEscapingWithSuffixes.

        A histogram's series add `_bucket`, `_sum` and `_count` to it.
        """
        spelled = self.name.replace(".", "_").replace("-", "_")
        suffix = _PROMETHEUS_UNITS.get(self.unit, "")
        if suffix == "ratio" and self.kind not in _GAUGES:
            suffix = ""
        if suffix and not spelled.endswith("_" + suffix):
            spelled = f"{spelled}_{suffix}"
        if self.kind in _COUNTERS and not spelled.endswith("_total"):
            spelled = f"{spelled}_total"
        return spelled


# Buckets of the GenAI conventions, v1.41.0.
DURATION_BUCKETS: Final = (
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
)  # fmt: skip
TOKEN_BUCKETS: Final = (
    1.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 16384.0, 65536.0, 262144.0, 1048576.0,
    4194304.0, 16777216.0, 67108864.0,
)  # fmt: skip
# Buckets of the HTTP and database conventions.
HTTP_BUCKETS: Final = (
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
)  # fmt: skip
DB_BUCKETS: Final = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0)
# A gateway's own part is fractions of a millisecond, and seconds when it is ill.
GATEWAY_BUCKETS: Final = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
)  # fmt: skip

GENAI: Final = (
    a.OPERATION_NAME,
    a.PROVIDER_NAME,
    a.REQUEST_MODEL,
    a.RESPONSE_MODEL,
    a.SERVER_ADDRESS,
    a.SERVER_PORT,
)
_TOKENS: Final = (*GENAI, a.TOKEN_MODALITY, a.APP)

OPERATION_DURATION: Final = Metric(
    "gen_ai.client.operation.duration",
    Kind.HISTOGRAM,
    "s",
    "How long an inference took, retries of its target included.",
    (*GENAI, a.ERROR_TYPE, a.APP),
    DURATION_BUCKETS,
)
TOKEN_USAGE: Final = Metric(
    "gen_ai.client.token.usage",
    Kind.HISTOGRAM,
    "{token}",
    "Tokens of one inference, input and output apart.",
    (*GENAI, a.TOKEN_TYPE, a.APP),
    TOKEN_BUCKETS,
)
TIME_TO_FIRST_CHUNK: Final = Metric(
    "gen_ai.client.operation.time_to_first_chunk",
    Kind.HISTOGRAM,
    "s",
    "From the call to the first chunk of a stream.",
    (*GENAI, a.APP),
    DURATION_BUCKETS,
)
TIME_PER_OUTPUT_CHUNK: Final = Metric(
    "gen_ai.client.operation.time_per_output_chunk",
    Kind.HISTOGRAM,
    "s",
    "From one chunk of a stream to the next; one point a chunk after the first.",
    (*GENAI, a.APP),
    DURATION_BUCKETS,
)
INPUT_TOKENS: Final = Metric(
    "gen_ai.client.inference.usage.input_tokens",
    Kind.COUNTER,
    "{token}",
    "Input tokens, cached ones included.",
    _TOKENS,
)
OUTPUT_TOKENS: Final = Metric(
    "gen_ai.client.inference.usage.output_tokens",
    Kind.COUNTER,
    "{token}",
    "Output tokens, reasoning included.",
    _TOKENS,
)
CACHE_READ_TOKENS: Final = Metric(
    "gen_ai.client.inference.usage.cache_read.input_tokens",
    Kind.COUNTER,
    "{token}",
    "Input tokens read from the provider's cache.",
    _TOKENS,
)
CACHE_WRITE_TOKENS: Final = Metric(
    "gen_ai.client.inference.usage.cache_write.input_tokens",
    Kind.COUNTER,
    "{token}",
    "Input tokens written to the provider's cache.",
    _TOKENS,
)
REASONING_TOKENS: Final = Metric(
    "gen_ai.client.inference.usage.reasoning.output_tokens",
    Kind.COUNTER,
    "{token}",
    "Output tokens spent on reasoning.",
    _TOKENS,
)
COST: Final = Metric(
    "gaugeway.cost",
    Kind.COUNTER,
    "{USD}",
    "What inferences cost. A double: the exact decimal is on the span and the usage record.",
    (a.OPERATION_NAME, a.PROVIDER_NAME, a.REQUEST_MODEL, a.RESPONSE_MODEL, a.APP, a.COMPONENT),
)
UNPRICED_OPERATIONS: Final = Metric(
    "gaugeway.unpriced.operations",
    Kind.COUNTER,
    "{operation}",
    "Inferences whose price is not known, which therefore have no cost.",
    (a.OPERATION_NAME, a.PROVIDER_NAME, a.REQUEST_MODEL, a.APP),
)
PROVIDER_ERRORS: Final = Metric(
    "gaugeway.provider.errors",
    Kind.COUNTER,
    "{error}",
    "Failed attempts at a provider, those that were retried too.",
    (
        a.PROVIDER_NAME,
        a.REQUEST_MODEL,
        a.HTTP_STATUS_CODE,
        a.PROVIDER_ERROR_CODE,
        a.COMPONENT,
        a.ERROR_TYPE,
    ),
)
RETRIES: Final = Metric(
    "gaugeway.retries",
    Kind.COUNTER,
    "{retry}",
    "Attempts after the first at the same target.",
    (a.PROVIDER_NAME, a.REQUEST_MODEL, a.ERROR_TYPE),
)
FALLBACKS: Final = Metric(
    "gaugeway.fallbacks",
    Kind.COUNTER,
    "{fallback}",
    "Changes from a failed target to the next.",
    (a.FALLBACK_FROM, a.FALLBACK_TO, a.ERROR_TYPE),
)
TIMEOUTS: Final = Metric(
    "gaugeway.timeouts",
    Kind.COUNTER,
    "{timeout}",
    "Attempts that ran out of time, by the limit they met.",
    (a.PROVIDER_NAME, a.REQUEST_MODEL, a.TIMEOUT_KIND),
)
CACHE_REQUESTS: Final = Metric(
    "gaugeway.cache.requests",
    Kind.COUNTER,
    "{request}",
    "Requests by what the response cache did.",
    (a.CACHE_RESULT, a.APP),
)
GATEWAY_DURATION: Final = Metric(
    "gaugeway.gateway.duration",
    Kind.HISTOGRAM,
    "s",
    "The gateway's own part of a request: request time less provider time.",
    (a.OPERATION_NAME, a.HTTP_STATUS_CODE),
    GATEWAY_BUCKETS,
)
REQUESTS_REJECTED: Final = Metric(
    "gaugeway.requests.rejected",
    Kind.COUNTER,
    "{request}",
    "Requests refused before a provider was asked.",
    (a.ERROR_TYPE, a.HTTP_STATUS_CODE),
)
STREAMS: Final = Metric(
    "gaugeway.streams",
    Kind.COUNTER,
    "{stream}",
    "Streams by how they ended.",
    (a.STREAM_OUTCOME, a.PROVIDER_NAME, a.REQUEST_MODEL),
)
DB_OPERATION_DURATION: Final = Metric(
    "db.client.operation.duration",
    Kind.HISTOGRAM,
    "s",
    "How long a Redis command took.",
    (a.DB_SYSTEM_NAME, a.DB_OPERATION_NAME, a.ERROR_TYPE),
    DB_BUCKETS,
)
DB_CONNECTIONS: Final = Metric(
    "db.client.connection.count",
    Kind.OBSERVABLE_UP_DOWN_COUNTER,
    "{connection}",
    "Redis connections by state.",
    (a.DB_POOL_NAME, a.DB_CONNECTION_STATE),
)
DEPENDENCY_UP: Final = Metric(
    "gaugeway.dependency.up",
    Kind.GAUGE,
    "",
    "1 when the dependency answered its last check, else 0.",
    (a.DEPENDENCY_NAME,),
)
DEPENDENCY_CHECK_DURATION: Final = Metric(
    "gaugeway.dependency.check.duration",
    Kind.HISTOGRAM,
    "s",
    "How long a dependency's check took.",
    (a.DEPENDENCY_NAME, a.ERROR_TYPE),
    HTTP_BUCKETS,
)
EVENT_LOOP_LAG: Final = Metric(
    "gaugeway.event_loop.lag",
    Kind.HISTOGRAM,
    "s",
    "How late the event loop woke a timer.",
    (),
    GATEWAY_BUCKETS,
)
APP_OPERATION_DURATION: Final = Metric(
    "gaugeway.operation.duration",
    Kind.HISTOGRAM,
    "s",
    "How long an application's own operation took.",
    (a.OPERATION_LABEL, a.ERROR_TYPE),
    DURATION_BUCKETS,
)
TELEMETRY_DROPPED: Final = Metric(
    "gaugeway.telemetry.dropped",
    Kind.OBSERVABLE_COUNTER,
    "{item}",
    "Spans, log records and pushes of metrics that were lost: `error.type` is `queue_full`, "
    "`export_failed` or `shutdown`.",
    (a.TELEMETRY_SIGNAL, a.ERROR_TYPE),
)
CARDINALITY_OVERFLOW: Final = Metric(
    "gaugeway.cardinality.overflow",
    Kind.COUNTER,
    "{measurement}",
    "Measurements one of whose labels was replaced by `_OTHER`, or dropped as undeclared.",
    (a.METRIC_NAME, a.ATTRIBUTE_KEY),
)

OURS: Final = (
    OPERATION_DURATION,
    TOKEN_USAGE,
    TIME_TO_FIRST_CHUNK,
    TIME_PER_OUTPUT_CHUNK,
    INPUT_TOKENS,
    OUTPUT_TOKENS,
    CACHE_READ_TOKENS,
    CACHE_WRITE_TOKENS,
    REASONING_TOKENS,
    COST,
    UNPRICED_OPERATIONS,
    PROVIDER_ERRORS,
    RETRIES,
    FALLBACKS,
    TIMEOUTS,
    CACHE_REQUESTS,
    GATEWAY_DURATION,
    REQUESTS_REJECTED,
    STREAMS,
    DB_OPERATION_DURATION,
    DB_CONNECTIONS,
    DEPENDENCY_UP,
    DEPENDENCY_CHECK_DURATION,
    EVENT_LOOP_LAG,
    APP_OPERATION_DURATION,
    TELEMETRY_DROPPED,
    CARDINALITY_OVERFLOW,
)
