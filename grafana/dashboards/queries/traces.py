"""Traces that rows of tables lead to, with Grafana's template for the row's own value."""

from typing import Final

from grafana.dashboards.thresholds import DURATION_SECONDS
from otel import attributes as a

TRACES_OF_MODEL: Final = f'{{ span.{a.REQUEST_MODEL} = "${{__value.raw}}" }}'
TRACES_OF_APP: Final = f'{{ span.{a.APP} = "${{__value.raw}}" }}'
SLOW_TRACES_OF_MODEL: Final = (
    f'{{ span.{a.REQUEST_MODEL} = "${{__value.raw}}" && duration > {DURATION_SECONDS.warning:g}s }}'
)
FAILED_TRACES_OF_MODEL: Final = (
    f'{{ span.{a.REQUEST_MODEL} = "${{__value.raw}}" && status = error }}'
)
