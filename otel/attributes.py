"""Attribute names that spans, metrics and logs may carry, each stated once.

Constants are plain strings, since they key dictionaries on the hot path; `ATTRIBUTES` says what
each one means, which type its value has and which signals carry it.
"""

from dataclasses import dataclass
from typing import Final, Literal

Signal = Literal["span", "metric", "log"]
ValueType = Literal["string", "int", "double", "boolean", "string[]"]

# A label's value when the real one is unknown, too long, or one too many.
OTHER: Final = "_OTHER"

OPERATION_NAME: Final = "gen_ai.operation.name"
PROVIDER_NAME: Final = "gen_ai.provider.name"
REQUEST_MODEL: Final = "gen_ai.request.model"
REQUEST_STREAM: Final = "gen_ai.request.stream"
RESPONSE_MODEL: Final = "gen_ai.response.model"
RESPONSE_ID: Final = "gen_ai.response.id"
RESPONSE_FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
RESPONSE_TIME_TO_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
USAGE_INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
USAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
USAGE_CACHE_READ: Final = "gen_ai.usage.cache_read.input_tokens"
USAGE_CACHE_WRITE: Final = "gen_ai.usage.cache_write.input_tokens"
USAGE_REASONING: Final = "gen_ai.usage.reasoning.output_tokens"
TOKEN_TYPE: Final = "gen_ai.token.type"  # noqa: S105  # a token of text
TOKEN_MODALITY: Final = "gen_ai.token.modality"  # noqa: S105  # a token of text
STOP_SEQUENCES: Final = "gen_ai.request.stop_sequences"
REQUEST_TIER: Final = "openai.request.service_tier"
RESPONSE_TIER: Final = "openai.response.service_tier"
INPUT_MESSAGES: Final = "gen_ai.input.messages"
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"

SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
ERROR_TYPE: Final = "error.type"
HTTP_STATUS_CODE: Final = "http.response.status_code"
HTTP_METHOD: Final = "http.request.method"
HTTP_ROUTE: Final = "http.route"
URL_SCHEME: Final = "url.scheme"
NETWORK_PROTOCOL_NAME: Final = "network.protocol.name"
NETWORK_PROTOCOL_VERSION: Final = "network.protocol.version"

DB_SYSTEM_NAME: Final = "db.system.name"
DB_OPERATION_NAME: Final = "db.operation.name"
DB_POOL_NAME: Final = "db.client.connection.pool.name"
DB_CONNECTION_STATE: Final = "db.client.connection.state"

APP: Final = "gaugeway.app"
COMPONENT: Final = "gaugeway.component"
TARGET: Final = "gaugeway.target"
COST: Final = "gaugeway.cost"
COST_SOURCE: Final = "gaugeway.cost.source"
UNPRICED: Final = "gaugeway.unpriced"
USAGE_ESTIMATED: Final = "gaugeway.usage.estimated"
OUTCOME: Final = "gaugeway.outcome"
LATENCY_MS: Final = "latency_ms"
RETRY_COUNT: Final = "gaugeway.retry.count"
RETRY_DELAY: Final = "gaugeway.retry.delay_seconds"
PROVIDER_ERROR_CODE: Final = "gaugeway.provider.error.code"
RATE_LIMIT_KIND: Final = "gaugeway.rate_limit.kind"
FALLBACK_FROM: Final = "gaugeway.fallback.from"
FALLBACK_TO: Final = "gaugeway.fallback.to"
TIMEOUT_KIND: Final = "gaugeway.timeout.kind"
CACHE_RESULT: Final = "gaugeway.cache.result"
STREAM_OUTCOME: Final = "gaugeway.stream.outcome"
DEPENDENCY_NAME: Final = "gaugeway.dependency.name"
BACKGROUND_TASK: Final = "gaugeway.background_task.name"
METRIC_NAME: Final = "gaugeway.metric.name"
ATTRIBUTE_KEY: Final = "gaugeway.attribute.key"
OPERATION_LABEL: Final = "gaugeway.operation.name"

BUDGET_NAME: Final = "gaugeway.budget.name"
BUDGET_SCOPE: Final = "gaugeway.budget.scope"
BUDGET_VALUE: Final = "gaugeway.budget.value"
BUDGET_UNIT: Final = "gaugeway.budget.unit"
BUDGET_WINDOW: Final = "gaugeway.budget.window"
BUDGET_THRESHOLD: Final = "gaugeway.budget.threshold"
SAVED_BY: Final = "gaugeway.saved.by"
CONFIGURATION_FILE: Final = "gaugeway.configuration.file"
CONFIGURATION_RESULT: Final = "gaugeway.configuration.result"

TELEMETRY_SIGNAL: Final = "gaugeway.telemetry.signal"

TYPE: Final = "type"
GC_GENERATION: Final = "cpython.gc.generation"
GENERATION: Final = "generation"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute: its name, the type of its value, the signals that carry it, its meaning."""

    name: str
    type: ValueType
    signals: tuple[Signal, ...]
    meaning: str


_ALL: Final[tuple[Signal, ...]] = ("span", "metric", "log")
_RECORDS: Final[tuple[Signal, ...]] = ("span", "log")
_METRIC: Final[tuple[Signal, ...]] = ("metric",)
_SPAN: Final[tuple[Signal, ...]] = ("span",)

ATTRIBUTES: Final = (
    Attribute(OPERATION_NAME, "string", _ALL, "What the model was asked for: chat, embeddings, …"),
    Attribute(PROVIDER_NAME, "string", _ALL, "The provider as the conventions name it."),
    Attribute(REQUEST_MODEL, "string", _ALL, "The model as it was sent to the provider."),
    Attribute(RESPONSE_MODEL, "string", _ALL, "The model that answered, as the provider says."),
    Attribute(REQUEST_STREAM, "boolean", _SPAN, "`true` when a stream was asked for, else absent."),
    Attribute(RESPONSE_ID, "string", _SPAN, "The provider's id of the answer."),
    Attribute(RESPONSE_FINISH_REASONS, "string[]", _SPAN, "Why each choice ended."),
    Attribute(
        RESPONSE_TIME_TO_FIRST_CHUNK, "double", _SPAN, "Seconds to the first chunk of a stream."
    ),
    Attribute(USAGE_INPUT_TOKENS, "int", _RECORDS, "Input tokens, cached ones included."),
    Attribute(USAGE_OUTPUT_TOKENS, "int", _RECORDS, "Output tokens, reasoning included."),
    Attribute(USAGE_CACHE_READ, "int", _RECORDS, "Input tokens read from the provider's cache."),
    Attribute(USAGE_CACHE_WRITE, "int", _RECORDS, "Input tokens written to the provider's cache."),
    Attribute(USAGE_REASONING, "int", _RECORDS, "Output tokens spent on reasoning."),
    Attribute(TOKEN_TYPE, "string", _METRIC, "`input` or `output`."),
    Attribute(TOKEN_MODALITY, "string", _METRIC, "`text`, `audio`, or `unknown` without a split."),
    Attribute(STOP_SEQUENCES, "string[]", _SPAN, "Where to stop; only when capture is on."),
    Attribute(REQUEST_TIER, "string", _SPAN, "A tier known from OpenAI's interface, or `_OTHER`."),
    Attribute(RESPONSE_TIER, "string", _SPAN, "The tier that answered; the same ones."),
    Attribute(INPUT_MESSAGES, "string", _RECORDS, "The prompt as JSON; only when capture is on."),
    Attribute(OUTPUT_MESSAGES, "string", _RECORDS, "The answer as JSON; only when capture is on."),
    Attribute(SERVER_ADDRESS, "string", ("span", "metric"), "The provider's host."),
    Attribute(SERVER_PORT, "int", ("span", "metric"), "The provider's port."),
    Attribute(ERROR_TYPE, "string", _ALL, "The class of the error; absent on success."),
    Attribute(HTTP_STATUS_CODE, "int", ("span", "metric"), "The HTTP status of the answer."),
    Attribute(HTTP_METHOD, "string", ("span", "metric"), "The HTTP method, or `_OTHER`."),
    Attribute(HTTP_ROUTE, "string", ("span", "metric"), "The route's template."),
    Attribute(URL_SCHEME, "string", ("span", "metric"), "`http` or `https`."),
    Attribute(NETWORK_PROTOCOL_NAME, "string", _SPAN, "`websocket`."),
    Attribute(NETWORK_PROTOCOL_VERSION, "string", ("span", "metric"), "`1.1` or `2`."),
    Attribute(DB_SYSTEM_NAME, "string", ("span", "metric"), "`redis`."),
    Attribute(DB_OPERATION_NAME, "string", ("span", "metric"), "The command, such as `GET`."),
    Attribute(DB_POOL_NAME, "string", _METRIC, "The connection pool's name."),
    Attribute(DB_CONNECTION_STATE, "string", _METRIC, "`idle` or `used`."),
    Attribute(APP, "string", _ALL, "The calling application, named by its API key."),
    Attribute(COMPONENT, "string", _ALL, "The part of the calling application, if declared."),
    Attribute(TARGET, "string", _ALL, "The configured target that was tried."),
    Attribute(COST, "string", _RECORDS, "What it cost in USD, an exact decimal."),
    Attribute(COST_SOURCE, "string", _SPAN, "Where the price came from, with its date."),
    Attribute(UNPRICED, "boolean", _RECORDS, "`true` when no price is known; then no cost."),
    Attribute(USAGE_ESTIMATED, "boolean", _RECORDS, "`true` when tokens were counted by us."),
    Attribute(OUTCOME, "string", _RECORDS, "How the inference ended."),
    Attribute(LATENCY_MS, "double", ("log",), "How long the inference took, in milliseconds."),
    Attribute(RETRY_COUNT, "int", _SPAN, "Attempts after the first, on this target."),
    Attribute(RETRY_DELAY, "double", _SPAN, "Seconds waited between attempts."),
    Attribute(PROVIDER_ERROR_CODE, "string", _METRIC, "The provider's own error code."),
    Attribute(
        RATE_LIMIT_KIND, "string", _METRIC, "`requests`, `tokens`, `input_tokens`, `output_tokens`."
    ),
    Attribute(FALLBACK_FROM, "string", _METRIC, "The target that failed."),
    Attribute(FALLBACK_TO, "string", _METRIC, "The target tried next."),
    Attribute(TIMEOUT_KIND, "string", _METRIC, "`connect`, `read` or `deadline`."),
    Attribute(CACHE_RESULT, "string", _METRIC, "`hit`, `miss` or `bypass`."),
    Attribute(STREAM_OUTCOME, "string", _METRIC, "How a stream ended."),
    Attribute(DEPENDENCY_NAME, "string", _METRIC, "What the service depends on."),
    Attribute(BACKGROUND_TASK, "string", _METRIC, "What the service does beside requests."),
    Attribute(METRIC_NAME, "string", _METRIC, "The metric whose labels overflowed."),
    Attribute(ATTRIBUTE_KEY, "string", _METRIC, "The label that overflowed."),
    Attribute(OPERATION_LABEL, "string", ("span", "metric"), "An application's own operation."),
    Attribute(BUDGET_NAME, "string", ("metric", "log"), "A budget of the budgets file."),
    Attribute(BUDGET_SCOPE, "string", _METRIC, "`whole`, `app`, `model`, `provider`, …"),
    Attribute(BUDGET_VALUE, "string", _METRIC, "Whose it is: the app, model, provider, …"),
    Attribute(BUDGET_UNIT, "string", _METRIC, "`usd`, `tokens` or `requests`."),
    Attribute(BUDGET_WINDOW, "string", _METRIC, "`hour`, `day` or `month`."),
    Attribute(BUDGET_THRESHOLD, "int", ("metric", "log"), "A share of a budget in percent."),
    Attribute(SAVED_BY, "string", _METRIC, "`response_cache` or `prompt_cache`."),
    Attribute(CONFIGURATION_FILE, "string", _METRIC, "`budgets`, `keys` or `prices`."),
    Attribute(CONFIGURATION_RESULT, "string", _METRIC, "`applied` or `refused`."),
    Attribute(TELEMETRY_SIGNAL, "string", _METRIC, "`traces`, `metrics` or `logs`."),
    Attribute(TYPE, "string", _METRIC, "`user` or `system`; `voluntary` or `involuntary`."),
    Attribute(GC_GENERATION, "int", _METRIC, "The garbage collector's generation."),
    Attribute(GENERATION, "string", _METRIC, "The same as `cpython.gc.generation`."),
)
