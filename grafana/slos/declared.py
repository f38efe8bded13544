"""Every service-level objective there is. To change one, change it here and run `make generate`."""

from typing import Final

from grafana.alerts.alert import Team
from grafana.dashboards import thresholds
from grafana.dashboards.promql import per_second
from grafana.dashboards.queries.query import HOUR
from grafana.dashboards.selectors import everything, label
from grafana.slos.series import PIECE
from grafana.slos.slo import ENVIRONMENT, SLO, Events, Spells
from otel import attributes as a
from otel import names
from otel.names import Metric

_MODEL_API: Final = f'{label(a.HTTP_ROUTE)}=~"/v1/.+"'
_SUCCEEDED: Final = f'{label(a.ERROR_TYPE)}=""'
# Bounds of buckets, so that what is slower can be counted exactly.
LATENCY_SECONDS: Final = 10.24
FIRST_CHUNK_SECONDS: Final = 2.56


def _within(metric: Metric, seconds: float, *matchers: str) -> Events:
    return Events(metric, (f'le="{seconds:g}"', *matchers), "_bucket")


AVAILABILITY: Final = SLO(
    name="availability",
    title="Availability",
    promise="the model API answers a request with something other than a 5xx",
    objective=0.995,
    good=Events(
        names.HTTP_SERVER_DURATION,
        (_MODEL_API, f'{label(a.HTTP_STATUS_CODE)}!~"5.."'),
        "_count",
    ),
    total=Events(names.HTTP_SERVER_DURATION, (_MODEL_API,), "_count"),
    team=Team.DEV,
    least_bad=thresholds.LEAST_FAILURES,
)
# What failed is counted by availability: a quick failure is no quick answer.
LATENCY: Final = SLO(
    name="latency",
    title="Latency",
    promise=f"an inference that succeeds takes at most {LATENCY_SECONDS:g} s, a stream to its end",
    objective=0.95,
    good=_within(names.OPERATION_DURATION, LATENCY_SECONDS, _SUCCEEDED),
    total=Events(names.OPERATION_DURATION, (_SUCCEEDED,), "_count"),
    team=Team.DEV,
    least_bad=thresholds.LEAST_FAILURES,
)
FIRST_CHUNK: Final = SLO(
    name="first-chunk",
    title="Time to first chunk",
    promise=f"a stream sends its first chunk within {FIRST_CHUNK_SECONDS:g} s",
    objective=0.95,
    good=_within(names.TIME_TO_FIRST_CHUNK, FIRST_CHUNK_SECONDS),
    total=Events(names.TIME_TO_FIRST_CHUNK, (), "_count"),
    team=Team.DEV,
    least_bad=thresholds.LEAST_FAILURES,
)
# Money has no good and bad requests, a dear one may be worth its price. It has good and bad times.
_PACE: Final = f"{per_second(names.COST, by=ENVIRONMENT, window=PIECE, select=everything)} * {HOUR}"
COST: Final = SLO(
    name="cost",
    title="Cost",
    promise="five minutes are spent at a pace of at most "
    f"{thresholds.COST_PER_HOUR_USD.critical:g} USD an hour",
    objective=0.99,
    good=Spells(_PACE, at_most=thresholds.COST_PER_HOUR_USD.critical),
    total=Spells(_PACE),
    team=Team.BILLING,
    # One dear request spoils the five minutes it is in, and no more.
    least_bad=thresholds.LEAST_BAD_SPELLS,
)

SLOS: Final = (AVAILABILITY, LATENCY, FIRST_CHUNK, COST)
