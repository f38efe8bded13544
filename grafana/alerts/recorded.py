"""Recording rules: what raw series cannot tell, or only by reading a month of them.

Counters live as long as a process. What they counted in an hour is recorded each minute, so that
views of 30 days need no process's own series.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from grafana.alerts.shapes import by_environment, counted, latest
from grafana.dashboards import recorded as series
from grafana.dashboards import rollups
from grafana.dashboards.rollups import Rollup
from grafana.dashboards.selectors import SERVICE, labels
from otel import names
from otel.names import Metric


@dataclass(frozen=True, slots=True)
class Recorded:
    """One recording rule: the expression whose value the series has, beside its own `labels`."""

    series: Metric
    expression: str
    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def name(self) -> str:
        """level:metric:operation, as Prometheus's own advice has it."""
        return self.series.prometheus


@dataclass(frozen=True, slots=True)
class RecordedGroup:
    """Rules recorded together, in their order: a later one may read an earlier one."""

    name: str
    rules: tuple[Recorded, ...]
    interval: str


def _hour(recorded: Metric, counter: Metric) -> Recorded:
    by = by_environment(*recorded.attributes)
    return Recorded(recorded, counted(counter, by=by, window="1h"))


def _longer(recorded: Metric, window: str) -> Recorded:
    """The sum of hours, each read at its end, so that none counts twice."""
    by = labels(*by_environment(*recorded.attributes))
    hours = f"sum_over_time({series.COST.prometheus}{{}}[{window}:1h])"
    return Recorded(recorded, f"sum by ({by}) ({hours})")


# The windows of rollups end so long before they are recorded: samples take seconds to arrive, and
# what comes after its window was recorded would be in none.
_LATE: Final = "1m"


def _kept(rollup: Rollup) -> tuple[str, ...]:
    kept = (one for one in rollup.recorded.attributes if one != rollups.LABEL)
    return by_environment(*kept)


def _fine(rollup: Rollup) -> Recorded:
    by = _kept(rollup)
    value = (
        latest(rollup.metric, by=by)
        if rollup.standing
        else counted(rollup.metric, by=by, window=rollups.FINE, series=rollup.series, ended=_LATE)
    )
    return Recorded(rollup.recorded, value, {rollups.LABEL: str(rollups.FINE_SECONDS)})


def _coarse(rollup: Rollup) -> Recorded:
    """From the fine ones, so that both tell the same."""
    how = "max" if rollup.standing else "sum"
    fine = f'{rollup.recorded.prometheus}{{{rollups.LABEL}="{rollups.FINE_SECONDS}"}}'
    hour = f"{how}_over_time({fine}[{rollups.COARSE}] offset {_LATE})"
    value = f"{how} by ({labels(*_kept(rollup))}) ({hour})"
    return Recorded(rollup.recorded, value, {rollups.LABEL: str(rollups.COARSE_SECONDS)})


COST: Final = _hour(series.COST, names.COST)
COST_OF_ALL: Final = Recorded(
    series.COST_OF_ALL,
    f"sum by ({labels(*by_environment())}) ({series.COST.prometheus}{{}})",
)
DAY_COST_BY_MODEL: Final = _longer(series.DAY_COST_BY_MODEL, "1d")
MONTH_COST_BY_MODEL: Final = _longer(series.MONTH_COST_BY_MODEL, "30d")

# Which metric every process with our telemetry exports each time, with or without traffic. A series
# that falls silent is forgotten after five minutes; what is recorded of it is not.
_HEARTBEAT: Final = names.TELEMETRY_DROPPED
NEWEST_TELEMETRY: Final = Recorded(
    series.NEWEST_TELEMETRY,
    f"max by ({labels(*by_environment(SERVICE))}) (timestamp({_HEARTBEAT.prometheus}{{}}))",
)

GROUPS: Final = (
    RecordedGroup(
        "gaugeway-recorded-hours",
        (
            COST,
            COST_OF_ALL,
            _hour(series.INPUT_TOKENS, names.INPUT_TOKENS),
            _hour(series.OUTPUT_TOKENS, names.OUTPUT_TOKENS),
        ),
        "1m",
    ),
    RecordedGroup(
        "gaugeway-recorded-days",
        (
            DAY_COST_BY_MODEL,
            _longer(series.DAY_COST_BY_APP, "1d"),
            MONTH_COST_BY_MODEL,
            _longer(series.MONTH_COST_BY_APP, "30d"),
        ),
        "5m",
    ),
    # As often as their windows are long, so that no event counts twice and none is left out.
    RecordedGroup("gaugeway-rollups-fine", tuple(map(_fine, rollups.ALL)), rollups.FINE),
    RecordedGroup("gaugeway-rollups-coarse", tuple(map(_coarse, rollups.ALL)), rollups.COARSE),
    RecordedGroup("gaugeway-recorded-freshness", (NEWEST_TELEMETRY,), "15s"),
)
