"""The metrics of other components that panels and rules read: the allow-list beside `otel.names`.

A query may use a name of `otel.names` or one of these; a test refuses any other. Names and labels
are those that a running stack showed.
"""

from dataclasses import dataclass
from typing import Final

from otel.names import Kind, Metric


@dataclass(frozen=True, slots=True)
class Scraped(Metric):
    """A metric that Prometheus fetches itself: it knows `job` and `instance`, no environment."""


# By the Collector's httpcheck receiver: 1 for the class of the answer, 0 for the others.
HTTPCHECK_STATUS: Final = Metric(
    "httpcheck.status",
    Kind.UP_DOWN_COUNTER,
    "1",
    "Whether a checked endpoint answered with this class of status.",
    ("http.url", "http.method", "http.status_class", "http.status_code"),
    foreign=True,
)

# By Prometheus itself: one series a resource, whose attributes are labels; `job` is service.name
# and `instance` is service.instance.id.
TARGET_INFO: Final = Metric(
    "target_info",
    Kind.GAUGE,
    "",
    "1 for each resource that sends metrics.",
    ("job", "instance", "service.version", "telemetry.sdk.name"),
    foreign=True,
)
# By Prometheus for each alert that is pending or fires, with the alert's own labels.
ALERTS: Final = Metric(
    "ALERTS",
    Kind.GAUGE,
    "",
    "1 for each alert that is pending or fires.",
    ("alertname", "alertstate", "severity", "team"),
    foreign=True,
)
EVENTS: Final = (TARGET_INFO, ALERTS)


def _host(name: str, kind: Kind, unit: str, meaning: str, *labels: str) -> Metric:
    """A metric of the Collector's hostmetrics or redis receiver."""
    return Metric(name, kind, unit, meaning, labels, foreign=True)


def _scraped(name: str, kind: Kind, unit: str, meaning: str, *labels: str) -> Scraped:
    return Scraped(name, kind, unit, meaning, ("job", "instance", *labels), foreign=True)


_COUNTER: Final = Kind.COUNTER
_LEVEL: Final = Kind.UP_DOWN_COUNTER

# By the Collector's hostmetrics receiver: the machine that the Collector runs on.
CPU_TIME: Final = _host("system.cpu.time", _COUNTER, "s", "Seconds of each CPU.", "cpu", "state")
LOAD: Final = _host("system.cpu.load_average.1m", Kind.GAUGE, "{thread}", "Load over a minute.")
MEMORY: Final = _host(
    "system.memory.usage", _LEVEL, "By", "Memory by what it is used for.", "state"
)
DISK_IO: Final = _host(
    "system.disk.io", _COUNTER, "By", "Bytes read and written.", "device", "direction"
)
DISK_IO_TIME: Final = _host(
    "system.disk.io_time", _COUNTER, "s", "Seconds a disk was busy.", "device"
)
FILESYSTEM: Final = _host(
    "system.filesystem.usage",
    _LEVEL,
    "By",
    "Space of each file system.",
    *("device", "mode", "mountpoint", "state", "type"),
)
NETWORK_IO: Final = _host(
    "system.network.io", _COUNTER, "By", "Bytes sent and received.", "device", "direction"
)
NETWORK_ERRORS: Final = _host(
    "system.network.errors", _COUNTER, "{error}", "Packets with errors.", "device", "direction"
)
NETWORK_DROPPED: Final = _host(
    "system.network.dropped", _COUNTER, "{packet}", "Packets dropped.", "device", "direction"
)
HOST: Final = (
    CPU_TIME,
    LOAD,
    MEMORY,
    DISK_IO,
    DISK_IO_TIME,
    FILESYSTEM,
    NETWORK_IO,
    NETWORK_ERRORS,
    NETWORK_DROPPED,
)

# By the Collector's redis receiver: what Redis tells of itself.
REDIS_MEMORY: Final = _host("redis.memory.used", Kind.GAUGE, "By", "Memory that Redis uses.")
REDIS_MAXIMUM_MEMORY: Final = _host(
    "redis.maxmemory", Kind.GAUGE, "By", "Memory that Redis may use; 0 without a limit."
)
REDIS_HITS: Final = _host("redis.keyspace.hits", _COUNTER, "{hit}", "Look-ups that found a key.")
REDIS_MISSES: Final = _host(
    "redis.keyspace.misses", _COUNTER, "{miss}", "Look-ups that found none."
)
REDIS_COMMANDS: Final = _host("redis.commands.processed", _COUNTER, "{command}", "Commands.")
REDIS_CLIENTS: Final = _host("redis.clients.connected", _LEVEL, "{client}", "Clients connected.")
REDIS_REJECTED: Final = _host(
    "redis.connections.rejected", _COUNTER, "{connection}", "Connections over the limit."
)
REDIS_EVICTED: Final = _host("redis.keys.evicted", _COUNTER, "{key}", "Keys lost to short memory.")
REDIS_EXPIRED: Final = _host("redis.keys.expired", _COUNTER, "{key}", "Keys whose time was over.")
REDIS: Final = (
    REDIS_MEMORY,
    REDIS_MAXIMUM_MEMORY,
    REDIS_HITS,
    REDIS_MISSES,
    REDIS_COMMANDS,
    REDIS_CLIENTS,
    REDIS_REJECTED,
    REDIS_EVICTED,
    REDIS_EXPIRED,
)

# By Prometheus for each component that it scrapes.
UP: Final = _scraped("up", Kind.GAUGE, "", "1 while a component can be scraped.")
PROCESS_MEMORY: Final = _scraped(
    "process_resident_memory", Kind.GAUGE, "By", "Resident memory of a component written in Go."
)


def _collector(name: str, kind: Kind, unit: str, meaning: str, *labels: str) -> Scraped:
    return _scraped(f"otelcol_{name}", kind, unit, meaning, *labels)


def _signals(stem: str, meaning: str, *labels: str) -> tuple[Scraped, Scraped, Scraped]:
    """A counter of the Collector for traces, metrics and logs, in this order."""
    items = ("spans", "metric_points", "log_records")
    spans, points, records = (
        _collector(f"{stem}_{item}", _COUNTER, "{item}", f"{meaning}: {item}.", *labels)
        for item in items
    )
    return spans, points, records


# By the Collector of itself, each for spans, metric points and log records.
RECEIVED: Final = _signals("receiver_accepted", "Taken in", "receiver", "transport")
REFUSED: Final = _signals("receiver_refused", "Refused at the door", "receiver", "transport")
FAILED: Final = _signals("receiver_failed", "Failed within the Collector", "receiver", "transport")
SENT: Final = _signals("exporter_sent", "Delivered to a backend", "exporter")
SEND_FAILED: Final = _signals("exporter_send_failed", "Given up after all retries", "exporter")
# These two begin with the first loss: a Collector that lost nothing has no such series.
ENQUEUE_FAILED: Final = _signals("exporter_enqueue_failed", "Lost to a full queue", "exporter")

QUEUE_SIZE: Final = _collector(
    "exporter_queue_size", Kind.GAUGE, "", "Items that wait for a backend.", "exporter", "data_type"
)
QUEUE_CAPACITY: Final = _collector(
    "exporter_queue_capacity", Kind.GAUGE, "", "Items that may wait.", "exporter", "data_type"
)
SCRAPE_ERRORS: Final = _collector(
    "scraper_errored_metric_points",
    _COUNTER,
    "{datapoint}",
    "Points that a scraper could not read.",
    *("receiver", "scraper"),
)
COLLECTOR_MEMORY: Final = _collector(
    "process_memory_rss", Kind.GAUGE, "By", "Resident memory of the Collector."
)
COLLECTOR_CPU: Final = _collector(
    "process_cpu_seconds", _COUNTER, "s", "CPU seconds of the Collector."
)
COLLECTOR: Final = (
    *RECEIVED,
    *REFUSED,
    *FAILED,
    *SENT,
    *SEND_FAILED,
    *ENQUEUE_FAILED,
    QUEUE_SIZE,
    QUEUE_CAPACITY,
    SCRAPE_ERRORS,
    COLLECTOR_MEMORY,
    COLLECTOR_CPU,
)

# By the backends of themselves.
TEMPO_SPANS: Final = _scraped(
    "tempo_distributor_spans_received", _COUNTER, "", "Spans that Tempo took in.", "tenant"
)
PROMETHEUS_SERIES: Final = _scraped(
    "prometheus_tsdb_head_series", Kind.GAUGE, "", "Series in Prometheus's memory."
)
PROMETHEUS_SAMPLES: Final = _scraped(
    "prometheus_tsdb_head_samples_appended", _COUNTER, "", "Samples that it took in.", "type"
)
LOKI_LINES: Final = _scraped(
    "loki_distributor_lines_received", _COUNTER, "", "Lines that Loki took in."
)
BACKENDS: Final = (TEMPO_SPANS, PROMETHEUS_SERIES, PROMETHEUS_SAMPLES, LOKI_LINES)

ALL: Final = (HTTPCHECK_STATUS, *EVENTS, *HOST, *REDIS, UP, PROCESS_MEMORY, *COLLECTOR, *BACKENDS)
