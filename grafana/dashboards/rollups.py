"""What long time ranges read: how much a counter grew each five minutes or hour, in all processes.

A graph of days would read each sample of each process. A rollup has a few hundred samples a day of
far fewer series: without the process, and without labels that no panel groups or filters by.

Panels select raw series and rollups by one and the same matcher, `step=~"$step?"`, in which the
dashboards' hidden variable is a number of seconds. For a short range it is 1, and `1?` matches what
has no such label: raw series. For a long range it is 300, and `300?` matches rollups of five
minutes and nothing else; for a longer one 3600.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from grafana.dashboards.selectors import ENVIRONMENT, label
from otel import attributes as a
from otel import names
from otel.names import Kind, Metric

LABEL: Final = "step"
VARIABLE: Final = "step"
CHOSEN: Final = f'{LABEL}=~"${VARIABLE}?"'
# How far apart the samples of rollups are, and over which windows they tell.
FINE: Final = "5m"
COARSE: Final = "1h"
FINE_SECONDS: Final = 300
COARSE_SECONDS: Final = 3600
# How long ago the newest sample of a rollup can be.
WINDOW: Final = f"${{{VARIABLE}}}s"
# What the variable is where raw series are read.
RAW: Final = 1
# Ranges that are longer read the next. Exemplars are of raw series alone.
LONGEST_RAW_SECONDS: Final = 6 * 3600
_LONGEST_FINE_SECONDS: Final = 7 * 86_400
# Of ranges that are longer, the step: the first that fits.
STEPS: Final = ((_LONGEST_FINE_SECONDS, COARSE_SECONDS), (LONGEST_RAW_SECONDS, FINE_SECONDS))

_BOUND: Final = "le"
_MATCHED: Final = re.compile(r"\b(\w++)(?:=~|!~|!=|=)")
_SPENDER: Final = (a.PROVIDER_NAME, a.REQUEST_MODEL, a.APP)
# Labels that no panel over a long range asks for.
_DROPPED: Final = frozenset(
    {a.RESPONSE_MODEL, a.SERVER_ADDRESS, a.SERVER_PORT, a.TOKEN_MODALITY}
    | {a.NETWORK_PROTOCOL_VERSION, a.URL_SCHEME, a.HTTP_METHOD}
)


@dataclass(frozen=True, slots=True)
class Rollup:
    """What is rolled up: a counter, a histogram's `_bucket`, `_count` or `_sum`, or a gauge.

    Of a gauge it is the highest of all processes, not what it grew.
    """

    metric: Metric
    series: str
    attributes: tuple[str, ...]

    @property
    def standing(self) -> bool:
        """Whether it is a gauge."""
        return self.metric.kind in {Kind.GAUGE, Kind.OBSERVABLE_GAUGE}

    @property
    def recorded(self) -> Metric:
        """The series that recording rules write, for each step one."""
        bound = (_BOUND,) if self.series == "_bucket" else ()
        how = "max" if self.standing else "increase"
        return Metric(
            f"rollup:{self.metric.prometheus}{self.series}:{how}",
            Kind.GAUGE,
            "",
            "How high it stood." if self.standing else "How much it grew in a step.",
            (*self.attributes, *bound, LABEL),
            foreign=True,
        )


def _rolled_up(metric: Metric, series: str = "") -> Rollup:
    kept = tuple(attribute for attribute in metric.attributes if attribute not in _DROPPED)
    return Rollup(metric, series, kept)


def _buckets(metric: Metric) -> Rollup:
    """Only by what dashboards filter by: there are fifteen series of each."""
    return Rollup(metric, "_bucket", tuple(one for one in metric.attributes if one in _SPENDER))


_INFERENCES: Final = _rolled_up(names.OPERATION_DURATION, "_count")
# There wherever there was ever any traffic.
INFERENCES: Final = _INFERENCES.recorded

ALL: Final = (
    _INFERENCES,
    _rolled_up(names.OPERATION_DURATION, "_sum"),
    _rolled_up(names.TIME_TO_FIRST_CHUNK, "_count"),
    _rolled_up(names.TIME_PER_OUTPUT_CHUNK, "_count"),
    _rolled_up(names.GATEWAY_DURATION, "_count"),
    _rolled_up(names.GATEWAY_DURATION, "_sum"),
    *map(
        _buckets,
        (
            *(names.OPERATION_DURATION, names.TIME_TO_FIRST_CHUNK),
            *(names.TIME_PER_OUTPUT_CHUNK, names.GATEWAY_DURATION),
        ),
    ),
    _rolled_up(names.HTTP_SERVER_DURATION, "_count"),
    *map(
        _rolled_up,
        (
            *(names.BUDGET_SPENT, names.BUDGET_LIMIT, names.BUDGET_FORECAST),
            *(names.COST, names.SAVED, names.UNPRICED_OPERATIONS),
            *(names.INPUT_TOKENS, names.OUTPUT_TOKENS),
            *(names.CACHE_READ_TOKENS, names.REASONING_TOKENS),
            *(names.CACHE_REQUESTS, names.STREAMS, names.REQUESTS_REJECTED),
            *(names.PROVIDER_ERRORS, names.RETRIES, names.FALLBACKS, names.TIMEOUTS),
            *(names.BUDGET_DENIALS, names.BUDGET_UNCHECKED),
        ),
    ),
)
_BY_SERIES: Final = {(one.metric, one.series): one for one in ALL}


def step_of(range_seconds: int) -> int:
    """What the dashboards' variable is for a time range, where there are rollups."""
    return next((step for longest, step in STEPS if range_seconds > longest), RAW)


def rollup_of(
    metric: Metric, series: str, by: Iterable[str], matchers: Iterable[str]
) -> Rollup | None:
    """The rollup that has every label that is grouped by (attributes) and matched (`name="…"`)."""
    found = _BY_SERIES.get((metric, series))
    if found is None:
        return None
    known = {label(attribute) for attribute in (ENVIRONMENT, *found.recorded.attributes)}
    asked = {label(attribute) for attribute in by} | set(_MATCHED.findall(",".join(matchers)))
    return found if asked <= known else None
