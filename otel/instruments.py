"""Creates each instrument of `otel.names` once, behind typed wrappers that keep labels declared.

Nobody else calls `meter.create_*`. Every recording takes an optional context, so that exemplars
find the span even where it is not the current one.
"""

from collections.abc import Callable, Iterable
from typing import Final
from weakref import WeakKeyDictionary

from opentelemetry.context import Context
from opentelemetry.metrics import (
    CallbackOptions,
    Meter,
    MeterProvider,
    Observation,
    get_meter_provider,
)
from opentelemetry.metrics import Counter as ApiCounter
from opentelemetry.metrics import Histogram as ApiHistogram
from opentelemetry.metrics import _Gauge as ApiGauge

from otel import attributes as a
from otel import names
from otel.labels import LabelGuard, Labels
from otel.names import Metric
from otel.settings import ApiSettings

NO_LABELS: Final[Labels] = {}
Observe = Callable[[], Iterable[tuple[float, Labels]]]


class Counter:
    """A sum that only grows."""

    __slots__ = ("_add", "_admit", "metric")

    def __init__(self, metric: Metric, instrument: ApiCounter, guard: LabelGuard) -> None:
        self.metric = metric
        self._add = instrument.add
        self._admit = guard.admit

    def add(
        self, amount: float, labels: Labels = NO_LABELS, context: Context | None = None
    ) -> None:
        """Add to the series of these labels; `None` values are left out."""
        self._add(amount, self._admit(labels), context)


class Histogram:
    """A distribution in the buckets `otel.names` states."""

    __slots__ = ("_admit", "_record", "metric")

    def __init__(self, metric: Metric, instrument: ApiHistogram, guard: LabelGuard) -> None:
        self.metric = metric
        self._record = instrument.record
        self._admit = guard.admit

    def record(
        self, value: float, labels: Labels = NO_LABELS, context: Context | None = None
    ) -> None:
        """Record one value in the metric's unit."""
        self._record(value, self._admit(labels), context)

    def record_many(
        self, values: Iterable[float], labels: Labels = NO_LABELS, context: Context | None = None
    ) -> None:
        """Record several values of one label set."""
        admitted = self._admit(labels)
        for value in values:
            self._record(value, admitted, context)


class Gauge:
    """A value that is set."""

    __slots__ = ("_admit", "_set", "metric")

    def __init__(self, metric: Metric, instrument: ApiGauge, guard: LabelGuard) -> None:
        self.metric = metric
        self._set = instrument.set
        self._admit = guard.admit

    def set(self, value: float, labels: Labels = NO_LABELS) -> None:
        """Set the value of the series of these labels."""
        self._set(value, self._admit(labels))


class Instruments:
    """All instruments of ours on one meter, each created once."""

    def __init__(
        self, meter: Meter, settings: ApiSettings | None = None, *, strict: bool = False
    ) -> None:
        self._meter = meter
        self._settings = settings or ApiSettings()
        self._strict = strict
        overflow = names.CARDINALITY_OVERFLOW
        self._overflow = meter.create_counter(overflow.name, overflow.unit, overflow.meaning)

        self.operation_duration = self._histogram(names.OPERATION_DURATION)
        self.token_usage = self._histogram(names.TOKEN_USAGE)
        self.time_to_first_chunk = self._histogram(names.TIME_TO_FIRST_CHUNK)
        self.time_per_output_chunk = self._histogram(names.TIME_PER_OUTPUT_CHUNK)
        self.input_tokens = self._counter(names.INPUT_TOKENS)
        self.output_tokens = self._counter(names.OUTPUT_TOKENS)
        self.cache_read_tokens = self._counter(names.CACHE_READ_TOKENS)
        self.cache_write_tokens = self._counter(names.CACHE_WRITE_TOKENS)
        self.reasoning_tokens = self._counter(names.REASONING_TOKENS)
        self.cost = self._counter(names.COST)
        self.unpriced_operations = self._counter(names.UNPRICED_OPERATIONS)
        self.provider_errors = self._counter(names.PROVIDER_ERRORS)
        self.retries = self._counter(names.RETRIES)
        self.fallbacks = self._counter(names.FALLBACKS)
        self.timeouts = self._counter(names.TIMEOUTS)
        self.cache_requests = self._counter(names.CACHE_REQUESTS)
        self.gateway_duration = self._histogram(names.GATEWAY_DURATION)
        self.requests_rejected = self._counter(names.REQUESTS_REJECTED)
        self.streams = self._counter(names.STREAMS)
        self.db_operation_duration = self._histogram(names.DB_OPERATION_DURATION)
        self.dependency_up = self._gauge(names.DEPENDENCY_UP)
        self.dependency_check_duration = self._histogram(names.DEPENDENCY_CHECK_DURATION)
        self.background_task_up = self._gauge(names.BACKGROUND_TASK_UP)
        self.event_loop_lag = self._histogram(names.EVENT_LOOP_LAG)
        self.app_operation_duration = self._histogram(names.APP_OPERATION_DURATION)
        self.budget_denials = self._counter(names.BUDGET_DENIALS)
        self.budget_unchecked = self._counter(names.BUDGET_UNCHECKED)
        self.saved = self._counter(names.SAVED)
        self.ledger_dropped = self._counter(names.LEDGER_DROPPED)
        self.workers_lost = self._counter(names.WORKERS_LOST)
        self.configuration_reloads = self._counter(names.CONFIGURATION_RELOADS)

    def observe_db_connections(self, observe: Observe) -> None:
        """Have the connections counted by a function at each collection.

        The function yields pairs of number and labels and must not block.
        """
        metric = names.DB_CONNECTIONS
        self._meter.create_observable_up_down_counter(
            metric.name, [self._callback(metric, observe)], metric.unit, metric.meaning
        )

    def observe_telemetry_dropped(self, observe: Observe) -> None:
        """Have lost telemetry counted by a function at each collection: totals since the start."""
        metric = names.TELEMETRY_DROPPED
        self._meter.create_observable_counter(
            metric.name, [self._callback(metric, observe)], metric.unit, metric.meaning
        )

    def observe_gauge(self, metric: Metric, observe: Observe) -> None:
        """Have a metric's values told by a function at each collection; series it leaves out end.

        The function yields pairs of value and labels and must not block.
        """
        self._meter.create_observable_gauge(
            metric.name, [self._callback(metric, observe)], metric.unit, metric.meaning
        )

    def observe_waiting(self, metric: Metric, observe: Observe) -> None:
        """Have what waits counted by a function at each collection; workers add up."""
        self._meter.create_observable_up_down_counter(
            metric.name, [self._callback(metric, observe)], metric.unit, metric.meaning
        )

    def _callback(
        self, metric: Metric, observe: Observe
    ) -> Callable[[CallbackOptions], Iterable[Observation]]:
        guard = self._guard(metric)

        def callback(_: CallbackOptions) -> Iterable[Observation]:
            return [Observation(value, guard.admit(labels)) for value, labels in observe()]

        return callback

    def _overflowed(self, metric: str, key: str) -> None:
        self._overflow.add(1, {a.METRIC_NAME: metric, a.ATTRIBUTE_KEY: key})

    def _guard(self, metric: Metric) -> LabelGuard:
        return LabelGuard(
            metric,
            label_values=self._settings.label_values,
            series=self._settings.series,
            overflowed=self._overflowed,
            strict=self._strict,
        )

    def _counter(self, metric: Metric) -> Counter:
        instrument = self._meter.create_counter(metric.name, metric.unit, metric.meaning)
        return Counter(metric, instrument, self._guard(metric))

    def _histogram(self, metric: Metric) -> Histogram:
        instrument = self._meter.create_histogram(
            metric.name,
            metric.unit,
            metric.meaning,
            explicit_bucket_boundaries_advisory=metric.buckets,
        )
        return Histogram(metric, instrument, self._guard(metric))

    def _gauge(self, metric: Metric) -> Gauge:
        instrument = self._meter.create_gauge(metric.name, metric.unit, metric.meaning)
        return Gauge(metric, instrument, self._guard(metric))


_SHARED: WeakKeyDictionary[MeterProvider, Instruments] = WeakKeyDictionary()


def shared_instruments() -> Instruments:
    """Return the global meter provider's instruments, the same object for every caller."""
    return instruments_of(get_meter_provider())


def instruments_of(provider: MeterProvider) -> Instruments:
    """Return a meter provider's instruments, created the first time."""
    instruments = _SHARED.get(provider)
    if instruments is None:
        meter = provider.get_meter(names.SCOPE, schema_url=names.SCHEMA_URL)
        instruments = _SHARED[provider] = Instruments(meter, ApiSettings.from_environment())
    return instruments


def share_instruments(provider: MeterProvider, instruments: Instruments) -> None:
    """Have `instruments_of` return these for this provider."""
    _SHARED[provider] = instruments
