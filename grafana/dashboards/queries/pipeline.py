"""The queries of "Telemetry pipeline"."""

from collections.abc import Sequence
from typing import Final

from grafana.dashboards import components as c
from grafana.dashboards.promql import (
    DAY_WINDOW,
    GRAPH_WINDOW,
    NOW_WINDOW,
    RANGE_WINDOW,
    counted,
    fresh,
    growth,
    or_none,
    or_zero,
    per_second,
)
from grafana.dashboards.queries.query import Query, shown
from grafana.dashboards.selectors import (
    ENVIRONMENT,
    SERVICE,
    label,
    labels,
    matchers,
)
from otel import attributes as a
from otel import names

_SIGNALS: Final = ("traces", "metrics", "logs")
_WORDS: Final = ("spans", "metric points", "log records")
_JOB: Final = 'job="collector"'
_COLLECTOR: Final = f"{c.UP.prometheus}{matchers(c.UP, _JOB)}"
# Where a Collector is scraped, a loss that was not counted did not happen.
_EVIDENCE: Final = f"sum({_COLLECTOR})"
# What every process with our telemetry exports each time, with or without traffic.
_HEARTBEAT: Final = names.TELEMETRY_DROPPED
# The debug exporter loses nothing and delivers nothing.
_BACKEND: Final = 'exporter!="debug"'


def _together(*families: Sequence[c.Scraped], window: str) -> str:
    """How much several counters grew, all signals together."""
    grown = (
        f"({or_zero(growth(metric, window=window), _EVIDENCE)})"
        for family in families
        for metric in family
    )
    return " + ".join(grown)


def _rates(family: Sequence[c.Scraped], legend: str) -> Query:
    """A counter per second, all signals together."""
    rates = (f"({or_zero(per_second(metric), _EVIDENCE)})" for metric in family)
    return Query(" + ".join(rates), legend)


def _by_signal(family: Sequence[c.Scraped], by: str, *extra: str) -> str:
    """How much a counter grew over the time range, by one label and by signal."""
    return " or ".join(
        f'label_replace({growth(metric, *extra, by=(by,))}, "data_type", "{signal}", "", "")'
        for metric, signal in zip(family, _SIGNALS, strict=True)
    )


def _fill(by: str) -> str:
    size, capacity = (
        f"max by ({by}) ({metric.prometheus}{matchers(metric)})"
        for metric in (c.QUEUE_SIZE, c.QUEUE_CAPACITY)
    )
    return f"{size} / {capacity}"


def _age(by: tuple[str, ...]) -> str:
    """Seconds since a service's metrics were last taken, also of one that fell silent."""
    newest = f"timestamp({_HEARTBEAT.prometheus}{matchers(_HEARTBEAT)})"
    return f"time() - max by ({labels(*by)}) (max_over_time({newest}[1h:15s]))"


# What is wrong now: one number each.

COLLECTOR_UP: Final = Query(f"min({_COLLECTOR} or 0 * absent({_COLLECTOR}))", "collector")
REFUSED_NOW: Final = Query(_together(c.REFUSED, c.FAILED, window=NOW_WINDOW), "refused")
LOST_NOW: Final = Query(_together(c.SEND_FAILED, c.ENQUEUE_FAILED, window=NOW_WINDOW), "lost")
QUEUE_FILL_NOW: Final = Query(f"max({_fill('instance, exporter, data_type')})", "fullest")
MEMORY_NOW: Final = Query(
    f"max({c.COLLECTOR_MEMORY.prometheus}{matchers(c.COLLECTOR_MEMORY)})", "memory"
)
SDK_DROPS_NOW: Final = Query(growth(_HEARTBEAT, window=NOW_WINDOW), "dropped")
AGE_NOW: Final = Query(f"max({_age((SERVICE,))})", "age")
OVERFLOW_OF_A_DAY: Final = Query(
    or_zero(
        growth(names.CARDINALITY_OVERFLOW, window=DAY_WINDOW),
        growth(_HEARTBEAT, window=DAY_WINDOW),
    ),
    "over the limit",
)

# Why: through the Collector.

ACCEPTED: Final = tuple(
    Query(per_second(metric), word) for metric, word in zip(c.RECEIVED, _WORDS, strict=True)
)
REFUSED_AND_LOST: Final = (
    _rates(c.REFUSED, "refused at the door"),
    _rates(c.FAILED, "failed inside"),
    _rates(c.ENQUEUE_FAILED, "lost to a full queue"),
    _rates(c.SEND_FAILED, "given up after retries"),
)
DELIVERED: Final = tuple(
    Query(per_second(metric, _BACKEND, by=("exporter",)), "{{exporter}}: " + word)
    for metric, word in zip(c.SENT, _WORDS, strict=True)
)
QUEUES: Final = Query(_fill("exporter, data_type"), "{{exporter}} {{data_type}}")
COLLECTOR_MEMORY: Final = Query(
    f"max by (instance) ({c.COLLECTOR_MEMORY.prometheus}{matchers(c.COLLECTOR_MEMORY)})",
    "{{instance}}",
)
COLLECTOR_CPU: Final = Query(per_second(c.COLLECTOR_CPU, by=("instance",)), "{{instance}}")

# Why: before and behind the Collector.

_DROP: Final = (a.TELEMETRY_SIGNAL, a.ERROR_TYPE)
# Of eight ways to lose something only those that do are worth a line.
SDK_DROPS: Final = Query(
    or_none(f"{per_second(_HEARTBEAT, by=_DROP)} > 0", per_second(_HEARTBEAT), by=_DROP),
    f"{shown(a.TELEMETRY_SIGNAL)} {shown(a.ERROR_TYPE)}",
)
AGE: Final = Query(
    _age((SERVICE, ENVIRONMENT)), f"{{{{{label(SERVICE)}}}}} in {{{{{label(ENVIRONMENT)}}}}}"
)
_OVERFLOWED: Final = (a.METRIC_NAME, a.ATTRIBUTE_KEY)
OVERFLOW: Final = Query(
    or_none(
        growth(names.CARDINALITY_OVERFLOW, by=_OVERFLOWED, window=GRAPH_WINDOW),
        growth(_HEARTBEAT, window=GRAPH_WINDOW),
        by=_OVERFLOWED,
    ),
    f"{shown(a.METRIC_NAME)} {shown(a.ATTRIBUTE_KEY)}",
)
_LEDGER_ALIVE: Final = f"sum({names.LEDGER_PENDING.prometheus}{matchers(names.LEDGER_PENDING)})"
LEDGER_WAITING: Final = Query(
    f"sum({fresh(f'{names.LEDGER_PENDING.prometheus}{matchers(names.LEDGER_PENDING)}')})", "waiting"
)
LEDGER_HELD: Final = Query(
    f"sum({fresh(f'{names.LEDGER_HELD.prometheus}{matchers(names.LEDGER_HELD)}')})",
    "in memory alone",
)
LEDGER_LOST: Final = Query(
    or_none(
        counted(names.LEDGER_DROPPED, by=(a.ERROR_TYPE,), window=GRAPH_WINDOW),
        _LEDGER_ALIVE,
        by=(a.ERROR_TYPE,),
    ),
    shown(a.ERROR_TYPE),
)
WORKERS_LOST: Final = Query(
    or_zero(counted(names.WORKERS_LOST, window=GRAPH_WINDOW), _LEDGER_ALIVE), "killed"
)
UNCHECKED: Final = Query(
    or_zero(counted(names.BUDGET_UNCHECKED, window=GRAPH_WINDOW), _LEDGER_ALIVE), "not asked"
)
_SCRAPER: Final = ("scraper",)
SCRAPE_ERRORS: Final = Query(
    or_none(
        f"{per_second(c.SCRAPE_ERRORS, by=_SCRAPER)} > 0",
        per_second(c.SCRAPE_ERRORS),
        by=_SCRAPER,
    ),
    "{{scraper}}",
)
TAKEN_IN: Final = (
    Query(per_second(c.TEMPO_SPANS), "Tempo: spans"),
    Query(per_second(c.PROMETHEUS_SAMPLES), "Prometheus: samples"),
    Query(per_second(c.LOKI_LINES), "Loki: lines"),
)
SERIES: Final = Query(
    f"sum({c.PROMETHEUS_SERIES.prometheus}{matchers(c.PROMETHEUS_SERIES)})", "series"
)

# Which: tables over the whole time range, column → query.

RECEIVERS: Final = {
    "Taken in": _by_signal(c.RECEIVED, "receiver"),
    "Refused": _by_signal(c.REFUSED, "receiver"),
    "Failed": _by_signal(c.FAILED, "receiver"),
}
EXPORTERS: Final = {
    "Delivered": _by_signal(c.SENT, "exporter", _BACKEND),
    "Given up": _by_signal(c.SEND_FAILED, "exporter", _BACKEND),
    "Queue": _fill("exporter, data_type"),
}
_INSTANCE: Final = ("job", "instance")
COMPONENTS: Final = {
    "Up": f"min by ({labels(*_INSTANCE)}) ({c.UP.prometheus}{matchers(c.UP)})",
    "Always": f"min by ({labels(*_INSTANCE)}) "
    f"(min_over_time({c.UP.prometheus}{matchers(c.UP)}[{RANGE_WINDOW}]))",
    "Memory": " or ".join(
        f"max by ({labels(*_INSTANCE)}) ({metric.prometheus}{matchers(metric)})"
        for metric in (c.PROCESS_MEMORY, c.COLLECTOR_MEMORY)
    ),
}
