"""The queries of "Host and runtime"."""

from typing import Final

from grafana.dashboards import components as c
from grafana.dashboards import thresholds
from grafana.dashboards.promql import (
    GRAPH_WINDOW,
    NOW_WINDOW,
    RANGE_WINDOW,
    per_second,
    quantile,
    ratio,
)
from grafana.dashboards.queries.query import Query, percentiles, shown
from grafana.dashboards.selectors import INSTANCE, label, labels, matchers
from otel import attributes as a
from otel import names
from otel.names import Metric

# Processes export every 15 s at the slowest.
OLDEST_SAMPLE_SECONDS: Final = 60
_IDLE: Final = 'state="idle"'
_BUSY: Final = 'state!="idle"'
_USED: Final = 'state="used"'
_FREE: Final = 'state="free"'
_REDIS: Final = f'{label(a.DEPENDENCY_NAME)}="redis"'
_STATE: Final = ("state",)
_WORKER: Final = (INSTANCE,)
_MOUNT: Final = ("mountpoint", "type")
# The kernel's slab is told beside these and is inside them.
_MEMORY_STATES: Final = 'state=~"used|free|cached|buffered"'
# A machine talks to itself on it.
_NETWORK: Final = 'device!="lo"'


def _sum(metric: Metric, *extra: str, by: tuple[str, ...] = ()) -> str:
    return _grouped("sum", by, f"{metric.prometheus}{matchers(metric, *extra)}")


def _max(metric: Metric, *extra: str, by: tuple[str, ...] = ()) -> str:
    return _grouped("max", by, f"{metric.prometheus}{matchers(metric, *extra)}")


def _running(how: str, metric: Metric, *extra: str, by: tuple[str, ...] = ()) -> str:
    """Of processes that still run: one that ended keeps its last value for minutes."""
    selected = f"{metric.prometheus}{matchers(metric, *extra)}"
    fresh = f"timestamp({selected}) > time() - {OLDEST_SAMPLE_SECONDS}"
    return _grouped(how, by, f"{selected} and ({fresh})")


def _grouped(how: str, by: tuple[str, ...], inner: str) -> str:
    return f"{how} by ({labels(*by)}) ({inner})" if by else f"{how}({inner})"


def _cpu_used(window: str) -> str:
    idle = per_second(c.CPU_TIME, _IDLE, window=window)
    return f"1 - {idle} / {per_second(c.CPU_TIME, window=window)}"


def _disk_used(by: tuple[str, ...]) -> str:
    """Of what programs can use: what is reserved for root is full to them."""
    free = _sum(c.FILESYSTEM, _FREE, by=by)
    return f"1 - {free} / {_sum(c.FILESYSTEM, by=by)}"


def _hit_ratio(window: str) -> str:
    hits, misses = (per_second(metric, window=window) for metric in (c.REDIS_HITS, c.REDIS_MISSES))
    return ratio(hits, f"({hits} + {misses})")


def _redis_memory_ratio() -> str:
    """0 is no limit, which has no share."""
    return f"{_max(c.REDIS_MEMORY)} / ({_max(c.REDIS_MAXIMUM_MEMORY)} > 0)"


def _worker_cpu(window: str) -> str:
    return per_second(names.PROCESS_CPU_TIME, by=_WORKER, window=window)


# What is wrong now: one number each.

CPU_NOW: Final = Query(_cpu_used(NOW_WINDOW), "used")
MEMORY_NOW: Final = Query(f"{_sum(c.MEMORY, _USED)} / {_sum(c.MEMORY, _MEMORY_STATES)}", "used")
DISK_NOW: Final = Query(f"max({_disk_used(_MOUNT)})", "fullest")
LAG_NOW: Final = Query(quantile(names.EVENT_LOOP_LAG, 0.99, window=NOW_WINDOW), "p99")
LARGEST_PROCESS: Final = Query(_running("max", names.PROCESS_MEMORY), "largest")
BACKGROUND_NOW: Final = Query(_running("min", names.BACKGROUND_TASK_UP), "lowest")
REDIS_UP: Final = Query(_running("min", names.DEPENDENCY_UP, _REDIS), "redis")
REDIS_MEMORY_NOW: Final = Query(_redis_memory_ratio(), "used")
REDIS_HIT_RATIO_NOW: Final = Query(_hit_ratio(NOW_WINDOW), "hits")

# Why: the machine.

CPU_BY_STATE: Final = Query(
    f"{per_second(c.CPU_TIME, _BUSY, by=_STATE)}"
    f" / ignoring (state) group_left {per_second(c.CPU_TIME)}",
    "{{state}}",
)
MEMORY_BY_STATE: Final = Query(_sum(c.MEMORY, _MEMORY_STATES, by=("state",)), "{{state}}")
LOAD: Final = (
    Query(_max(c.LOAD), "load, 1 minute"),
    Query(f"count(count by (cpu) ({c.CPU_TIME.prometheus}{matchers(c.CPU_TIME)}))", "processors"),
)
DISK_BYTES: Final = Query(per_second(c.DISK_IO, by=("direction",)), "{{direction}}")
DISK_BUSY: Final = Query(per_second(c.DISK_IO_TIME, by=("device",)), "{{device}}")
DISK_SPACE: Final = Query(_disk_used(("mountpoint",)), "{{mountpoint}}")
NETWORK_BYTES: Final = Query(per_second(c.NETWORK_IO, _NETWORK, by=("direction",)), "{{direction}}")
NETWORK_TROUBLE: Final = (
    Query(per_second(c.NETWORK_ERRORS, _NETWORK, by=("direction",)), "errors, {{direction}}"),
    Query(per_second(c.NETWORK_DROPPED, _NETWORK, by=("direction",)), "dropped, {{direction}}"),
)

# Why: the service's processes.

PROCESS_CPU: Final = (
    Query(f"max({_worker_cpu(GRAPH_WINDOW)})", "busiest process"),
    Query(f"sum({_worker_cpu(GRAPH_WINDOW)})", "all processes"),
)
PROCESS_MEMORY: Final = (
    Query(_running("max", names.PROCESS_MEMORY), "largest process"),
    Query(_running("sum", names.PROCESS_MEMORY), "all processes"),
)
EVENT_LOOP_LAG: Final = percentiles(names.EVENT_LOOP_LAG)
FILES_AND_THREADS: Final = (
    Query(_running("sum", names.PROCESS_OPEN_FILES), "open files"),
    Query(_running("sum", names.PROCESS_THREADS), "threads"),
)
GARBAGE_COLLECTIONS: Final = Query(
    per_second(names.GC_COLLECTIONS, by=(a.GC_GENERATION,)),
    f"generation {shown(a.GC_GENERATION)}",
)
CONTEXT_SWITCHES: Final = Query(
    per_second(names.PROCESS_CONTEXT_SWITCHES, by=(a.TYPE,)), shown(a.TYPE)
)

# Why: Redis.

REDIS_MEMORY: Final = (
    Query(_max(c.REDIS_MEMORY), "used"),
    Query(f"{_max(c.REDIS_MAXIMUM_MEMORY)} > 0", "allowed"),
)
REDIS_HIT_RATIO: Final = Query(_hit_ratio(GRAPH_WINDOW), "found")
REDIS_COMMANDS: Final = Query(per_second(c.REDIS_COMMANDS), "commands")
REDIS_DURATION: Final = percentiles(names.DB_OPERATION_DURATION)
REDIS_CONNECTIONS: Final = (
    Query(_sum(c.REDIS_CLIENTS), "clients"),
    Query(
        _running("sum", names.DB_CONNECTIONS, by=(a.DB_CONNECTION_STATE,)),
        f"ours, {shown(a.DB_CONNECTION_STATE)}",
    ),
)
REDIS_LOSSES: Final = (
    Query(per_second(c.REDIS_EVICTED), "keys evicted"),
    Query(per_second(c.REDIS_EXPIRED), "keys expired"),
    Query(per_second(c.REDIS_REJECTED), "connections refused"),
)

# Which: tables, column → query.

WORKERS: Final = {
    "CPU": _worker_cpu(RANGE_WINDOW),
    "Memory": _running("max", names.PROCESS_MEMORY, by=_WORKER),
    "Threads": _running("max", names.PROCESS_THREADS, by=_WORKER),
    "Files": _running("max", names.PROCESS_OPEN_FILES, by=_WORKER),
    "Lag p99": quantile(names.EVENT_LOOP_LAG, 0.99, by=_WORKER, window=RANGE_WINDOW),
}
FILE_SYSTEMS: Final = {
    "Used": _disk_used(_MOUNT),
    "Free": _sum(c.FILESYSTEM, _FREE, by=_MOUNT),
    "Size": _sum(c.FILESYSTEM, by=_MOUNT),
}

# Which request.

SLOW_TRACES: Final = f"{{ duration > {thresholds.DURATION_SECONDS.warning:g}s }}"
