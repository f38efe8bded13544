"""Why: the machine, the processes and Redis over time."""

from typing import Final

from grafana_foundation_sdk.builders.timeseries import Panel as GraphPanel

from grafana.dashboards import thresholds
from grafana.dashboards.graphs import graph
from grafana.dashboards.links import traces_search
from grafana.dashboards.queries import host as queries
from grafana.dashboards.units import BYTES, BYTES_PER_SECOND, PER_SECOND, RATIO, SECONDS

_NO_HOST: Final = "No Collector measured its host in this time range"
_NO_SERVICE: Final = "No service ran in this time range"
_NO_REDIS: Final = "No Collector asked Redis in this time range"


def processors() -> list[GraphPanel]:
    """What the machine's processors and memory are used for."""
    return [
        graph(
            "CPU by state",
            "Share of all processors' time. `wait` is for disks, `steal` went to other machines "
            "on the same hardware.",
            [queries.CPU_BY_STATE],
            unit=RATIO,
            stacked=True,
            maximum=1,
            absent=_NO_HOST,
        ),
        graph(
            "Memory by use",
            "What is cached or buffered the kernel gives up when programs need it.",
            [queries.MEMORY_BY_STATE],
            unit=BYTES,
            stacked=True,
            absent=_NO_HOST,
        ),
        graph(
            "Load",
            "Threads that run or want to, over a minute. Above the number of processors they wait.",
            queries.LOAD,
            unit="short",
            absent=_NO_HOST,
        ),
    ]


def devices() -> list[GraphPanel]:
    """What goes over disks and network."""
    return [*_bytes(), *_trouble()]


def _bytes() -> list[GraphPanel]:
    return [
        graph(
            "Disk bytes per second",
            "Read from and written to all disks.",
            [queries.DISK_BYTES],
            unit=BYTES_PER_SECOND,
            absent=_NO_HOST,
        ),
        graph(
            "Disk space used",
            "By file system, of what programs that are not root's may use.",
            [queries.DISK_SPACE],
            unit=RATIO,
            limits=thresholds.DISK_RATIO,
            maximum=1,
            absent=_NO_HOST,
        ),
        graph(
            "Network bytes per second",
            "Of all devices but the machine's own loopback.",
            [queries.NETWORK_BYTES],
            unit=BYTES_PER_SECOND,
            absent=_NO_HOST,
        ),
    ]


def _trouble() -> list[GraphPanel]:
    return [
        graph(
            "Disk time busy",
            "Share of its time that each disk had something to do.",
            [queries.DISK_BUSY],
            unit=RATIO,
            absent=_NO_HOST,
        ).span(12),
        graph(
            "Network errors and drops per second",
            "Packets that were broken or thrown away, loopback left out.",
            queries.NETWORK_TROUBLE,
            unit=PER_SECOND,
            absent=_NO_HOST,
        ).span(12),
    ]


def processes() -> list[GraphPanel]:
    """What the service's processes use, and whether their event loops keep up."""
    return [
        graph(
            "Event-loop lag",
            "How late timers wake. Whatever keeps a processor for long delays every request of "
            "that process.",
            queries.EVENT_LOOP_LAG,
            unit=SECONDS,
            limits=thresholds.EVENT_LOOP_LAG_SECONDS,
            absent=_NO_SERVICE,
            links=[traces_search("Slow traces", queries.SLOW_TRACES)],
        ),
        graph(
            "Process CPU",
            "Processors in use: 1 is one whole processor, and the most that one process can use.",
            queries.PROCESS_CPU,
            unit="short",
            absent=_NO_SERVICE,
        ),
        graph(
            "Process memory",
            "Resident memory. The dashed lines are for one process.",
            queries.PROCESS_MEMORY,
            unit=BYTES,
            limits=thresholds.PROCESS_MEMORY_BYTES,
            absent=_NO_SERVICE,
        ),
    ]


def runtime() -> list[GraphPanel]:
    """What the interpreter and the kernel do for the processes."""
    return [
        graph(
            "Garbage collections per second",
            "A collection of generation 2 looks at every object and stops the process meanwhile.",
            [queries.GARBAGE_COLLECTIONS],
            unit=PER_SECOND,
            absent=_NO_SERVICE,
        ),
        graph(
            "Open files and threads",
            "Of all processes together; connections are open files too.",
            queries.FILES_AND_THREADS,
            unit="short",
            absent=_NO_SERVICE,
        ),
        graph(
            "Context switches per second",
            "Voluntary: it waits for something. Involuntary: another program got its processor.",
            [queries.CONTEXT_SWITCHES],
            unit=PER_SECOND,
            absent=_NO_SERVICE,
        ),
    ]


def redis() -> list[GraphPanel]:
    """What Redis holds, finds and loses."""
    return [
        graph(
            "Redis memory",
            "What it uses of what it may use; without `allowed` it has no limit.",
            queries.REDIS_MEMORY,
            unit=BYTES,
            absent=_NO_REDIS,
        ),
        graph(
            "Redis look-ups that found a key",
            "Of all look-ups, whoever asked. The response cache's own hit ratio is on the "
            "overview.",
            [queries.REDIS_HIT_RATIO],
            unit=RATIO,
            limits=thresholds.REDIS_HIT_RATIO,
            maximum=1,
            absent=_NO_REDIS,
        ),
        graph(
            "Redis keys and connections lost per second",
            "Expired keys are as they should be; evicted keys and refused connections are not.",
            queries.REDIS_LOSSES,
            unit=PER_SECOND,
            absent=_NO_REDIS,
        ),
    ]


def redis_load() -> list[GraphPanel]:
    """What is asked of Redis, and how long the service waits for it."""
    return [
        graph(
            "Redis command duration",
            "How long the service waited for a command.",
            queries.REDIS_DURATION,
            unit=SECONDS,
            limits=thresholds.REDIS_SECONDS,
            absent=_NO_SERVICE,
        ),
        graph(
            "Redis commands per second",
            "Whoever asked; each command within a script counts.",
            [queries.REDIS_COMMANDS],
            unit=PER_SECOND,
            absent=_NO_REDIS,
        ),
        graph(
            "Redis connections",
            "All that Redis has, and those of the service's own pools.",
            queries.REDIS_CONNECTIONS,
            unit="short",
            absent=_NO_REDIS,
        ),
    ]
