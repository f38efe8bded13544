"""Recording rules: what raw series cannot tell, or only by reading a month of them.

Counters live as long as a process. What they counted in an hour is recorded each few minutes, so
that views of 30 days need no process's own series.
"""

from dataclasses import dataclass
from typing import Final

from grafana.alerts.shapes import by_environment, counted
from grafana.dashboards.selectors import SERVICE, labels
from otel import attributes as a
from otel import names
from otel.names import Metric


@dataclass(frozen=True, slots=True)
class Recorded:
    """One recording rule; `name` is level:metric:operation, as Prometheus's own advice has it."""

    name: str
    expression: str
    meaning: str


@dataclass(frozen=True, slots=True)
class RecordedGroup:
    """Rules recorded together, in their order: a later one may read an earlier one."""

    name: str
    rules: tuple[Recorded, ...]
    interval: str


_ENVIRONMENT: Final = by_environment()
_MODEL: Final = by_environment(a.PROVIDER_NAME, a.REQUEST_MODEL)
_APP: Final = by_environment(a.APP)


def _hour(level: str, what: str, metric: Metric, by: tuple[str, ...]) -> Recorded:
    return Recorded(
        f"{level}:{what}:increase1h",
        counted(metric, by=by, window="1h"),
        f"{metric.name}: the last hour by {level}.",
    )


def _longer(hour: Recorded, window: str) -> Recorded:
    """The sum of hours, each read at its end, so that none counts twice."""
    return Recorded(
        f"{hour.name.rpartition(':')[0]}:increase{window}",
        f"sum_over_time({hour.name}[{window}:1h])",
        f"The hours of the last {window}, added up.",
    )


COST_PER_HOUR: Final = _hour("environment", "gaugeway_cost_usd", names.COST, _ENVIRONMENT)
COST_BY_MODEL: Final = _hour("model", "gaugeway_cost_usd", names.COST, _MODEL)
COST_BY_APP: Final = _hour("app", "gaugeway_cost_usd", names.COST, _APP)
INPUT_TOKENS_BY_MODEL: Final = _hour("model", "gaugeway_input_tokens", names.INPUT_TOKENS, _MODEL)
OUTPUT_TOKENS_BY_MODEL: Final = _hour(
    "model", "gaugeway_output_tokens", names.OUTPUT_TOKENS, _MODEL
)
DAY_COST_BY_MODEL: Final = _longer(COST_BY_MODEL, "1d")
DAY_COST_BY_APP: Final = _longer(COST_BY_APP, "1d")
MONTH_COST: Final = _longer(COST_PER_HOUR, "30d")
MONTH_COST_BY_MODEL: Final = _longer(COST_BY_MODEL, "30d")
MONTH_COST_BY_APP: Final = _longer(COST_BY_APP, "30d")

# Which metric every process with our telemetry exports each time, with or without traffic.
HEARTBEAT: Final = names.TELEMETRY_DROPPED
NEWEST_TELEMETRY: Final = Recorded(
    "service:gaugeway_telemetry:newest_seconds",
    f"max by ({labels(*by_environment(SERVICE))}) (timestamp({HEARTBEAT.prometheus}{{}}))",
    "When a service's metrics were last taken, in Unix seconds. A series that falls silent is "
    "forgotten after five minutes; this remembers it.",
)

GROUPS: Final = (
    RecordedGroup(
        "gaugeway-recorded-hours",
        (
            COST_PER_HOUR,
            COST_BY_MODEL,
            COST_BY_APP,
            INPUT_TOKENS_BY_MODEL,
            OUTPUT_TOKENS_BY_MODEL,
        ),
        "1m",
    ),
    RecordedGroup(
        "gaugeway-recorded-days",
        (
            DAY_COST_BY_MODEL,
            DAY_COST_BY_APP,
            MONTH_COST,
            MONTH_COST_BY_MODEL,
            MONTH_COST_BY_APP,
        ),
        "5m",
    ),
    RecordedGroup("gaugeway-recorded-freshness", (NEWEST_TELEMETRY,), "15s"),
)
