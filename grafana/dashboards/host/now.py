"""What is wrong now: one number each, coloured by its thresholds."""

from grafana_foundation_sdk.builders.stat import Panel as StatPanel

from grafana.dashboards import thresholds
from grafana.dashboards.graphs import number
from grafana.dashboards.looks import up_or_down
from grafana.dashboards.queries import host as queries
from grafana.dashboards.units import BYTES, RATIO, SECONDS


def numbers() -> list[StatPanel]:
    """Is anything short."""
    return [*_machine(), *_service(), *_redis()]


def _machine() -> list[StatPanel]:
    return [
        number(
            "CPU",
            "Processors' time that was not idle.",
            queries.CPU_NOW,
            thresholds.CPU_RATIO,
            unit=RATIO,
            decimals=0,
            absent="unknown",
        ),
        number(
            "Memory",
            "Memory that programs hold; what the kernel keeps for files is not counted.",
            queries.MEMORY_NOW,
            thresholds.MEMORY_RATIO,
            unit=RATIO,
            decimals=0,
            absent="unknown",
        ),
        number(
            "Fullest disk",
            "How full the fullest file system is for programs that are not root's.",
            queries.DISK_NOW,
            thresholds.DISK_RATIO,
            unit=RATIO,
            decimals=0,
            absent="unknown",
        ),
    ]


def _service() -> list[StatPanel]:
    return [
        number(
            "Loop lag p99",
            "99 of 100 timers of the event loop woke no later than this after their time.",
            queries.LAG_NOW,
            thresholds.EVENT_LOOP_LAG_SECONDS,
            unit=SECONDS,
            absent="no service",
        ),
        number(
            "Largest process",
            "Resident memory of the service's largest process.",
            queries.LARGEST_PROCESS,
            thresholds.PROCESS_MEMORY_BYTES,
            unit=BYTES,
            decimals=0,
            absent="no service",
        ),
        number(
            "Background work",
            "Whether all that processes of the service do beside requests gets on: files that are "
            "watched, checks, the ledger.",
            queries.BACKGROUND_NOW,
            thresholds.BACKGROUND_TASK_UP,
            unit="none",
            absent="no service",
            mappings=[up_or_down()],
        ),
    ]


def _redis() -> list[StatPanel]:
    return [
        number(
            "Redis up",
            "Whether Redis answered the last check of every process of the service.",
            queries.REDIS_UP,
            thresholds.REDIS_UP,
            unit="none",
            absent="unknown",
            mappings=[up_or_down()],
        ),
        number(
            "Redis fill",
            "Memory used, of what Redis may use. It evicts nothing: at 100 % it refuses to write.",
            queries.REDIS_MEMORY_NOW,
            thresholds.REDIS_MEMORY_RATIO,
            unit=RATIO,
            decimals=1,
            absent="no limit",
        ),
        number(
            "Redis hit ratio",
            "Look-ups that found a key, of all, whoever asked.",
            queries.REDIS_HIT_RATIO_NOW,
            thresholds.REDIS_HIT_RATIO,
            unit=RATIO,
            decimals=0,
            absent="no look-ups",
        ),
    ]
