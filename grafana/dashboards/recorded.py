"""The series that recording rules write, for panels and alerts to read.

`grafana.alerts.recorded` and `grafana.slos.rules` say what each is made of. They have no
`service_name` and no instance.
"""

from typing import Final

from grafana.dashboards import rollups
from grafana.slos import series as slos
from otel import attributes as a
from otel.names import Kind, Metric

_SPENDER: Final = (a.PROVIDER_NAME, a.REQUEST_MODEL, a.APP)
_MODEL: Final = (a.PROVIDER_NAME, a.REQUEST_MODEL)


def _recorded(name: str, meaning: str, *labels: str) -> Metric:
    return Metric(name, Kind.GAUGE, "", meaning, labels, foreign=True)


# By who spent it on what: the variables of a dashboard filter these as they filter raw series. Read
# at the end of each hour, `sum_over_time(…[1d:1h])`, no dollar counts twice.
COST: Final = _recorded("app_model:gaugeway_cost_usd:increase1h", "Cost of an hour.", *_SPENDER)
INPUT_TOKENS: Final = _recorded(
    "app_model:gaugeway_input_tokens:increase1h", "Input tokens of an hour.", *_SPENDER
)
OUTPUT_TOKENS: Final = _recorded(
    "app_model:gaugeway_output_tokens:increase1h", "Output tokens of an hour.", *_SPENDER
)
COST_OF_ALL: Final = _recorded("environment:gaugeway_cost_usd:increase1h", "Cost of an hour.")
DAY_COST_BY_MODEL: Final = _recorded(
    "model:gaugeway_cost_usd:increase1d", "Cost of 24 whole hours by model.", *_MODEL
)
DAY_COST_BY_APP: Final = _recorded(
    "app:gaugeway_cost_usd:increase1d", "Cost of 24 whole hours by app.", a.APP
)
MONTH_COST_BY_MODEL: Final = _recorded(
    "model:gaugeway_cost_usd:increase30d", "Cost of 30 days by model.", *_MODEL
)
MONTH_COST_BY_APP: Final = _recorded(
    "app:gaugeway_cost_usd:increase30d", "Cost of 30 days by app.", a.APP
)
NEWEST_TELEMETRY: Final = _recorded(
    "service:gaugeway_telemetry:newest_seconds",
    "When a service's metrics were last taken, in Unix seconds.",
    "service.name",
)

ALL: Final = (
    COST,
    INPUT_TOKENS,
    OUTPUT_TOKENS,
    COST_OF_ALL,
    DAY_COST_BY_MODEL,
    DAY_COST_BY_APP,
    MONTH_COST_BY_MODEL,
    MONTH_COST_BY_APP,
    NEWEST_TELEMETRY,
    *(rollup.recorded for rollup in rollups.ALL),
    *slos.ALL,
)
