"""Every metric's name, kind, unit, buckets, allowed labels and Prometheus spelling, stated once.

Dashboards, rules, documentation and tests read this table; `otel.instruments` creates from it.
"""

from typing import Final

from otel import attributes as a
from otel.metric import DB_BUCKETS as DB_BUCKETS
from otel.metric import DURATION_BUCKETS as DURATION_BUCKETS
from otel.metric import GATEWAY_BUCKETS as GATEWAY_BUCKETS
from otel.metric import HTTP_BUCKETS as HTTP_BUCKETS
from otel.metric import TOKEN_BUCKETS as TOKEN_BUCKETS
from otel.metric import Kind as Kind
from otel.metric import Metric as Metric
from otel.provider_limits import PROVIDER_LIMITS as PROVIDER_LIMITS
from otel.provider_limits import RATE_LIMIT as RATE_LIMIT
from otel.provider_limits import RATE_LIMIT_REMAINING as RATE_LIMIT_REMAINING
from otel.spending import BUDGET_DENIALS as BUDGET_DENIALS
from otel.spending import BUDGET_FORECAST as BUDGET_FORECAST
from otel.spending import BUDGET_LIMIT as BUDGET_LIMIT
from otel.spending import BUDGET_REMAINING as BUDGET_REMAINING
from otel.spending import BUDGET_RESERVED as BUDGET_RESERVED
from otel.spending import BUDGET_SPENT as BUDGET_SPENT
from otel.spending import BUDGET_UNCHECKED as BUDGET_UNCHECKED
from otel.spending import BUDGET_USERS as BUDGET_USERS
from otel.spending import CONFIGURATION_RELOADS as CONFIGURATION_RELOADS
from otel.spending import LEDGER_DROPPED as LEDGER_DROPPED
from otel.spending import LEDGER_HELD as LEDGER_HELD
from otel.spending import LEDGER_PENDING as LEDGER_PENDING
from otel.spending import SAVED as SAVED
from otel.spending import SPENDING as SPENDING
from otel.spending import WORKERS_LOST as WORKERS_LOST

# The scope every signal of ours carries.
SCOPE: Final = "gaugeway"
USAGE_LOGGER: Final = "gaugeway.usage"
USAGE_BODY: Final = "usage recorded"
SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.41.0"


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
BACKGROUND_TASK_UP: Final = Metric(
    "gaugeway.background_task.up",
    Kind.GAUGE,
    "",
    "1 while the work beside requests gets on, 0 while something keeps it from that.",
    (a.BACKGROUND_TASK,),
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
    BACKGROUND_TASK_UP,
    EVENT_LOOP_LAG,
    APP_OPERATION_DURATION,
    TELEMETRY_DROPPED,
    CARDINALITY_OVERFLOW,
    *SPENDING,
    *PROVIDER_LIMITS,
)

_HTTP: Final = (a.HTTP_METHOD, a.URL_SCHEME)
HTTP_SERVER_DURATION: Final = Metric(
    "http.server.request.duration",
    Kind.HISTOGRAM,
    "s",
    "How long the service took to answer, a stream to its end. By FastAPI.",
    (*_HTTP, a.HTTP_ROUTE, a.HTTP_STATUS_CODE, a.ERROR_TYPE, a.NETWORK_PROTOCOL_VERSION),
    HTTP_BUCKETS,
    foreign=True,
)
HTTP_SERVER_ACTIVE: Final = Metric(
    "http.server.active_requests",
    Kind.UP_DOWN_COUNTER,
    "{request}",
    "Requests being answered now. By FastAPI.",
    _HTTP,
    foreign=True,
)


def _runtime(name: str, kind: Kind, unit: str, meaning: str, *labels: str) -> Metric:
    return Metric(name, kind, unit, f"{meaning} By system-metrics.", labels, foreign=True)


_COUNT: Final = Kind.OBSERVABLE_COUNTER
_LEVEL: Final = Kind.OBSERVABLE_UP_DOWN_COUNTER
_GC: Final = (a.GC_GENERATION, a.GENERATION)
PROCESS_CPU_TIME: Final = _runtime(
    "process.cpu.time", _COUNT, "s", "CPU time of the process.", a.TYPE
)
PROCESS_CPU_UTILIZATION: Final = _runtime(
    "process.cpu.utilization", Kind.OBSERVABLE_GAUGE, "1", "Share of the CPUs used."
)
PROCESS_MEMORY: Final = _runtime("process.memory.usage", _LEVEL, "By", "Resident memory.")
PROCESS_MEMORY_VIRTUAL: Final = _runtime("process.memory.virtual", _LEVEL, "By", "Mapped memory.")
PROCESS_OPEN_FILES: Final = _runtime(
    "process.open_file_descriptor.count", _LEVEL, "", "Open file descriptors."
)
PROCESS_THREADS: Final = _runtime("process.thread.count", _LEVEL, "", "Threads.")
PROCESS_CONTEXT_SWITCHES: Final = _runtime(
    "process.context_switches", _COUNT, "", "Context switches.", a.TYPE
)
GC_COLLECTIONS: Final = _runtime(
    "cpython.gc.collections", _COUNT, "{collection}", "Garbage collections.", *_GC
)
GC_COLLECTED: Final = _runtime(
    "cpython.gc.collected_objects", _COUNT, "{object}", "Objects collected as garbage.", *_GC
)
GC_UNCOLLECTABLE: Final = _runtime(
    "cpython.gc.uncollectable_objects", _COUNT, "{object}", "Garbage not collectable.", *_GC
)

FOREIGN: Final = (
    HTTP_SERVER_DURATION,
    HTTP_SERVER_ACTIVE,
    PROCESS_CPU_TIME,
    PROCESS_CPU_UTILIZATION,
    PROCESS_MEMORY,
    PROCESS_MEMORY_VIRTUAL,
    PROCESS_OPEN_FILES,
    PROCESS_THREADS,
    PROCESS_CONTEXT_SWITCHES,
    GC_COLLECTIONS,
    GC_COLLECTED,
    GC_UNCOLLECTABLE,
)
METRICS: Final = (*OURS, *FOREIGN)
