"""What happened: the queries of the events that every dashboard marks on its graphs.

Grafana looks at an event query at least every minute and widens `$__rate_interval` with the time
range, so that no event falls between two looks.
"""

from typing import Final

from grafana.dashboards.components import ALERTS, TARGET_INFO
from grafana.dashboards.promql import GRAPH_WINDOW, counted
from grafana.dashboards.queries.query import Query, shown
from grafana.dashboards.selectors import ENVIRONMENT, environment_matcher, label
from otel import attributes as a
from otel import names

# Processes that an OpenTelemetry SDK speaks for: the service, and applications beside it.
_SPOKEN_FOR: Final = f'{label("telemetry.sdk.name")}!=""'
_PROCESSES: Final = f"{TARGET_INFO.prometheus}{environment_matcher(_SPOKEN_FOR)}"
_VERSION: Final = label("service.version")


def _new(by: str) -> str:
    """What is there now and was not a moment ago, by some labels."""
    now = f"count by ({by}) ({_PROCESSES})"
    return f"({now} unless count by ({by}) ({_PROCESSES} offset {GRAPH_WINDOW}))"


STARTS: Final = Query(f"count by (job) {_new('job, instance')}", "{{job}} started")
# A version of which there was no process a moment ago, while there was one of another.
VERSIONS: Final = Query(
    f"{_new(f'job, {_VERSION}')} and on (job) {_PROCESSES} offset {GRAPH_WINDOW}",
    "{{job}} is now {{" + _VERSION + "}}",
)
RELOADS: Final = Query(
    counted(
        names.CONFIGURATION_RELOADS,
        by=(a.CONFIGURATION_FILE, a.CONFIGURATION_RESULT),
        window=GRAPH_WINDOW,
    )
    + " > 0",
    f"{shown(a.CONFIGURATION_FILE)}: {shown(a.CONFIGURATION_RESULT)}",
)
# Alerts on the Collector are of no environment, and concern each.
_FIRING: Final = f'{{{label(ENVIRONMENT)}=~"$environment|",alertstate="firing"}}'
FIRING: Final = Query(
    f"max by (alertname, severity, team) ({ALERTS.prometheus}{_FIRING})",
    "{{alertname}}",
)
